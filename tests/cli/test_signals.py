"""How the command ends: stopped by a signal, by a defect of ours, and with streams that are closed."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.commands import COMMAND, harness, one_line_error, read_rows, references, wait_for_rows, write_rows
from tests.runs import outcomes, write_run

SLOW_RUN = ("-b", "humaneval", "--sandbox", "process", "--workers", "1", "--no-cache")

BROKEN = '''
"""A benchmark whose problems cannot be made."""
from harness.benchmarks.humaneval import HumanEval


class Broken(HumanEval):
    name = "broken"

    def problems(self):
        return 1 / 0


class Ends(HumanEval):
    name = "ends"

    def problems(self):
        raise SystemExit(1)


class Lacks(HumanEval):
    name = "lacks"

    def problems(self):
        import no_such_package
'''


@pytest.fixture
def plugin(tmp_path: Path) -> dict[str, str]:
    """An environment with a package of broken benchmarks, and a cache folder of its own."""
    site = tmp_path / "site"
    (site / "broken-1.0.dist-info").mkdir(parents=True)
    (site / "broken_benchmarks.py").write_text(BROKEN)
    (site / "broken-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    names = {"broken": "Broken", "ends": "Ends", "lacks": "Lacks"}
    lines = [f"{name} = broken_benchmarks:{kind}" for name, kind in names.items()]
    (site / "broken-1.0.dist-info" / "entry_points.txt").write_text("\n".join(["[harness.benchmarks]", *lines, ""]))
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "HARNESS_CACHE_DIR": str(tmp_path / "cache")}


def begin(*arguments: str | Path, ignored: str = "", temporary: Path) -> subprocess.Popen[str]:
    """Start a run with its own folder for temporary files, and with signals as from a terminal."""
    default = ",".join({"INT", "TERM", "HUP"} - {ignored})
    signals = [f"--default-signal={default}", *([f"--ignore-signal={ignored}"] if ignored else [])]
    return subprocess.Popen(
        ["env", *signals, *COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_as_control_c_does(tmp_path: Path, temporary: Path, number: signal.Signals) -> None:
    """Exit 130, how to resume, no scratch folder; a second signal changes nothing, and the run goes on afterwards."""
    file = references(tmp_path / "s.jsonl")
    arguments = ["run", f"replay:{file}?delay_s=0.02", *SLOW_RUN, "--out", str(tmp_path / "run")]
    stopped = begin(*arguments, temporary=temporary)
    wait_for_rows(tmp_path / "run" / "verdicts.jsonl", 5, stopped)
    assert list(temporary.glob("evol-harness-*"))
    stopped.send_signal(number)
    stopped.send_signal(signal.SIGTERM)
    _, errors = stopped.communicate(timeout=60)

    assert stopped.returncode == 130, errors
    assert "Traceback" not in errors
    assert errors.splitlines()[-1].startswith("stopped; what was finished is kept. Resume with: harness run 'replay:")
    assert list(temporary.glob("evol-harness-*")) == []
    command = shlex.split(errors.splitlines()[-1].partition("Resume with: harness ")[2])
    assert harness(*command).returncode == 0
    tasks = Counter(row["task_id"] for row in read_rows(tmp_path / "run" / "verdicts.jsonl"))
    assert (len(tasks), set(tasks.values())) == (164, {1})


def test_an_ignored_signal_stays_ignored(tmp_path: Path, temporary: Path) -> None:
    """SIGHUP under nohup: the run goes on to its end."""
    file = references(tmp_path / "s.jsonl")
    limit = ("--limit", "20", "--out", tmp_path / "run")
    running = begin("run", f"replay:{file}?delay_s=0.05", *SLOW_RUN, *limit, ignored="HUP", temporary=temporary)
    wait_for_rows(tmp_path / "run" / "verdicts.jsonl", 1, running)
    running.send_signal(signal.SIGHUP)
    _, errors = running.communicate(timeout=60)

    assert running.returncode == 0, errors
    assert len(read_rows(tmp_path / "run" / "verdicts.jsonl")) == 20


def test_the_package_leaves_signals_alone() -> None:
    """Handlers are the command's; `main` gives them back."""
    program = (
        "import signal\nfrom harness.cli import main\nimport harness.api\n"
        "names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)\nbefore = [signal.getsignal(one) for one in names]\n"
        "try:\n    main(['--version'])\nexcept SystemExit:\n    pass\n"
        "assert before == [signal.default_int_handler, signal.SIG_DFL, signal.SIG_DFL], before\n"
        "assert before == [signal.getsignal(one) for one in names]\n"
    )
    default = ["env", "--default-signal=INT,TERM,HUP", sys.executable, "-c", program]
    subprocess.run(default, check=True, timeout=60, capture_output=True)


