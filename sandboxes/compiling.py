"""Resident compilers, from the host's side: a worker that compiles candidates and runs none, for each language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING

from ..types import Limits, Program
from .inside import frames
from .languages import Command, Language
from .link import Reply, Role

if TYPE_CHECKING:
    from .slot import Slot

LOST = "lost"
"""Status of a program over which the compiler ended; the plain one then says what it makes of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """What a resident compiler made of a program."""

    reply: Reply
    files: Mapping[str, bytes]
    """Empty where it does not compile."""

    @property
    def passed(self) -> bool:
        """Return whether the program compiles."""
        return bool(self.reply["more"]["passed"])


def compile_program(
    slot: Slot, program: Program, language: Language, build: Command, *, text: bytes, limits: Limits
) -> Compiled | None:
    """Compile a program by its language's resident compiler; None where there is none, or it ended over this program.

    Raises:
        LinkLost: the worker is lost.
    """
    resident = language.resident
    if resident is None or build[: len(resident.instead_of)] != resident.instead_of:
        return None
    reply = slot.worker(Role.COMPILER, program).request(
        "compile",
        {
            "command": [*resident.command, *resident.options(build, language.file)],
            "suffix": PurePath(resident.source).suffix,
            "limits": asdict(limits),
        },
        blobs=[frames.prefix_length(_server(resident.source)), frames.prefix_length(text)],
        patience_s=2 * limits.wall_time_s,
    )
    parts = frames.chunks(reply.read())
    if reply["status"] == LOST:
        return None
    names = [name.decode("utf-8", "replace") for name in parts[::2]]
    return Compiled(reply=reply, files=dict(zip(names, parts[1::2], strict=True)))


@cache
def _server(name: str) -> bytes:
    return (files(__package__) / "images" / name).read_bytes()
