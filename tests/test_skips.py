"""The policy of skips, seen from outside: a run of pytest on tests of this suite that lack something."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NO_ENGINE = "unix:///nonexistent/docker.sock"


def run(test: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`pytest TEST`, with neither Docker, data nor a browser on the path, and the given variables."""
    ours = ("HARNESS_NO_SKIP", "HARNESS_DATA_DIR", "PYTEST_ADDOPTS")
    bare = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", test],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
        env=bare | {"DOCKER_HOST": NO_ENGINE, "PATH": "/nonexistent"} | environment,
    )


LACKING = [
    ("tests/sandboxes/test_sandbox.py::test_without_a_name_and_with_an_engine_it_is_docker", NO_ENGINE),
    ("tests/test_golden.py", "HARNESS_DATA_DIR is not set"),
    ("tests/report/test_page.py::test_alarms_are_shown", "chromium is not installed"),
]


@pytest.mark.parametrize(("test", "reason"), LACKING)
def test_what_is_lacking_is_said(test: str, reason: str) -> None:
    """A skip names its reason, Docker's with the address that was asked."""
    done = run(test)

    assert done.returncode == 0, done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("SKIPPED") and reason in line], done.stdout


@pytest.mark.parametrize(("test", "reason"), LACKING)
def test_a_skip_fails_where_everything_must_run(test: str, reason: str) -> None:
    """With the same reason."""
    done = run(test, HARNESS_NO_SKIP="1")

    assert done.returncode == 1, done.stdout
    assert reason in done.stdout
    assert "(HARNESS_NO_SKIP is set)" in done.stdout


@pytest.mark.parametrize(("mark", "outcome"), [("slow", "1 failed"), ("gpu", "1 skipped")])
def test_only_an_accelerator_may_be_absent(mark: str, outcome: str, tmp_path: Path) -> None:
    """A test of that mark is skipped all the same."""
    (tmp_path / "conftest.py").symlink_to(ROOT / "tests" / "conftest.py")
    test = tmp_path / "test_one.py"
    test.write_text(
        f"import pytest\n\n@pytest.mark.{mark}\ndef test_one():\n    pytest.skip('lacking')\n", encoding="utf-8"
    )

    assert outcome in run(str(test), HARNESS_NO_SKIP="1", PYTHONPATH=str(ROOT)).stdout


@pytest.mark.parametrize(
    ("mark", "until", "outcome"),
    [("slow", 0, "1 skipped"), ("slow", 1 << 40, "1 failed"), ("usefixtures('tmp_path')", 0, "1 failed")],
)
def test_slow_tests_are_left_out_when_time_is_up(mark: str, until: int, outcome: str, tmp_path: Path) -> None:
    """And named, so that nobody takes them for passed."""
    (tmp_path / "conftest.py").symlink_to(ROOT / "tests" / "conftest.py")
    test = tmp_path / "test_one.py"
    test.write_text(f"import pytest\n\n@pytest.mark.{mark}\ndef test_one():\n    raise OSError\n", encoding="utf-8")

    limit = {"HARNESS_NO_SKIP": "1", "HARNESS_SLOW_UNTIL": str(until)}
    done = run(str(test), **limit, PYTEST_ADDOPTS="-rs", PYTHONPATH=str(ROOT))

    assert outcome in done.stdout
    assert ("test_one.py:3: no time was left" in done.stdout) == (outcome == "1 skipped"), done.stdout


def test_a_module_that_skips_itself_fails_as_well(tmp_path: Path) -> None:
    """Such as one that imports a package that is not installed."""
    (tmp_path / "conftest.py").symlink_to(ROOT / "tests" / "conftest.py")
    test = tmp_path / "test_one.py"
    test.write_text("import pytest\n\npytest.importorskip('no_such_package')\n", encoding="utf-8")

    assert "1 error" in run(str(test), HARNESS_NO_SKIP="1", PYTHONPATH=str(ROOT)).stdout
