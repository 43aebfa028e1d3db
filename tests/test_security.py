"""What SECURITY.md promises of the harness's own sources and files, read or tried."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest

from harness.config import RunConfig
from tests.commands import COMMAND, read_rows, write_rows
from tests.models.api_server import Api, serving

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for folder in ("harness", "benchmarks", "sandboxes") for path in (ROOT / folder).rglob("*.py"))
PICKLING = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve"}
INSIDE = ROOT / "sandboxes" / "inside"
"""Programs of the sandbox: to run code is what they are for."""
KEY = "sk-test-0123456789abcdef-secret"


def calls(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    """Every call by its written name."""
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT)) for path in SOURCES])
def test_nothing_is_read_that_can_run_code(path: Path) -> None:
    """No module imports pickle or its like; weights are loaded as weights alone; YAML only safely."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert not {name.partition(".")[0] for name in imported} & PICKLING
    for name, call in calls(tree):
        keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        if name == "torch.load":
            assert keywords.get("weights_only") == "True", ast.unparse(call)
        if name in ("numpy.load", "np.load"):
            assert keywords.get("allow_pickle", "False") == "False", ast.unparse(call)
        # `marshal.dumps` makes digests of huge values; nothing is read back from it.
        assert name not in ("yaml.load", "yaml.unsafe_load", "pd.read_pickle", "marshal.load", "marshal.loads")
        assert keywords.get("trust_remote_code", "False") != "True", ast.unparse(call)
        assert keywords.get("shell", "False") != "True", ast.unparse(call)


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if INSIDE not in path.parents],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_data_is_evaluated_outside_the_sandbox(path: Path) -> None:
    """Neither eval nor exec nor compile of what was read."""
    names = {name for name, _ in calls(ast.parse(path.read_text(encoding="utf-8")))}

    assert not names & {"eval", "exec", "compile", "__import__"}


def test_code_of_a_checkpoint_is_off_unless_asked_for() -> None:
    """As are pickled weights and a sandbox that cannot hold its promise."""
    config = RunConfig(model="m", benchmarks=("humaneval",))

    assert not (config.trust_remote_code or config.allow_pickle or config.allow_unsafe)


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("*.lock")), ids=lambda path: path.name)
def test_every_locked_package_has_hashes(lock: Path) -> None:
    """pip is told to insist on them."""
    entries = re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8").strip())
    packages = [entry for entry in entries if not entry.startswith("#")]

    assert packages
    for entry in packages:
        assert "==" in entry or " @ " in entry, entry
        assert "--hash=sha256:" in entry, entry
    assert "--require-hashes" in (ROOT / "Makefile").read_text()


def test_a_key_is_written_nowhere(tmp_path: Path) -> None:
    """A run that sends it to a server leaves it in no file, on no stream, and in no program of the sandbox."""
    answer = "    import os\n    assert 'OPENAI_API_KEY' not in os.environ\n    return None\n"
    file = write_rows(tmp_path / "s.jsonl", [{"task_id": f"HumanEval/{at}", "completion": answer} for at in range(2)])
    environment = {**os.environ, "OPENAI_API_KEY": KEY, "HARNESS_CACHE_DIR": str(tmp_path / "cache")}
    with serving(Api()) as server:
        models = {"asked": f"openai:served@{server.url}", "replayed": f"replay:{file}"}
        for name, model in models.items():
            flags = ["-b", "humaneval", "-r", "completion", "--sandbox", "process", "--limit", "2"]
            done = subprocess.run(
                [*COMMAND, "run", model, *flags, "--out", str(tmp_path / name)],
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
                env=environment,
            )
            assert done.returncode == 0, done.stderr
            assert KEY not in done.stdout + done.stderr
    assert set(server.keys) == {f"Bearer {KEY}"}, "the test's own premise: the key was sent"

    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    statuses = {row["status"] for row in read_rows(tmp_path / "replayed" / "verdicts.jsonl")}
    assert statuses == {"wrong_answer"}, "a program that sees the key would end with a runtime error"
