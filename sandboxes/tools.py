"""What languages can be run here: those of the Docker image, or those whose tools this machine has."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..errors import SandboxUnavailable
from .languages import LANGUAGES
from .toolchains import ROOT, TYPESCRIPT


def check_tools(name: str) -> None:
    """Refuse a language whose tools this machine does not have.

    Raises:
        SandboxUnavailable: one is missing; the message names the package that brings it.
    """
    language, missing = LANGUAGES[name], _find_missing(name)
    if missing:
        package = f"install {' and '.join(language.packages)}" if language.packages else "Debian has no package of it"
        if any(tool.startswith(ROOT) for tool in missing):
            package += f" and unpack {TYPESCRIPT.url} in {ROOT}"
        raise SandboxUnavailable(
            f'sandbox "process": {language.title} needs {" and ".join(missing)}, which this machine does not have; '
            f"{package}, or use --sandbox docker"
        )


def list_languages(sandbox: str) -> tuple[str, ...]:
    """Return the languages that can be run in the sandbox called `sandbox`, in the table's order."""
    if sandbox == "docker":
        from .images.languages import list_built  # the docker package costs 0.2 s

        built = list_built()
        return tuple(name for name in LANGUAGES if name in built)
    return tuple(name for name in LANGUAGES if not _find_missing(name))


def tool_versions() -> dict[str, str]:
    """Return where this machine has the languages' tools: a tool and the file that it leads to."""
    names = sorted({tool for language in LANGUAGES.values() for tool in language.tools if "/" not in tool})
    return {name: str(Path(path).resolve()) for name in names if (path := shutil.which(name))}


def _find_missing(name: str) -> list[str]:
    return [tool for tool in LANGUAGES[name].tools if shutil.which(tool) is None and not Path(tool).is_file()]
