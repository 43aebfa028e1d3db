"""Programs with tests, run in the sandbox once: verdicts are kept in the ledger, so a resumed run needs none again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..errors import SandboxUnavailable
from ..sandboxes import open_sandbox
from ..sandboxes.judges import program_tests
from ..sandboxes.judges.own import build_tests
from ..types import Limits, Program, Status, Work
from .ledger import Ledger

ENVIRONMENT = "core"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestedProgram:
    """A program, and tests that raise where it is wrong."""

    source: str
    tests: str
    exposes: tuple[str, ...] = ()
    """Functions that the tests call from another process, which the program cannot reach. (): they run in its own."""

    @property
    def key(self) -> str:
        """Return the SHA-256 (hex) of what decides the verdict."""
        return hashlib.sha256("\0".join([self.source, self.tests, *self.exposes]).encode()).hexdigest()


class ProgramRunner:
    """Runs programs that the ledger has no verdict on."""

    def __init__(self, ledger: Ledger, sandbox: str | None, workers: int | None) -> None:
        self._ledger, self._sandbox, self._workers = ledger, sandbox, workers

    def __call__(self, programs: Mapping[str, TestedProgram]) -> dict[str, str]:
        """Return what is wrong with each program, by its name; "" if it passes its tests.

        Raises:
            SandboxUnavailable: there is no sandbox, or it failed on a program.
        """
        new = {one.key: one for one in programs.values() if one.key not in self._ledger.verdicts}
        if new:
            self._run(new)
        return {name: self._ledger.verdicts[one.key] for name, one in programs.items()}

    def _run(self, programs: Mapping[str, TestedProgram]) -> None:
        with open_sandbox(self._sandbox, environment=ENVIRONMENT, workers=self._workers) as sandbox:
            for key, outcome in sandbox.run(_build_work(programs)):
                if outcome.status is Status.INFRASTRUCTURE:
                    raise SandboxUnavailable(f"the sandbox failed on an answer's tests: {outcome.detail}")
                verdict = "" if outcome.status is Status.PASSED else f"{outcome.status}: {outcome.detail[:300]}"
                self._ledger.record_verdict(str(key), verdict)


def _build_work(programs: Mapping[str, TestedProgram]) -> Iterator[Work]:
    for key, one in programs.items():
        program = Program(source=one.source, environment=ENVIRONMENT, limits=Limits(cpu_time_s=5.0, wall_time_s=20.0))
        apart = build_tests(tests=one.tests, exposes=one.exposes) if one.exposes else None
        yield key, program, apart or program_tests(f"\n{one.tests}\n")
