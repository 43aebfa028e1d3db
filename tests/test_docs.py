"""What README and docs show is what happens: every block runs, or says why not; what is made from code is whole."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness import errors
from harness.registry import BUILTIN, make_benchmark
from harness.types import Commands
from tests.api.test_api import verbs
from tests.documentation import PAGES, ROOT, Block, blocks, hidden_commands, overlay, run_block, write_world

RUNNING = [page for page in PAGES if page.exists() and any(block.runs for block in blocks(page))]


LARGE = ("bigcodebench", "livecodebench")
"""Benchmarks whose data is too large to be where tests run."""


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that pages speak of."""
    folder = tmp_path_factory.mktemp("world")
    write_world(folder)
    return folder


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`harness`, `pip` and `python` of an environment that pages may change."""
    return overlay(tmp_path_factory.mktemp("overlay") / "venv")


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("page", RUNNING, ids=[page.name for page in RUNNING])
def test_every_block_of_a_page_runs(page: Path, world: Path, programs: Path, tmp_path: Path) -> None:
    """In the page's order, in a folder of its own, with exit code 0."""
    folder = tmp_path / "page"
    shutil.copytree(world, folder)
    for block in blocks(page):
        if block.title:
            (folder / block.title).write_text(block.text)
        elif block.runs:
            done = run_block(block, folder, programs)
            assert done.returncode == 0, f"{page.name} line {block.line}:\n{block.text}\n{done.stdout}\n{done.stderr}"
            assert "Traceback" not in done.stderr


def test_blocks_that_do_not_run_say_why(capsys: pytest.CaptureFixture[str]) -> None:
    """`pytest -s` lists them; a command that is in no block that runs has to be marked."""
    found: list[Block] = [block for page in PAGES if page.exists() for block in blocks(page)]
    marked = [block for block in found if block.not_run and block.kind == "sh"]
    with capsys.disabled():
        for block in marked:
            print(f"\n{block.page}:{block.line} not run: {block.not_run}", end="")  # noqa: T201

    assert all(len(block.not_run.split()) > 2 for block in marked)
    assert len([block for block in found if block.runs]) > len(marked)


@pytest.mark.parametrize("page", [page for page in PAGES if page.exists()], ids=lambda page: page.name)
def test_no_command_hides_from_the_test(page: Path) -> None:
    """Commands stand in blocks of the kind `sh`."""
    assert hidden_commands(page) == []


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    """The module that makes parts of pages from the code."""
    spec = importlib.util.spec_from_file_location("pages", ROOT / "docs" / ".generated" / "pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_has_every_command_and_option(pages: Any) -> None:
    """As the parser knows them."""
    text = pages.commands()

    for verb in verbs():
        assert f"## harness {verb}\n" in text
    for option in ("--benchmark", "--dry-run", "--json", "--quiet", "--max-drop", "--rounds-ablation"):
        assert f"`{option}`" in text


def test_the_table_of_benchmarks_has_every_benchmark(pages: Any) -> None:
    """A row for each, no cell of it empty."""
    rows = pages.fill_parts("<!-- generated: benchmarks -->").splitlines()[2:]

    assert [row.split("`")[1] for row in rows] == list(BUILTIN["benchmarks"])
    assert [row for row in rows if not all(cell.strip() for cell in row.strip("|").split("|"))] == []


@pytest.mark.data
@pytest.mark.parametrize("name", [name for name in BUILTIN["benchmarks"] if name not in LARGE])
def test_what_benchmarks_say_of_themselves_is_true(name: str) -> None:
    """Their number of problems, the kinds of their judges, and whether any is judged in-process."""
    benchmark = make_benchmark(name)
    problems = benchmark.problems()
    judges = [benchmark.judge(problem) for problem in problems]

    assert benchmark.facts.problems == str(len(problems))
    assert benchmark.facts.judge == ", ".join(sorted({type(judge).__name__ for judge in judges}))
    in_process = [judge for judge in judges if isinstance(judge, Commands) or not getattr(judge, "split", True)]
    assert ("in-process" in benchmark.facts.trust) is bool(in_process)


def test_the_table_of_attacks_has_every_attack(pages: Any) -> None:
    """With what it does; those that succeed in-process are marked."""
    text = pages.attacks()

    for path in (ROOT / "tests" / "attacks").glob("*.py"):
        assert f"| `{path.stem}` |" in text
    assert "**(succeeds)**" in text


def test_troubleshooting_covers_every_error_and_exit_code(pages: Any) -> None:
    """Each class of error has a row, and each of its messages is listed."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    classes = {name for name, one in vars(errors).items() if isinstance(one, type) and one is not errors.HarnessError}
    classes = {name for name in classes if issubclass(getattr(errors, name), errors.HarnessError)}

    for name in classes | subclasses():
        assert f"| `{name}` |" in page, name
    for code in ("| 1 |", "| 2 |", "| 3 |", "| 70 |", "| 130 |"):
        assert code in page
    whole = pages.fill_parts(page)
    for message in ("no benchmark is named", "has no weights that can be loaded safely", "holds another configuration"):
        assert message in whole
    assert set(pages.ERRORS) == classes | subclasses()


def subclasses() -> set[str]:
    """Errors that other modules derive, read from the sources."""
    import ast

    found = set()
    for path in (ROOT / "harness").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and path.name != "errors.py":
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                if any(base in vars(errors) for base in bases):
                    found.add(node.name)
    return found


def test_every_page_is_in_the_navigation() -> None:
    """And every entry of the navigation is a page."""
    nav = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]

    assert {line.split("- ")[-1] for line in nav.splitlines() if line.endswith(".md")} == {
        page.name for page in (ROOT / "docs").glob("*.md")
    }


def test_every_folder_has_its_purpose() -> None:
    """A line in CONTRIBUTING for each folder of the sources and of the tests' data."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    folders = {str(Path(path).parent) for path in listed if not path.startswith(("tests/", "results/"))} - {"."}
    folders |= {"tests", "tests/attacks", "tests/performance", "results"}
    told = (ROOT / "CONTRIBUTING.md").read_text()

    for folder in folders:
        named = f"| `{folder}/` |" in told
        inside = f"`{Path(folder).name}/`" in told  # told in the line of the folder that it lies in
        assert named or inside, folder
