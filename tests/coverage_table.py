"""Which share of each package's lines the tests reached, from coverage's data: `make coverage`."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from pathlib import Path

import coverage

ROOT = Path(__file__).parent.parent


def table() -> str:
    """A row per package, the least covered modules below."""
    data = coverage.Coverage(config_file=str(ROOT / "pyproject.toml"))
    data.load()
    written = ROOT / "build" / "coverage.json"
    written.parent.mkdir(exist_ok=True)
    data.json_report(outfile=str(written), ignore_errors=True)
    found = json.loads(written.read_text(encoding="utf-8"))["files"]
    packages: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    modules = []
    for path, facts in found.items():
        lines, covered = facts["summary"]["num_statements"], facts["summary"]["covered_lines"]
        package = str(Path(path).parent)
        packages[package][0] += lines
        packages[package][1] += covered
        if lines:
            modules.append((covered / lines, lines - covered, path))
    told = io.StringIO()
    told.write("| package | lines | covered |\n|---|---|---|\n")
    for package, (lines, covered) in sorted(packages.items()):
        if lines:
            told.write(f"| `{package}` | {lines} | {100 * covered / lines:.1f} % |\n")
    total, reached = (sum(column) for column in zip(*packages.values(), strict=True))
    told.write(f"| all | {total} | {100 * reached / total:.1f} % |\n\nleast covered:\n")
    for share, left, path in sorted(modules)[:15]:
        told.write(f"  {100 * share:5.1f} %  {left:4} lines left  {path}\n")
    return told.getvalue()


if __name__ == "__main__":
    print(table())
