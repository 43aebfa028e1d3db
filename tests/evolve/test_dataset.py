"""What comes out: data that others load, statistics that say what happened, a page that needs no network."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness.digests import digest_file
from harness.evolve.estimate import estimate_cost
from harness.evolve.operators import choose_operators
from harness.evolve.records import EvolveConfig
from harness.evolve.run import EvolveResult, Settings, evolve
from harness.evolve.seeds import read_seeds
from harness.evolve.statistics import measure_distinct, measure_nesting
from tests.commands import harness, one_line_error, read_rows
from tests.evolve.world import write_replies, write_seeds


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> EvolveResult:
    """Two rounds of six seeds, one judged equal, one answered with markup."""
    folder = tmp_path_factory.mktemp("evolved")
    markup = "<script>alert(1)</script> explained & shown in ten words or so, for all"
    other = {"s000001.r1/judge": "Equal", "s000003.r1/evolve": markup}
    replies = write_replies(folder / "replies.jsonl", other=other)
    config = EvolveConfig(model=f"replay:{replies}", operators=choose_operators("wizardlm"), rounds=2)
    return evolve(config, Settings(out=folder / "out", seeds=write_seeds(folder / "seeds.jsonl")))


def test_the_data_loads_with_datasets(outcome: EvolveResult) -> None:
    """By the card's header, as rows with their lineage; Parquet holds the same."""
    datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")
    parquet = pytest.importorskip("pyarrow.parquet", reason="the package pyarrow is not installed")
    cache = outcome.path / "cache"
    loaded = datasets.load_dataset(str(outcome.path / "dataset"), cache_dir=str(cache))["train"]
    rows = read_rows(outcome.path / "dataset" / "train.jsonl")
    assert loaded.to_list() == rows
    assert parquet.read_table(outcome.path / "dataset" / "train.parquet").to_pylist() == rows
    assert len(rows) == 17


def test_the_manifest_names_what_the_data_came_from(outcome: EvolveResult) -> None:
    """Digests of files, seeds, operators and model; the digests are the files'."""
    manifest = json.loads((outcome.path / "dataset" / "manifest.json").read_text())
    for name, digest in manifest["files"].items():
        assert f"sha256:{digest_file(outcome.path / 'dataset' / name)}" == digest
    assert manifest["rounds"] == {"0": 6, "1": 5, "2": 6}
    assert manifest["ledger"]["requests"] == 35
    assert manifest["ledger"]["digest"].startswith("sha256:")
    assert set(manifest["templates"]) == {"judge", "answer"}
    (weights,) = manifest["models"].values()
    assert weights.startswith("sha256:")
    assert set(manifest["operators"]) == {one.name for one in choose_operators("wizardlm")}
    assert manifest["contamination"] is None
    card = (outcome.path / "dataset" / "README.md").read_text()
    assert "17 rows" in card and "not compared with any benchmark" in card


