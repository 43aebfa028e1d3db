"""The contract of the command line: exit codes, one-line errors, and what survives a stop."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import harness as package
from tests.commands import COMMAND, harness, one_line_error, read_rows, references, start, wait_for_rows, write_rows
from tests.runs import outcomes, write_run

HEAVY = ("torch", "vllm", "transformers", "pandas", "matplotlib", "docker", "rich", "numpy")


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["list"], ["--version"]])
def test_nothing_heavy_is_imported_before_it_is_needed(arguments: list[str]) -> None:
    """Help and lists answer at once."""
    program = (
        "import sys\nfrom harness.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit as ended:\n    assert ended.code == 0\n"
        f"print('loaded', sorted(set(sys.modules) & set({HEAVY!r})))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.endswith("loaded []\n")


def test_the_version_is_the_packages() -> None:
    """On stdout, exit 0."""
    done = harness("--version")

    assert (done.returncode, done.stdout) == (0, f"harness {package.__version__}\n")


def test_listing_shows_every_kind() -> None:
    """Benchmarks, models, recipes and sandboxes by the names other commands take."""
    shown = harness("list").stdout

    for name in ("humaneval", "smollm2-135m-instruct", "replay", "wizardcoder", "as-is", "docker", "process"):
        assert re.search(rf"^  {name}\b", shown, re.MULTILINE), name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "replay:x", "-b", "humanevl"], 'benchmark "humanevl" is not known. Did you mean "humaneval"?'),
        (
            ["run", "smollm2-135m-instrct", "-b", "humaneval", "-r", "chat"],
            'model "smollm2-135m-instrct" is not known.',
        ),
        (["run", "replay:x", "-b", "humaneval", "-r", "chatt"], 'recipe "chatt" is not known. Did you mean "chat"?'),
        (["run", "replay:x", "-b", "humaneval", "--sandbox", "dokcer"], 'sandbox "dokcer" is not known.'),
        (["run", "./no-such-folder", "-b", "humaneval", "-r", "chat"], "no-such-folder"),
        (["run", "replay:no-such-file", "-b", "humaneval", "--sandbox", "process"], "no-such-file"),
        (["run", "replay:x", "-b", "humaneval", "-k", "10"], "pass@10 needs at least 10 samples per problem"),
        (["run", "replay:x", "-b", "humaneval", "--n", "many"], "Invalid value for '-n' / '--n'"),
        (["run", "replay:x"], "no benchmark is named"),
        (["run", "-b", "humaneval"], "no model is named"),
        (
            ["run", "replay:x", "-b", "humaneval", "--config", "none.toml"],
            "configuration file none.toml cannot be read",
        ),
        (["score", "no-such-file", "-b", "humaneval"], "samples file no-such-file does not exist"),
        (["score", "x"], "no benchmark is named"),
        (["score", "."], "is a folder; add --re-extract"),
        (["score", ".", "--re-extract"], "is not a run folder"),
        (["score", ".", "--re-extract", "-b", "humaneval"], "--benchmark does not go with --re-extract"),
        (["score", ".", "--extractors", "all", "-r", "chat"], "--recipe does not go with --extractors"),
        (["score", "s.jsonl", "--extractors", "some"], '--extractors is "some"; it can be "all"'),
        (["report", "."], "is not a run folder"),
        (["list", "things"], '"things" cannot be listed'),
        (["sandbox", "build", "coer"], "coer"),
        (["rnu"], "No such command"),
        (["run", "--no-such-option"], "No such option"),
        (["score"], "Missing argument"),
    ],
)
def test_a_wrong_use_is_one_line_and_exit_2(tmp_path: Path, arguments: list[str], message: str) -> None:
    """What, which value, what to do; and nothing is left behind."""
    done = harness(*arguments, cwd=tmp_path)

    assert message in one_line_error(done)
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []


def without_engine(folder: Path) -> dict[str, str]:
    """An environment in which no Docker Engine answers."""
    return {**os.environ, "DOCKER_HOST": f"unix://{folder}/no.sock"}


def test_docker_without_an_engine_is_said_and_nothing_else_is_used(tmp_path: Path) -> None:
    """Asked for Docker, no weaker sandbox takes its place: exit 3."""
    file = references(tmp_path / "s.jsonl")
    done = harness(
        "score",
        file,
        "-b",
        "humaneval",
        "--sandbox",
        "docker",
        "--out",
        tmp_path / "run",
        environment=without_engine(tmp_path),
    )

    assert "no engine answers" in one_line_error(done)
    assert done.returncode == 3


def test_without_an_engine_the_default_is_the_process_sandbox(tmp_path: Path) -> None:
    """And the run records which it was."""
    file = write_rows(tmp_path / "s.jsonl", [{"task_id": "HumanEval/0", "completion": "    return False"}])
    done = harness("score", file, "-b", "humaneval", "--out", tmp_path / "run", environment=without_engine(tmp_path))

    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run" / "run.json").read_text())["identity"]["sandbox"] == "process"


def test_a_bad_samples_file_is_named_by_its_line(tmp_path: Path) -> None:
    """Nothing is judged, no folder is made."""
    rows = read_rows(references(tmp_path / "s.jsonl"))
    rows[16]["task_id"] = "HumanEval/999"
    file = write_rows(tmp_path / "s.jsonl", rows)
    done = harness("score", file, "-b", "humaneval", "--out", tmp_path / "run")

    assert one_line_error(done) == (
        'error: s.jsonl line 17: task_id "HumanEval/999" is not in humaneval '
        "(164 problems, HumanEval/0 to HumanEval/163)"
    )
    assert done.returncode == 2
    assert not (tmp_path / "run").exists()


def test_the_card_says_the_score_the_time_the_isolation_and_where_the_report_is(tmp_path: Path) -> None:
    """On stdout, so that it can be kept; progress goes to stderr."""
    file = references(tmp_path / "s.jsonl")
    done = harness(
        "run", f"replay:{file}", "-b", "humaneval", "--sandbox", "process", "--limit", "5", "--out", tmp_path / "r"
    )

    assert done.returncode == 0, done.stderr
    assert re.search(r"^humaneval pass@1 +100\.0 % \(56\.6 to 100\.0\), 5 of 5 problems$", done.stdout, re.MULTILINE)
    assert re.search(r"^time .*generating .*scoring .*total", done.stdout, re.MULTILINE)
    assert re.search(r"^sandbox +process: [1-9]\d* protections in force, \d+ not$", done.stdout, re.MULTILINE)
    assert re.search(rf"^more +harness show {re.escape(str(tmp_path / 'r'))}$", done.stdout, re.MULTILINE)
    names = [line.partition("  ")[0] for line in done.stdout.splitlines()]
    assert names[:2] == ["humaneval pass@1", "humaneval verdicts"]
    assert names[-4:] == ["sandbox", "report", "page", "more"]
    assert re.search(rf"^report +{re.escape(str(tmp_path / 'r' / 'report.md'))}$", done.stdout, re.MULTILINE)
    assert "score: 5/5" in done.stderr


def test_a_run_is_shown_whole(tmp_path: Path) -> None:
    """With isolation and provenance, which the card leaves out; the same for machines; nothing is written."""
    path = write_run(tmp_path / "run", outcomes([0], n=4), model="models/m")
    manifest = json.loads((path / "run.json").read_text())
    manifest["sandbox"] = {"core": {"sandbox": "process", "enforced": ["namespaces"], "not_enforced": ["\x1b]0;x\x07"]}}
    (path / "run.json").write_text(json.dumps(manifest))
    before = {file: file.stat().st_mtime_ns for file in path.iterdir()}

    done, as_json = harness("show", path), harness("show", path, "--json")

    assert re.search(r"^humaneval pass@1 +25\.0 %", done.stdout, re.MULTILINE)
    assert re.search(r"^isolated \(process\) +namespaces$", done.stdout, re.MULTILINE)
    assert re.search(r"^not isolated \(process\) +\S+0;x", done.stdout, re.MULTILINE)
    assert "\x1b" not in done.stdout
    assert re.search(r"^evaluated +models/m$", done.stdout, re.MULTILINE)
    assert json.loads(as_json.stdout)["provenance"]["evaluated"] == "models/m"
    assert {file: file.stat().st_mtime_ns for file in path.iterdir()} == before


def test_the_page_can_be_left_to_harness_report(tmp_path: Path) -> None:
    """`--no-page` writes the figures alone, and does not point to a page that is not there."""
    file = references(tmp_path / "s.jsonl")
    flags = ("-b", "humaneval", "--sandbox", "process", "--limit", "2", "--no-page", "--out", tmp_path / "r")
    done = harness("run", f"replay:{file}", *flags)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "r" / "report.md").exists()
    assert not (tmp_path / "r" / "report.html").exists()
    assert "report.html" not in done.stdout
    assert harness("report", tmp_path / "r").returncode == 0
    assert (tmp_path / "r" / "report.html").exists()


def test_the_default_folder_is_named_for_the_run(tmp_path: Path) -> None:
    """Below results/ of the current folder, by what and by configuration."""
    references(tmp_path / "s.jsonl")
    for _ in range(2):
        done = harness("run", "replay:s.jsonl", "-b", "humaneval", "--sandbox", "process", "--limit", "2", cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    (folder,) = (tmp_path / "results").iterdir()
    manifest = json.loads((folder / "run.json").read_text())
    assert re.fullmatch(r"replay-s\.jsonl-[0-9a-f]{8}", folder.name)
    assert folder.name.endswith(manifest["digest"][:8])
    assert len(manifest["sessions"]) == 2


@pytest.mark.docker
@pytest.mark.parametrize("command", [("run", "replay:s.jsonl"), ("score", "s.jsonl")], ids=["run", "score"])
def test_the_same_command_goes_on_with_the_same_run_once_docker_is_there(
    command: tuple[str, str], tmp_path: Path
) -> None:
    """The default folder is named for the sandbox too; the run that is there keeps its own, and this is said."""
    write_rows(tmp_path / "s.jsonl", read_rows(references(tmp_path / "all.jsonl"))[:2])
    limit = ("--limit", "2", "--no-verify") if command[0] == "run" else ()
    without = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}

    first = harness(*command, "-b", "humaneval", *limit, cwd=tmp_path, environment={**os.environ, **without})
    again = harness(*command, "-b", "humaneval", *limit, cwd=tmp_path)

    assert (first.returncode, again.returncode) == (0, 0), (first, again)
    (folder,) = (tmp_path / "results").iterdir()
    assert json.loads((folder / "run.json").read_text())["identity"]["sandbox"] == "process"
    assert folder.name not in first.stderr
    assert folder.name in again.stderr


def test_a_damaged_folder_of_another_run_does_not_stop_this_one(tmp_path: Path) -> None:
    """It is only named alike."""
    write_rows(tmp_path / "s.jsonl", read_rows(references(tmp_path / "all.jsonl"))[:2])
    for name, manifest in (("s-00000000", "{"), ("s-00000001", '{"identity": {"kind": "score"}}')):
        (tmp_path / "results" / name).mkdir(parents=True)
        (tmp_path / "results" / name / "run.json").write_text(manifest)

    without = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    done = harness("score", "s.jsonl", "-b", "humaneval", "--no-page", cwd=tmp_path, environment=without)

    assert done.returncode == 0, done.stderr


def test_a_run_with_unjudged_samples_exits_3(tmp_path: Path) -> None:
    """It names the first one and what to do."""
    file = references(tmp_path / "s.jsonl")
    arguments = ["run", f"replay:{file}", "-b", "humaneval", "--sandbox", "process", "--limit", "2"]
    assert harness(*arguments, "--out", tmp_path / "run").returncode == 0
    journal = tmp_path / "run" / "verdicts.jsonl"
    row = {**read_rows(journal)[0], "status": "infrastructure", "detail": "lost twice"}
    with journal.open("a") as lines:
        lines.write(json.dumps(row) + "\n")

    done = harness("report", tmp_path / "run")

    assert "the judge failed on 1 samples" in one_line_error(done)
    assert done.returncode == 3


def test_a_configuration_file_stands_for_flags_and_flags_win(tmp_path: Path) -> None:
    """The run is the same as by flags alone."""
    file = references(tmp_path / "s.jsonl")
    (tmp_path / "run.toml").write_text(
        f'model = "replay:{file}"\nbenchmarks = ["humaneval"]\nsandbox = "process"\nlimit = 50\n'
    )
    done = harness("run", "--config", tmp_path / "run.toml", "--limit", "3", "--out", tmp_path / "run")

    assert done.returncode == 0, done.stderr
    assert len(read_rows(tmp_path / "run" / "verdicts.jsonl")) == 3


def test_a_preview_prints_the_prompt_alone_on_stdout(tmp_path: Path) -> None:
    """Byte by byte, so that it can be compared; and then the token ids."""
    file = references(tmp_path / "s.jsonl")
    done = harness("run", f"replay:{file}", "-b", "humaneval", "-r", "wizardcoder", "--preview", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Below is an instruction that describes a task.")
    assert done.stdout.endswith("### Response:\nnone: this model has no tokenizer\n")
    assert list(tmp_path.iterdir()) == [file]


def key(row: dict[str, object]) -> tuple[object, ...]:
    return row["benchmark"], row["task_id"], row["index"]


@pytest.mark.parametrize("journal", ["samples.jsonl", "verdicts.jsonl"])
def test_a_killed_run_is_completed_by_the_same_command(tmp_path: Path, journal: str) -> None:
    """kill -9 in the middle: no sample twice, none lost, nothing asked again, the scores of an undisturbed run."""
    file = references(tmp_path / "s.jsonl")
    arguments = ["run", f"replay:{file}?delay_s=0.02", "-b", "humaneval", "--sandbox", "process", "--out"]
    killed = start(*arguments, tmp_path / "killed")
    wait_for_rows(tmp_path / "killed" / journal, 40, killed)
    killed.kill()
    killed.communicate()
    there = len(read_rows(tmp_path / "killed" / "samples.jsonl"))
    assert 40 <= there < 164

    assert harness(*arguments, tmp_path / "killed").returncode == 0
    assert harness(*arguments, tmp_path / "whole").returncode == 0

    for name in ("samples.jsonl", "verdicts.jsonl"):
        rows = read_rows(tmp_path / "killed" / name)
        assert set(Counter(map(key, rows)).values()) == {1}
        assert set(map(key, rows)) == set(map(key, read_rows(tmp_path / "whole" / name)))
    scores = [json.loads((tmp_path / run / "scores.json").read_text()) for run in ("killed", "whole")]
    assert scores[0] == scores[1]
    last = json.loads((tmp_path / "killed" / "run.json").read_text())["sessions"][-1]
    assert last["generated"] == 164 - there


def test_control_c_ends_cleanly_and_says_how_to_resume(tmp_path: Path) -> None:
    """Exit 130, no traceback, and the command that goes on."""
    file = references(tmp_path / "s.jsonl")
    arguments = ["run", f"replay:{file}?delay_s=0.02", "-b", "humaneval", "--sandbox", "process"]
    stopped = start(*arguments, "--out", tmp_path / "run")
    wait_for_rows(tmp_path / "run" / "verdicts.jsonl", 10, stopped)
    stopped.send_signal(signal.SIGINT)
    _, errors = stopped.communicate(timeout=30)

    assert stopped.returncode == 130
    assert "Traceback" not in errors
    assert errors.splitlines()[-1].startswith("stopped; what was finished is kept. Resume with: harness run 'replay:")
    assert harness(*arguments, "--out", tmp_path / "run").returncode == 0
    assert Counter(key(row) for row in read_rows(tmp_path / "run" / "samples.jsonl")).total() == 164


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    """Two processes never write one run."""
    file = references(tmp_path / "s.jsonl")
    arguments = [
        "run",
        f"replay:{file}?delay_s=0.05",
        "-b",
        "humaneval",
        "--sandbox",
        "process",
        "--out",
        tmp_path / "r",
    ]
    first = start(*arguments)
    wait_for_rows(tmp_path / "r" / "samples.jsonl", 1, first)

    second = harness(*arguments)
    first.kill()
    first.communicate()

    assert "in use by another process" in one_line_error(second)
    assert second.returncode == 2


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """A file is in the way."""
    file = references(tmp_path / "s.jsonl")
    done = harness("score", file, "-b", "humaneval", "--sandbox", "process", "--out", file / "run")

    assert "cannot be written" in one_line_error(done)
    assert done.returncode == 2


def test_a_cache_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    """It is a file: the cache of verdicts is done without, what references gave has nowhere to be kept."""
    file = references(tmp_path / "s.jsonl")
    environment = {**os.environ, "HARNESS_CACHE_DIR": str(file)}
    out = tmp_path / "run"
    done = harness("score", file, "-b", "humaneval", "--sandbox", "process", "--out", out, environment=environment)

    assert f"{file}/expected" in one_line_error(done)
    assert "Not a directory" in one_line_error(done)
    assert done.returncode == 3


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    """`harness list | head -1` is quiet."""
    listing = subprocess.Popen([*COMMAND, "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert listing.stdout is not None
    listing.stdout.close()
    assert listing.stderr is not None
    errors = listing.stderr.read()
    listing.stderr.close()
    listing.wait()

    assert "Traceback" not in errors


def test_the_doctor_names_what_is_there_and_what_to_do_about_the_rest(tmp_path: Path) -> None:
    """With no Docker Engine and without failing."""
    done = harness("doctor", environment=without_engine(tmp_path))

    assert done.returncode == 0, done.stderr
    assert re.search(r"^ok  data of humaneval +164 problems$", done.stdout, re.MULTILINE)
    assert re.search(r"^ok  sandbox process +starts", done.stdout, re.MULTILINE)
    assert re.search(r"^--  sandbox docker +does not start\n +-> .*no engine answers", done.stdout, re.MULTILINE)
