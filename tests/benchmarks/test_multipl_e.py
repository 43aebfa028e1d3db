"""MultiPL-E: published verdicts again, what its rows become, and rule sets as part of a run."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from harness.config import ScoreConfig
from harness.errors import UsageError
from harness.evaluation import scoring
from harness.registry import make_benchmark
from harness.report.wording import format_family_means
from harness.sandboxes import open_sandbox
from harness.store import read_manifest
from harness.tasks.suite import load_suite
from harness.tasks.variants import resolve_benchmarks
from harness.types import CodeForm, Score, Status, Work
from tests.commands import read_rows

pytestmark = pytest.mark.data

COUNTS = {
    **{"cpp": 161, "cs": 158, "d": 156, "go": 154, "java": 158, "jl": 159, "js": 161, "lua": 161, "php": 161},
    **{"pl": 161, "r": 161, "rb": 161, "rkt": 161, "rs": 156, "scala": 160, "sh": 158, "swift": 158, "ts": 159},
}
GOLDEN = ("cpp", "cs", "java", "js", "php", "sh", "ts")
NEWER = {"HumanEval_16_count_distinct_characters": "str_split('') is [] from PHP 8.2 on; the published run had another"}
"""Verdicts that differ, and why."""
EVERY = 16


def golden(name: str) -> Path:
    return Path(os.environ["HARNESS_DATA_DIR"]) / "golden" / "qwen2.5-coder-1.5b" / name


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.parametrize("field", ["program", "raw"])
@pytest.mark.parametrize("language", GOLDEN)
def test_published_verdicts_come_out_again(languages_image: str, tmp_path: Path, language: str, field: str) -> None:
    """Every sixteenth of Qwen2.5-Coder's programs, as it ran and from the raw answer through our own cutting."""
    assert languages_image
    with gzip.open(golden(f"multipl-e-{language}.samples.jsonl.gz"), "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][::EVERY]
    samples = tmp_path / "samples.jsonl"
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    truth = json.loads(golden(f"multipl-e-{language}.truth.json").read_text(encoding="utf-8"))["verdicts"]
    config = ScoreConfig(
        samples=samples,
        benchmark=f"multipl-e-{language}@rule-set=deepseek",
        field=field,
        recipe="completion" if field == "raw" else None,
        sandbox="docker",
    )

    scoring.score(config, out=tmp_path / "run")

    found = {row["task_id"]: row["status"] == "passed" for row in read_rows(tmp_path / "run" / "verdicts.jsonl")}
    assert len(found) == len(rows) >= 10
    assert {task: passed for task, passed in found.items() if passed != truth[task]["passed"]}.keys() <= NEWER.keys()
    facts = read_manifest(tmp_path / "run")["sandbox"]["languages"]
    assert "12.2" in facts["versions"]["g++"]
    assert facts["trust"] == "in-process"


@pytest.mark.parametrize("language", COUNTS)
def test_every_language_has_its_problems(language: str) -> None:
    """As many as are published, and the stop tokens that every row has are the recipe's."""
    suite = load_suite(f"multipl-e-{language}").with_recipe("completion")
    data = Path(os.environ["HARNESS_DATA_DIR"]) / "multipl-e" / f"humaneval-{language}.jsonl.gz"
    with gzip.open(data, "rt", encoding="utf-8") as file:
        stops = {tuple(json.loads(line)["stop_tokens"]) for line in file}

    assert len(suite.problems) == COUNTS[language]
    assert suite.recipe is not None
    assert {suite.recipe.stop} == stops


@pytest.mark.parametrize(
    ("language", "answer", "kept"),
    [
        # the first stop token in the text cuts, a helper's brace as well as the function's own
        ("cpp", "    return 1;\n}\nint other() {\n    return 2;\n}\n", "    return 1;"),
        ("java", "        return 1L;\n    }\n\n    static int other() { return 2; }\n", "        return 1L;"),
        # a method that is indented by a tab is never cut
        ("java", "\t\treturn 1L;\n\t}\n\tstatic int other() { return 2; }\n", None),
        # anywhere, inside the body too
        ("go", "    type pair struct { a int }\n", "    type pair "),
        ("rb", "    1\nend\n\nputs 1\n", "    1\nend"),
    ],
)
def test_answers_are_cut_at_the_rows_stop_tokens(language: str, answer: str, kept: str | None) -> None:
    """At the earliest of them, which is not kept."""
    suite = load_suite(f"multipl-e-{language}").with_recipe("completion")
    problem = next(iter(suite.problems.values()))
    assert suite.recipe is not None

    code = suite.recipe.extract(problem.prompt.strip() + "\n" + answer, problem).code

    assert code == "\n" + (answer if kept is None else kept)


def test_a_program_is_prompt_completion_and_tests() -> None:
    """The prompt as the row has it; code that stands alone replaces it, and a whole program has its tests already."""
    suite = load_suite("multipl-e-cpp")
    problem = next(iter(suite.problems.values()))
    made = {form: suite.benchmark.program(problem, "x", form) for form in CodeForm}

    assert made[CodeForm.COMPLETION].source == problem.prompt + "x"
    assert made[CodeForm.SOLUTION].source == made[CodeForm.PROGRAM].source == "x"
    assert [form for form, program in made.items() if program.has_tests] == [CodeForm.PROGRAM]
    assert {program.group for program in made.values()} == {"cpp"}


def test_a_rule_set_is_a_benchmark_of_its_own() -> None:
    """So that runs of two rule sets are never one column."""
    (name,) = resolve_benchmarks(["multipl-e-cpp"], options={"rule-set": "deepseek"})
    benchmarks: list[Any] = [make_benchmark(one) for one in ("multipl-e-cpp", name)]
    problem = benchmarks[0].problems()[0]

    assert [one.name for one in benchmarks] == ["multipl-e-cpp", "multipl-e-cpp@rule-set=deepseek"]
    assert benchmarks[0].judge(problem) != benchmarks[1].judge(problem)
    assert make_benchmark("multipl-e-cpp@rule-set=multipl-e").name == "multipl-e-cpp"


@pytest.mark.parametrize(
    ("name", "rules", "said"),
    [
        ("multipl-e-cpp", "bigcode", "choose one of multipl-e, deepseek"),
        ("multipl-e-lua", "deepseek", "choose one of multipl-e"),
        ("humaneval", "deepseek", "leave it out"),
    ],
)
def test_a_rule_set_that_is_not_there_is_refused(name: str, rules: str, said: str) -> None:
    """One line that names what there is."""
    with pytest.raises(UsageError, match=said):
        resolve_benchmarks([name], options={"rule-set": rules})


RIGHT = {
    "cpp": "    return string.length();\n}",
    "cs": "        return str.Length;\n    }",
    "java": "        return string.length();\n    }",
    "js": "    return string.length;\n}",
    "lua": "    return #string\nend",
    "pl": "    return length($string);\n}",
    "rb": "    string.length\nend",
    "sh": "    echo ${#1}\n}",
    "ts": "    return string.length;\n}",
}
"""The body of the first problem's function, and what ends it. PHP has a `strlen` of its own, so that nothing passes."""
CLASSES = ("cs", "java")


@pytest.mark.docker
def test_right_answers_pass_in_every_language(languages_image: str) -> None:
    """As a completion, cut at the stop tokens, and as a chat model's block in place of the stub."""
    assert languages_image
    items: list[Work] = []
    for language, body in RIGHT.items():
        suite = load_suite(f"multipl-e-{language}")
        problem = next(iter(suite.problems.values()))
        whole = problem.prompt + body + ("\n}" if language in CLASSES else "")
        for recipe, text in {"completion": f"{body}\n", "chat": f"Here:\n\n```\n{whole}\n```\n"}.items():
            made = suite.with_recipe(recipe).recipe
            assert made is not None
            found = made.extract(text, problem)
            program = suite.benchmark.program(problem, found.code, found.form)
            items.append(((language, recipe), program, suite.benchmark.judge(problem)))

    with open_sandbox("docker", environment="languages", workers=1) as sandbox:
        outcomes = dict(sandbox.run(items))

    assert len(outcomes) == 2 * len(RIGHT)
    assert {key: outcome for key, outcome in outcomes.items() if outcome.status is not Status.PASSED} == {}


def test_one_name_stands_for_all_languages_that_can_be_run() -> None:
    """Bash is everywhere; under a rule set, those that it has."""
    plain, deepseek = (
        resolve_benchmarks(["multipl-e"], options=options, sandbox="process")
        for options in (None, {"rule-set": "deepseek"})
    )

    assert "multipl-e-sh" in plain
    assert "multipl-e-sh@rule-set=deepseek" in deepseek
    assert "multipl-e-swift" not in plain
    assert all(name.endswith("@rule-set=deepseek") for name in deepseek)


def test_the_mean_is_of_percentages() -> None:
    """Not of pooled samples, and never over two rule sets."""

    def score(benchmark: str, value: float, problems: int) -> Score:
        return Score(
            benchmark=benchmark,
            metric="pass@1",
            k=1,
            value=value,
            interval=None,
            n_problems=problems,
            n_samples=problems,
        )

    scores = [score("multipl-e-cpp", 0.5, 161), score("multipl-e-go", 0.25, 154), score("humaneval", 1.0, 164)]
    other = [score("multipl-e-cpp@rule-set=deepseek", 1.0, 161)]

    assert format_family_means([*scores, *other]) == [("multipl-e pass@1", "37.5 %, mean of 2")]
