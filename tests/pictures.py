"""The pictures of README and docs, made anew: `python -m tests.pictures` (needs Chromium, playwright and tmux).

The report is that of the kept baseline run; the comparison holds it against the same run with 20 of its answers
replaced by reference solutions, and says so in its names.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import harness
from harness.benchmarks.humaneval import HumanEval
from harness.compare import compare, writing
from tests.commands import write_rows
from tests.conftest import chromium
from tests.view.conftest import viewing

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
BASELINE = ROOT / "results" / "baselines" / "quickstart"
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield opened
        opened.close()


def shoot(opened: Any, url: str, name: str, device: str, scheme: str, ready: str = "body") -> None:
    """The top of a page as it is first seen, when the element `ready` is there."""
    width, height = SIZES[device]
    context = opened.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    tab = context.new_page()
    tab.goto(url)
    tab.locator(ready).first.wait_for()
    tab.screenshot(path=IMAGES / f"{name}-{device}-{scheme}.png")
    context.close()


def write_pages(folder: Path) -> tuple[Path, Path]:
    """report.html and compare.html."""
    base = folder / "report"
    shutil.copytree(BASELINE, base)
    harness.write_report(base)
    rows = [json.loads(line) for line in (base / "samples.jsonl").read_text().splitlines()]
    references = {problem.task_id: problem.reference for problem in HumanEval().problems()}
    given = [{"task_id": row["task_id"], "completion": row["raw"]} for row in rows]
    better = [{**row, "completion": references[row["task_id"]]} if at < 20 else row for at, row in enumerate(given)]
    paths = []
    for stem, texts in {"smollm2": given, "with-20-references": better}.items():
        file = write_rows(folder / f"{stem}.jsonl", texts)
        paths.append(
            harness.run(f"replay:{file}", "humaneval", recipe="chat", sandbox="process", out=folder / stem / "run").path
        )
    (folder / "none.toml").write_text("[checkpoints]\n")
    writing.write_comparison(compare(paths, table=folder / "none.toml"), folder / "comparison")
    return base / "report.html", folder / "comparison" / "compare.html"


def shoot_viewer(opened: Any, folder: Path) -> None:
    """The viewer's board and a problem that one of the two runs of `folder` solves."""
    runs = "run=smollm2/run&run=with-20-references/run&benchmark=humaneval&task=HumanEval/60"
    with viewing(folder) as (url, _):
        shoot(opened, url, "view-board", "phone", "dark", ".board")
        shoot(opened, f"{url}problem?{runs}", "view-problem", "desktop", "light", "#difference table")


def terminal(folder: Path) -> None:
    """A run as a terminal shows it, 100 columns wide, as an SVG."""
    from rich.console import Console
    from rich.text import Text

    shown = "harness run replay:references.jsonl -b humaneval --sandbox process --no-cache"
    write_rows(
        folder / "references.jsonl",
        [{"task_id": one.task_id, "completion": one.reference} for one in HumanEval().problems()],
    )
    server = ["tmux", "-L", f"pictures-{folder.name}"]
    begin = f"PS1='$ ' PATH={Path(sys.executable).parent}:$PATH bash --norc"
    subprocess.run([*server, "new-session", "-d", "-x", "100", "-y", "30", "-c", folder, begin], check=True)
    subprocess.run([*server, "send-keys", f"clear; {shown}", "Enter"], check=True)
    for _ in range(120):
        time.sleep(0.5)
        done = subprocess.run([*server, "capture-pane", "-p", "-e"], check=True, capture_output=True, text=True)
        if "report.html" in done.stdout:
            break
    subprocess.run([*server, "kill-server"], check=True)
    console = Console(record=True, width=100, file=(folder / "nowhere").open("w"), force_terminal=True)
    console.print(Text.from_ansi(done.stdout.rstrip().replace(f"clear; {shown}", shown)))
    console.save_svg(str(IMAGES / "terminal.svg"), title="harness run")


def main() -> None:
    """Make all of them."""
    with tempfile.TemporaryDirectory() as name, browser() as opened:
        report, comparison = write_pages(Path(name))
        shoot(opened, report.as_uri(), "report", "desktop", "light")
        shoot(opened, report.as_uri(), "report", "phone", "dark")
        shoot(opened, comparison.as_uri(), "compare", "desktop", "dark")
        shoot(opened, comparison.as_uri(), "compare", "phone", "light")
        shoot_viewer(opened, Path(name))
        terminal(Path(name))


if __name__ == "__main__":
    main()
