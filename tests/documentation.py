"""The blocks of README and docs: which there are, and how they are run.

A page's blocks run in the page's order, in a folder of its own that holds what pages speak of: `my-checkpoint`,
`samples.jsonl`, `answers.jsonl`, `data.jsonl`, `seeds.jsonl`, `results/base`, `results/tuned`, `results/quickstart`.
A block with a title is written to the file of that name. A block that cannot run here has the line
`<!-- not run: WHY -->` above it. `sh` is run by bash and `python` by Python; every other kind is shown, not run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import harness
from tests.checkpoints import trained_tokenizer, write_llama
from tests.commands import references, write_rows

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "SECURITY.md", ROOT / "CONTRIBUTING.md"]
FENCE = re.compile(r'^(?P<fence>`{3,})(?P<kind>\w*)(?: title="(?P<title>[^"]+)")?$')
NOT_RUN = re.compile(r"^<!-- not run: (.+) -->$")
COMMAND = re.compile(r"^\s*(harness|make|pip|python|accelerate|git|curl) ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of code of a page."""

    page: str
    line: int
    kind: str
    text: str
    title: str = ""
    not_run: str = ""
    """Why it cannot be run here."""

    @property
    def runs(self) -> bool:
        """Whether it is run."""
        return self.kind in ("sh", "python") and not self.title and not self.not_run


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page in order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    at = 0
    while at < len(lines):
        opened = FENCE.match(lines[at])
        if opened is None:
            at += 1
            continue
        end = lines.index(opened["fence"], at + 1)
        note = NOT_RUN.match(lines[at - 1]) if at else None
        yield Block(
            page=page.name,
            line=at + 1,
            kind=opened["kind"],
            text="\n".join(lines[at + 1 : end]) + "\n",
            title=opened["title"] or "",
            not_run=note[1] if note else "",
        )
        at = end + 1


def hidden_commands(page: Path) -> list[str]:
    """Commands that stand in no fence, or in one of another kind: they would never be run."""
    found, fence, kind = [], "", ""
    for line in page.read_text(encoding="utf-8").splitlines():
        opened = FENCE.match(line)
        if opened and not fence:
            fence, kind = opened["fence"], opened["kind"]
        elif fence:
            if line == fence:
                fence = ""
            elif COMMAND.match(line) and kind not in ("sh", "yaml", "text", "python"):
                found.append(line)
        elif line.startswith("    ") and COMMAND.match(line):
            found.append(line)
    return found


def write_world(folder: Path) -> None:
    """What the pages speak of."""
    write_llama(folder / "my-checkpoint", trained_tokenizer(metaspace=True))
    good = references(folder / "samples.jsonl")
    rows = [json.loads(line) for line in good.read_text().splitlines()]
    write_rows(folder / "wrong.jsonl", [{**row, "completion": "    return None\n"} for row in rows[:2]] + rows[2:])
    fenced = [
        {"task_id": row["task_id"], "completion": f"Here it is:\n```python\n{row['completion']}```"} for row in rows[:5]
    ]
    write_rows(folder / "answers.jsonl", fenced)
    write_rows(folder / "seeds.jsonl", [{"instruction": "Reverse a list.", "input": "", "output": "x[::-1]"}])
    pairs = [{"instruction": f"Add {number}.", "input": "", "output": f"def add(n):\n    return n + {number}\n"}
             for number in range(3)]  # fmt: skip
    write_rows(folder / "data.jsonl", pairs)
    for name, file in {"base": good, "tuned": folder / "wrong.jsonl"}.items():
        out = folder / "results" / name
        harness.run(f"replay:{file}", "humaneval", out=out, limit=10, sandbox="process")
    shutil.copytree(ROOT / "results" / "baselines" / "quickstart", folder / "results" / "quickstart")


def overlay(folder: Path) -> Path:
    """A virtual environment on top of this one, so that a page may install what it shows; its programs."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    below = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "below.pth").write_text(f"import site; site.addsitedir({below!r})\n")
    command = folder / "bin" / "harness"
    command.write_text(f'#!/bin/sh\nexec {folder}/bin/python -m harness "$@"\n')
    command.chmod(0o755)
    return folder / "bin"


def run_block(block: Block, folder: Path, programs: Path) -> subprocess.CompletedProcess[str]:
    """Run one block to its end; without an engine, so that the sandbox is the same everywhere."""
    program = ["bash", "-euo", "pipefail", "-c"] if block.kind == "sh" else [str(programs / "python"), "-c"]
    return subprocess.run(
        [*program, block.text],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "DOCKER_HOST": f"unix://{folder}/no.sock",
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"),
        },
    )
