"""Languages other than Python: `harness score` beside a plain process for each command of a program, in one image.

The programs are golden samples of Qwen2.5-Coder-1.5B, whole as they ran, under the rule set "deepseek". The peer writes
each program to a file and runs its language's commands (a compiler anew each time, where there is one), two programs at
a time in one container of the image `languages`. A passing verdict of the peer's is an exit code of 0.
`python -m tests.performance.languages [--limit N] [LANG...]`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from harness.sandboxes.engine import connect
from harness.sandboxes.environments import environment
from harness.sandboxes.images import image_of
from harness.sandboxes.languages import LANGUAGES

from .measure import Cost, cost_of

GOLDEN = ("cpp", "cs", "java", "js", "php", "sh", "ts")
SAMPLES = "golden/qwen2.5-coder-1.5b/multipl-e-{}.samples.jsonl.gz"
PLAIN = """
import json, os, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor
asked = json.load(open("/bench/programs.json"))
def run(program):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, asked["file"]), "w") as file:
            file.write(program)
        for command in asked["commands"]:
            try:
                done = subprocess.run(command, cwd=folder, capture_output=True, timeout=60)
            except subprocess.TimeoutExpired:
                return False
            if done.returncode != 0:
                return False
        return True
with ThreadPoolExecutor(2) as pool:
    print(sum(pool.map(run, asked["programs"])))
"""


def ours(language: str, samples: Path) -> Cost:
    """`harness score`, into a folder of its own."""
    with tempfile.TemporaryDirectory() as out:
        return cost_of(
            [*(sys.executable, "-m", "harness", "score", str(samples), "-b", f"multipl-e-{language}"),
             *("--rule-set", "deepseek", "--field", "program", "--sandbox", "docker", "--workers", "2"),
             *("--no-cache", "--no-page", "--out", f"{out}/run")]
        )  # fmt: skip


def plain(language: str, rows: list[dict[str, Any]], folder: Path) -> Cost:
    """A process for each command of each program."""
    known = LANGUAGES[language]
    rules = known.rules["deepseek"]
    asked = {
        "file": known.file,
        "commands": [command for command in (rules.builds[0], rules.run) if command],
        "programs": [row["program"] for row in rows],
    }
    (folder / "programs.json").write_text(json.dumps(asked), encoding="utf-8")
    image = image_of(connect(), environment("languages")).tags[0]
    mounts = ["--network", "none", "--tmpfs", "/tmp:exec,size=1g", "-w", "/tmp", "-v", f"{folder}:/bench:ro"]
    settings = [part for name, value in known.variables.items() for part in ("-e", f"{name}={value}")]
    return cost_of(["docker", "run", "--rm", *mounts, *settings, image, "python3", "-c", PLAIN])


def main() -> None:
    """Print a line for each language, and one for all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("languages", nargs="*", metavar="LANG", help=", ".join(GOLDEN))
    parser.add_argument("--limit", type=int, help="programs of each language")
    asked = parser.parse_args()
    if unknown := set(asked.languages) - set(GOLDEN):
        parser.error(f"no golden samples of {', '.join(sorted(unknown))} (there are {', '.join(GOLDEN)})")
    sums = [0.0, 0.0]
    for language in asked.languages or GOLDEN:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            file = Path(os.environ["HARNESS_DATA_DIR"]) / SAMPLES.format(language)
            lines = gzip.decompress(file.read_bytes()).decode().splitlines()[: asked.limit]
            samples = folder / "samples.jsonl"
            samples.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            sides = [ours(language, samples), plain(language, list(map(json.loads, lines)), folder)]
        sums = [total + side.cpu_s for total, side in zip(sums, sides, strict=True)]
        _report(language, len(lines), sides)
    print(f"{'all':<5} ours {sums[0]:7.2f} s CPU   plain {sums[1]:7.2f} s CPU   ratio {sums[0] / sums[1]:.2f}")


def _report(language: str, count: int, sides: list[Cost]) -> None:
    shown = "   ".join(
        f"{name} {1000 * side.wall_s / count:7.0f} ms wall {1000 * side.cpu_s / count:7.0f} ms CPU"
        for name, side in zip(("ours", "plain"), sides, strict=True)
    )
    print(f"{language:<5} {count:>4} programs, each: {shown}   ratio {sides[0].cpu_s / sides[1].cpu_s:.2f}", flush=True)


if __name__ == "__main__":
    main()
