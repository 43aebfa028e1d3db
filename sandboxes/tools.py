"""What this machine has of the languages' tools, for the process sandbox."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..errors import SandboxUnavailable
from .languages import LANGUAGES, ROOT, TYPESCRIPT


def check_tools(name: str) -> None:
    """Refuse a language whose tools this machine does not have.

    Raises:
        SandboxUnavailable: one is missing; the message names the package that brings it.
    """
    language = LANGUAGES[name]
    missing = [tool for tool in language.tools if shutil.which(tool) is None and not Path(tool).is_file()]
    if missing:
        package = f"install {' and '.join(language.packages)}" if language.packages else "Debian has no package of it"
        if any(tool.startswith(ROOT) for tool in missing):
            package += f" and unpack {TYPESCRIPT.url} in {ROOT}"
        raise SandboxUnavailable(
            f'sandbox "process": {language.title} needs {" and ".join(missing)}, which this machine does not have; '
            f"{package}, or use --sandbox docker"
        )


def tool_versions() -> dict[str, str]:
    """Return where this machine has the languages' tools: a tool and the file that it leads to."""
    names = sorted({tool for language in LANGUAGES.values() for tool in language.tools if "/" not in tool})
    return {name: str(Path(found).resolve()) for name in names if (found := shutil.which(name))}
