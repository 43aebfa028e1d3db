"""`harness verify`: references, canaries and golden samples in the real sandbox, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..api import verify_sandbox
from ..errors import INFRASTRUCTURE, HarnessError, UsageError
from ..store.cleaning import format_line
from . import output
from .options import AllowUnsafe, SandboxName, TrustName, Workers

if TYPE_CHECKING:
    from ..checks.verify import CheckedPrograms, Verification

ROW = "{:<17} {:<9}{:<12}{:<10}{:<10}{:>8}  {:<28}{}"
FOUND = 300
"""Characters of a program's detail that a line shows."""
HEAD = ("benchmark", "sandbox", "references", "canaries", "golden", "time", "memory", "judged")


def verify(
    benchmarks: Annotated[list[str] | None, typer.Argument(metavar="[BENCHMARK]...", help="Default: all.")] = None,
    *,
    sandbox: SandboxName = None,
    trust: TrustName = None,
    golden: Annotated[Path | None, typer.Option(help="Samples file with known verdicts.")] = None,
    truth: Annotated[
        Path | None, typer.Option(help='Its verdicts: {"verdicts": {TASK: {"base": "pass", "plus": "fail"}}}.')
    ] = None,
    workers: Workers = None,
    allow_unsafe: AllowUnsafe = None,
) -> None:
    """Check that a sandbox judges rightly: all reference solutions, canaries, golden samples. Exit 3 if not."""
    names = _choose_benchmarks(benchmarks, golden, truth)
    codes, rows = [], []
    if not output.wants_json():
        typer.echo(ROW.format(*HEAD))
    for name in names:
        try:
            verification = verify_sandbox(
                name,
                sandbox=sandbox,
                workers=workers,
                trust=trust,
                allow_unsafe=bool(allow_unsafe),
                golden=golden,
                truth=truth,
                progress=output.make_progress(),
            )
        except HarnessError as error:
            if not output.wants_json():
                typer.echo(f"{name:<17} not verified")
            output.print_error(str(error))
            codes.append(error.exit_code)
        else:
            rows.append(verification)
            if not output.wants_json():
                _show(verification)
            codes.append(INFRASTRUCTURE if verification.differences else 0)
    if output.wants_json():
        output.print_result(rows, "")
    if any(codes):
        raise typer.Exit(max(codes))


def _choose_benchmarks(benchmarks: list[str] | None, golden: Path | None, truth: Path | None) -> list[str]:
    """Return the benchmarks to verify.

    Raises:
        UsageError: a name is unknown, or the options do not go together.
    """
    from .. import registry
    from ..tasks.variants import list_at_hand

    if (golden is None) is not (truth is None):
        raise UsageError("--golden and --truth go together: samples and their verdicts")
    if golden is not None and not benchmarks:
        raise UsageError("--golden needs the benchmarks that its samples are for: `harness verify BENCHMARK...`")
    names = benchmarks or list_at_hand()
    for name in names:
        registry.make_benchmark(name)
    return names


def _show(verification: Verification) -> None:
    typer.echo(
        ROW.format(
            verification.benchmark,
            verification.sandbox,
            _format_ratio(verification.references),
            _format_ratio(verification.canaries),
            _format_ratio(verification.golden),
            f"{verification.seconds:.1f} s",
            _format_memory(verification),
            ", ".join(f"{count} {trust}" for trust, count in verification.trust.items()),
        ).rstrip()
    )
    if verification.note:
        typer.echo(f"  note     {verification.note}")
    for difference in verification.differences:
        detail = format_line(difference.found, FOUND)
        typer.echo(f"  DIFFERS  {difference.what}: expected {difference.expected}, got {detail}")
    for difference in verification.references.known:
        typer.echo(f"  known    {difference.what}: {format_line(difference.found, FOUND)}")


def _format_memory(verification: Verification) -> str:
    """Return the memory of the largest program, and of all containers at once where the engine tells."""
    program = f"program {verification.peak_memory_bytes >> 20} MB"
    pool = verification.pool_memory_bytes
    return program if pool is None else f"{program}, all {pool >> 20} MB"


def _format_ratio(part: CheckedPrograms) -> str:
    return f"{part.passed}/{part.total}" if part.total else "-"
