"""Fifty thousand rows, deduplicated and compared with every benchmark by text: time and memory."""

from __future__ import annotations

import json
import random
import resource
from pathlib import Path

import pytest

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


@pytest.mark.slow
@pytest.mark.data
def test_fifty_thousand_rows_take_under_two_minutes_and_two_gigabytes(tmp_path: Path) -> None:
    """All of the harness's benchmarks, all text layers, near-duplicates included."""
    data = write_rows(tmp_path / "data.jsonl", rows(ROWS))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = harness("decontaminate", data, "--out", tmp_path / "out")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["removed"] == {"duplicate": ROWS // 50}
    assert len(manifest["contamination"]["benchmarks"]) == 8
    # CPU time: the clock also counts what others do on the machine.
    assert used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime < 120
    assert used.ru_maxrss * 1024 < 2 << 30
