"""Fifty thousand rows, deduplicated and compared with every benchmark by text: time and memory.

`python -m tests.performance.decontamination`.
"""

from __future__ import annotations

import json
import random
import resource
import tempfile
import time
from pathlib import Path

from tests.commands import harness, write_rows

ROWS = 50_000
WORDS = [
    a + b + c
    for a in ("ka", "lo", "mi", "ru", "te", "so")
    for b in ("ban", "der", "fil", "gos", "hun")
    for c in "aeiou"
]


def rows(count: int) -> list[dict[str, str]]:
    """Rows of about 60 words and 14 lines of code, each unlike the others; every fiftieth is there twice."""
    draw = random.Random(0)
    made: list[dict[str, str]] = []
    for number in range(count):
        if number % 50 == 49:
            made.append(dict(made[-1]))
            continue
        names = [draw.choice(WORDS) + str(draw.randrange(1000)) for _ in range(8)]
        code = [f"def {names[0]}({names[1]}, {names[2]}):", f"    {names[3]} = {draw.randrange(999)}"]
        for _ in range(4):
            left, right = draw.choice(names[1:4]), draw.choice(names[1:4])
            code += [f"    for {names[4]} in {left}.{draw.choice(WORDS)}({right}, {draw.randrange(99)}):"]
            code += [f"        {names[3]} {draw.choice(['+=', '-=', '*='])} {names[4]}.{draw.choice(WORDS)}({left})"]
        code += [f"    return {names[3]}"]
        text = " ".join(draw.choice(WORDS) for _ in range(60))
        answer = "```python\n" + "\n".join(code) + "\n```"
        made.append({"instruction": f"Write {names[0]}: {text}.", "input": "", "output": answer})
    return made


def main() -> None:
    """Print what the command costs: all of the harness's benchmarks, all text layers, near-duplicates included."""
    with tempfile.TemporaryDirectory() as scratch:
        data = write_rows(Path(scratch) / "data.jsonl", rows(ROWS))
        start = time.monotonic()
        done = harness("decontaminate", data, "--out", Path(scratch) / "out")
        seconds = time.monotonic() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        manifest = json.loads((Path(scratch) / "out" / "manifest.json").read_text())
    print(
        f"decontaminate {ROWS} rows: {seconds:.1f} s wall, {used.ru_utime + used.ru_stime:.1f} s CPU, "
        f"peak {used.ru_maxrss >> 10} MB; removed {manifest['removed']}, "
        f"{len(manifest['contamination']['benchmarks'])} benchmarks"
    )


if __name__ == "__main__":
    main()