def test_a_defect_ends_with_70_and_a_log(tmp_path: Path, plugin: dict[str, str]) -> None:
    """One line that names the log; it holds the traceback, the versions and the command, and no secret."""
    file = references(tmp_path / "s.jsonl")
    secret, other = "verysecretvalue", "othersecretvalue"
    environment = {**plugin, "OPENAI_API_KEY": other, "UNRELATED_NAME": "not-to-be-written"}
    flags = ("-b", "broken", "--engine-arg", f"hf_token={secret}", "--stop", other, "--engine-arg", "x=hf_abcdefghijkl")
    done = harness("run", f"replay:{file}", *flags, "--sandbox", "process", environment=environment, cwd=tmp_path)

    assert done.returncode == 70
    line = one_line_error(done)
    assert "ZeroDivisionError: division by zero" in line
    (log,) = (tmp_path / "cache" / "logs").iterdir()
    assert str(log) in line
    text = log.read_text()
    assert "Traceback (most recent call last)" in text
    assert "ZeroDivisionError: division by zero" in text
    assert "\npython: 3." in text
    assert "command: harness run" in text
    for hidden in (secret, other, "hf_abcdefghijkl", "not-to-be-written"):
        assert hidden not in text
    assert log.stat().st_mode & 0o077 == 0


def test_a_log_goes_to_the_temporary_folder_if_the_cache_cannot_be_used(
    tmp_path: Path, temporary: Path, plugin: dict[str, str]
) -> None:
    """And the line names it there."""
    file = references(tmp_path / "s.jsonl")
    environment = {**plugin, "HARNESS_CACHE_DIR": str(file), "TMPDIR": str(temporary)}
    done = harness("score", file, "-b", "broken", "--sandbox", "process", environment=environment, cwd=tmp_path)

    assert done.returncode == 70
    assert f"{temporary}/harness-" in one_line_error(done)


@pytest.mark.parametrize(
    ("name", "code", "message"), [("ends", 70, "SystemExit: 1"), ("lacks", 2, '"no_such_package"')]
)
def test_no_other_end_is_taken_for_a_regression(
    tmp_path: Path, plugin: dict[str, str], name: str, code: int, message: str
) -> None:
    """A library that calls `sys.exit(1)` is a defect, a package that is missing is not."""
    file = references(tmp_path / "s.jsonl")
    done = harness("score", file, "-b", name, "--sandbox", "process", environment=plugin, cwd=tmp_path)

    assert (done.returncode, message in one_line_error(done)) == (code, True)


