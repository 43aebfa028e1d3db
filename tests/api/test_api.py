"""The command line's verbs from Python, and runs as frames."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import harness
from harness import api
from harness.benchmarks.humaneval import HumanEval
from harness.cli.application import app
from harness.errors import SamplesError, StoreError, UsageError
from tests.commands import read_rows, references, write_rows
from tests.evolve.world import write_replies, write_seeds
from tests.runs import outcomes, write_run

HEAVY = ("torch", "vllm", "transformers", "pandas", "matplotlib", "docker", "rich", "numpy", "typer")


def verbs(group: Any = None, prefix: str = "") -> Iterator[str]:
    """Every command of the command line."""
    for name, command in (group or typer.main.get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from verbs(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}"


def test_every_verb_has_its_function() -> None:
    """With a docstring, and offered by the package itself."""
    assert set(verbs()) == {words for words, verb in harness.VERBS.items() if verb.command}
    for verb in harness.VERBS.values():
        assert getattr(harness, verb.function) is getattr(api, verb.function)
        assert getattr(api, verb.function).__doc__
        assert verb.function in dir(harness)


def test_every_function_has_its_verb() -> None:
    """What a module of the room defines in public, the package offers; so type checkers see the same names."""
    modules = [importlib.import_module(f"harness.api.{one.name}") for one in pkgutil.iter_modules(api.__path__)]
    helpers = {"harness.api.paths", "harness.api.settings"}
    defined = {
        name
        for module in modules
        if module.__name__ not in helpers
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }

    assert defined == {verb.function for verb in harness.VERBS.values()}
    assert {"Runs", "load_runs"} <= set(dir(harness))


def test_importing_the_package_imports_nothing_else() -> None:
    """A notebook begins at once."""
    program = f"import sys, harness\ndir(harness)\nprint(sorted(set(sys.modules) & set({HEAVY!r})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == "[]\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="evaluat"):
        harness.evaluat  # type: ignore[attr-defined]  # noqa: B018


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with one run, made by `harness.run`."""
    folder = tmp_path_factory.mktemp("made")
    file = references(folder / "s.jsonl")
    harness.run(f"replay:{file}", "humaneval", out=folder / "results" / "references", limit=4, sandbox="process")
    return folder / "results"


def test_a_run_is_five_lines(made: Path) -> None:
    """Run, frames, plot: what the documentation shows."""
    runs = harness.load_runs(made)

    assert len(runs) == 1
    assert runs.runs.loc[0, "run"] == "references"
    assert bool(runs.runs.loc[0, "complete"])
    (score,) = runs.scores.to_dict("records")
    assert (score["benchmark"], score["metric"], score["value"], score["problems"]) == ("humaneval", "pass@1", 1.0, 4)
    assert list(runs.samples["status"]) == ["passed"] * 4
    assert {"raw", "code", "cpu_time_s", "trust"} <= set(runs.samples.columns)
    assert runs.plot()._repr_png_().startswith(b"\x89PNG")
    assert (made / "references" / "report.html").exists()


def test_runs_in_folders_of_one_name_are_plotted_apart(made: Path, tmp_path: Path) -> None:
    """Each has bars of its own, named by as many folders as tell them apart."""
    for name in ("old", "new"):
        shutil.copytree(made / "references", tmp_path / name / "run")

    figure = harness.load_runs(tmp_path, tmp_path / "old").plot()

    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["new/run", "old/run"]
    assert len(axes.containers) == 4  # bars and their intervals


def test_a_run_tells_itself_in_a_line(made: Path) -> None:
    """A notebook shows what a call returns; not megabytes."""
    assert repr(harness.write_report(made / "references")) == f"<run {made / 'references'}: humaneval pass@1 1.000>"
    assert repr(harness.load_runs(made)) == "<1 runs: references>"


def test_a_dry_run_tells_what_is_left(made: Path) -> None:
    """As the command's."""
    file = made.parent / "s.jsonl"
    found = harness.dry_run(f"replay:{file}", "humaneval", out=made / "references", limit=4, sandbox="process")

    assert [(one.to_generate, one.to_judge) for one in found.work] == [(0, 0)]


def test_samples_are_scored(tmp_path: Path) -> None:
    """And a setting of another type or name is refused as in a file."""
    file = write_rows(tmp_path / "s.jsonl", [{"task_id": "HumanEval/0", "completion": "    return None"}])
    found = harness.score(file, "humaneval", out=tmp_path / "run", sandbox="process", page=False)

    assert found.statuses == {"humaneval": {"wrong_answer": 1}}
    with pytest.raises(UsageError, match="recipee"):
        harness.score(file, "humaneval", recipee="chat")
    with pytest.raises(SamplesError):
        harness.score(tmp_path / "none.jsonl", "humaneval")


def test_runs_are_compared_gated_and_listed(tmp_path: Path) -> None:
    """Texts do as paths."""
    base = write_run(tmp_path / "base", outcomes(range(20)), model="base")
    tuned = write_run(tmp_path / "tuned", outcomes(range(17)), model="tuned")

    (difference,) = harness.compare_runs(str(base), tuned).differences
    assert difference.lost == ("HumanEval/17", "HumanEval/18", "HumanEval/19")
    assert harness.gate_runs(base, tuned, level=1.0).exit_code == 1
    assert harness.gate_runs(base, tuned, max_drop=5).exit_code == 0
    assert list(harness.leaderboard(tmp_path).table["model"]) == ["base", "tuned"]
    assert list(harness.load_runs(tmp_path).scores["model"]) == ["base", "tuned"]


def test_training_data_is_made_sifted_and_named_beside_a_run(made: Path, tmp_path: Path) -> None:
    """Evolved by replay; a row that repeats a problem goes, and the run's score is told without that problem."""
    replies, seeds = write_replies(tmp_path / "replies.jsonl", 3), write_seeds(tmp_path / "seeds.jsonl", 3)
    evolved = harness.evolve_data(f"replay:{replies}", tmp_path / "evolved", seeds=seeds, rounds=1, decontaminate=False)
    rows = read_rows(evolved.path / "dataset" / "train.jsonl")
    first = HumanEval().problems()[0]
    data = write_rows(tmp_path / "rows.jsonl", [*rows, {"instruction": first.prompt, "output": first.reference}])

    manifest = harness.decontaminate(data, tmp_path / "clean", against=("humaneval",))
    (beside,) = harness.untouched(made / "references", tmp_path / "clean")

    assert evolved.rows == len(rows) == manifest["rows"] == 6
    assert (beside.full.n_problems, beside.untouched.n_problems) == (4, 3)
    with pytest.raises(UsageError, match="rouns"):
        harness.evolve_data(f"replay:{replies}", tmp_path / "other", rouns=1)


def test_what_is_installed_is_told() -> None:
    """Names, files, configuration."""
    assert "humaneval" in harness.list_names("benchmarks")
    assert harness.data_files("humaneval")[0].state == "ok"
    assert "model" in harness.config_schema()["properties"]
    assert next(harness.check_machine()).name == "harness"


def test_a_folder_without_runs_is_said(tmp_path: Path) -> None:
    """Not an empty frame."""
    with pytest.raises(StoreError, match="holds no run that can be read"):
        harness.load_runs(tmp_path)