def test_the_plain_file_has_alpacas_fields_alone(outcome: EvolveResult) -> None:
    """Instruction, input and output, in the same order, code as it was."""
    plain = json.loads((outcome.path / "dataset" / "alpaca.json").read_text())
    rows = read_rows(outcome.path / "dataset" / "train.jsonl")
    assert plain == [{key: row[key] for key in ("instruction", "input", "output")} for row in rows]
    assert "x < y" in (outcome.path / "dataset" / "alpaca.json").read_text()


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_stands_alone_and_escapes_what_models_say(outcome: EvolveResult) -> None:
    """No request leaves it; plots are inside; a model's markup is text; every thrown-away attempt is there."""
    text = (outcome.path / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert all(address.startswith(("#", "data:image/png")) for address in page.addresses)
    assert page.tags.count("svg") == 2 and "script" not in page.tags
    assert "&lt;script&gt;alert(1)" in text
    assert "thrown away: no-gain" in text
    assert len(re.findall(r"<summary>s\d{6}:", text)) == 6


def test_curves_are_counted_from_the_rows(outcome: EvolveResult) -> None:
    """Rounds 1 and 2 have a branch more than the seeds; each round is its own row."""
    rounds = outcome.statistics["rounds"]
    assert [rounds[number]["rows"] for number in ("0", "1", "2")] == [6, 5, 6]
    assert rounds["0"]["branches"]["mean"] == 0
    assert rounds["1"]["branches"]["mean"] == 2
    assert (rounds["0"]["nesting"]["max"], rounds["2"]["nesting"]["max"]) == (1, 2)


def test_diversity_and_nesting_by_hand() -> None:
    """Distinct n-grams over all n-grams; blocks in blocks."""
    import ast

    assert measure_distinct(["a b a b", "a b"], 1) == round(2 / 6, 4)
    assert measure_distinct(["a b a b", "a b"], 2) == round(2 / 4, 4)
    assert measure_distinct(["a"], 2) == 0.0
    assert measure_nesting(ast.parse("for a in b:\n    if a:\n        pass\nx = 1")) == 2


def test_a_sample_is_the_head_of_the_shuffled_whole(tmp_path: Path, outcome: EvolveResult) -> None:
    """The same rows in the same order, fewer of them."""
    replies = write_replies(tmp_path / "replies.jsonl")
    seeds = write_seeds(tmp_path / "seeds.jsonl")
    config = EvolveConfig(model=f"replay:{replies}", operators=choose_operators("wizardlm"), rounds=1)
    full = evolve(config, Settings(out=tmp_path / "a", seeds=seeds))
    part = evolve(config, Settings(out=tmp_path / "b", seeds=seeds, sample=5))
    rows = [read_rows(one.path / "dataset" / "train.jsonl") for one in (full, part)]
    assert rows[1] == rows[0][:5]


def test_an_estimate_counts_the_most_that_can_be_asked(tmp_path: Path) -> None:
    """Rewriting, judging and answering for each seed and round; time and cost by what the user says."""
    seeds = write_seeds(tmp_path / "seeds.jsonl")
    common = ["evolve", seeds, "-m", "replay:missing", "--out", tmp_path / "out", "--rounds", "3", "--dry-run"]
    done = harness(*common, "--tokens-per-s", "100", "--price-in", "1", "--price-out", "2")
    assert done.returncode == 0, done.stderr
    assert "at most 54" in done.stdout and "at 100 tokens/s" in done.stdout
    assert not (tmp_path / "out").exists()
    found = estimate_cost(EvolveConfig(model="m", operators=choose_operators("wizardlm"), rounds=3), read_seeds(seeds))
    assert found.compute_seconds(10) == found.completion_tokens / 10
    assert found.compute_cost(1e6, 0) == found.prompt_tokens


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--operators", "deepen"], 'operator "deepen" is not known'),
        (["--operators", "misdirect=x"], 'the weight of misdirect is "x"'),
        (["--preset", "wizard"], 'preset "wizard" is not known'),
        (["--form", "html"], 'form is "html"; it must be'),
        (["--near", "2"], "near is 2.0; it must be"),
        (["--no-decontaminate", "--execute"], "do not go with --no-decontaminate"),
    ],
)
def test_a_flag_that_does_not_fit_is_refused_in_one_line(tmp_path: Path, flags: list[str], told: str) -> None:
    """Before anything is asked or written."""
    refused = harness("evolve", "-m", "replay:none.jsonl", "--out", tmp_path / "out", *flags)
    assert refused.returncode == 2
    assert told in one_line_error(refused)
    assert not (tmp_path / "out").exists()


def test_our_own_seeds_hold_and_run() -> None:
    """At least a hundred, none like another, every answer's examples pass."""
    import subprocess
    import sys

    seeds = read_seeds().seeds
    assert len(seeds) >= 100
    assert len({seed.instruction for seed in seeds}) == len(seeds)
    programs = [seed.output.removeprefix("```python\n").removesuffix("\n```") for seed in seeds]
    light = [program for program in programs if "pandas" not in program]
    assert len(programs) - len(light) == 10
    for program in [*light[:10], *light]:
        compile(program, "<seed>", "exec")
        assert "assert" in program
    whole = "\n".join(f"exec({program!r}, {{'__name__': 'seed'}})" for program in programs)
    done = subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-600:]