@pytest.mark.parametrize(
    ("redirection", "code"),
    [(">&-", 3), ("2>&-", 0), (">&- 2>&-", 3), ("<&- >&- 2>&-", 3), ("> /dev/full", 3), ("2> /dev/full", 0)],
)
def test_closed_streams_of_a_list(redirection: str, code: int) -> None:
    """No traceback; a result that is not written is infrastructure, a remark that is not written is nothing."""
    done = subprocess.run(
        f"{shlex.join([*COMMAND, 'list', 'benchmarks'])} {redirection}",
        shell=True,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert ("humaneval" in done.stdout) is (code == 0)
    if redirection == ">&-":
        assert "error: the result could not be written to stdout" in done.stderr


@pytest.mark.parametrize(
    ("redirection", "code"),
    [(">&-", 3), ("2>&-", 0), (">&- 2>&-", 3), ("| true", 3), ("2>&1 | true", 3), ("2> >(true)", 0)],
)
def test_closed_streams_end_no_run(tmp_path: Path, redirection: str, code: int) -> None:
    """The folder is complete, and nothing of stdout or stderr is in its files."""
    rows = read_rows(references(tmp_path / "s.jsonl"))[:8]
    slow = [{**row, "completion": f"    import time; time.sleep(0.05)\n{row['completion']}"} for row in rows]
    out = tmp_path / "run"
    command = [*COMMAND, "score", str(write_rows(tmp_path / "few.jsonl", slow)), *SLOW_RUN, "--out", str(out)]
    done = subprocess.run(
        ["bash", "-c", f"{shlex.join(command)} {redirection}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    assert [row["status"] for row in read_rows(out / "verdicts.jsonl")] == ["passed"] * 8
    assert len(read_rows(out / "samples.jsonl")) == 8
    json.loads((out / "scores.json").read_text())
    assert (out / "report.md").read_text().startswith("# ")
    assert (out / "report.html").read_text().rstrip().endswith("</html>")


def test_an_unwritten_result_does_not_hide_a_regression(tmp_path: Path) -> None:
    """The gate's code stays 1."""
    base = write_run(tmp_path / "base", outcomes(range(20)), model="base")
    tuned = write_run(tmp_path / "tuned", outcomes(range(10)), model="tuned")
    command = shlex.join([*COMMAND, "gate", str(base), str(tuned), "--level", "1"])
    done = subprocess.run(f"{command} >&-", shell=True, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 1, done.stderr


CHOICES = "it must be one of passed, "


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": "bogus"}, f'status is "bogus"; {CHOICES}'),
        ({"status": ["passed"]}, f'status is ["passed"]; {CHOICES}'),
        ({"status": "\x1b[31m" + "x" * 1000}, "status is "),
        ({"trust": "blind"}, 'trust is "blind"; it must be one of in-process, split'),
        ({"base_status": "bogus"}, f'base_status is "bogus"; {CHOICES}'),
        ({"detail": {"a": 1}}, 'detail is {"a": 1}; it must be a text'),
        ({"cpu_time_s": "1"}, 'cpu_time_s is "1"; it must be a number'),
        ({"cpu_time_s": float("nan")}, "cpu_time_s is NaN; it must be a number"),
        ({"index": -1}, "index is -1; it must be a whole number"),
        ({"task_id": 7}, "task_id is 7; it must be a text"),
        ({"status": None}, f"status is null; {CHOICES}"),
    ],
)
def test_a_damaged_verdict_is_named_by_file_line_and_value(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    """Exit 2, with the choices."""
    run = write_run(tmp_path / "run", outcomes(range(5), 10))
    rows = read_rows(run / "verdicts.jsonl")
    rows[6] |= changes
    write_rows(run / "verdicts.jsonl", rows)
    done = harness("report", run)

    line = one_line_error(done)
    assert done.returncode == 2
    assert f"{run / 'verdicts.jsonl'} line 7 is damaged: {message}" in line
    assert len(line) < len(str(run)) + 400


@pytest.mark.parametrize("line", ["[1]", "7", "{}", "{", "\x00", "[" * 100_000])
def test_a_row_that_is_no_verdict_is_named(tmp_path: Path, line: str) -> None:
    """Whatever it is."""
    run = write_run(tmp_path / "run", outcomes(range(5), 10))
    rows = (run / "verdicts.jsonl").read_text().splitlines()
    rows[6] = line
    (run / "verdicts.jsonl").write_text("\n".join([*rows, ""]))
    done = harness("report", run)

    assert (done.returncode, "verdicts.jsonl line 7 is damaged: " in one_line_error(done)) == (2, True)
