"""The image of the languages, from Debian's packages; languages are added to the image that is there.

Only this build needs a network inside: Debian's archive decides which versions there are, and the image's digest and
the versions of its packages are part of a run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import docker.errors

from ...data import fetch, find_file, read_verified
from ...errors import SandboxUnavailable, UsageError, suggest
from ..engine import connect
from ..environments import digest_of
from ..languages import ABSENT, LANGUAGES
from ..toolchains import ROOT, TYPESCRIPT

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image

REPOSITORY = "evol-harness/languages"
LABEL = "evol-harness.languages"
DEFAULT = ("cpp", "cs", "java", "js", "lua", "php", "pl", "rb", "sh", "ts")
"""Those with published verdicts, and the small ones; the others are large: go, rs and rkt 0.4 GB each."""
PREPARE = """\
RUN mkdir -p /var/cache/apt/archives/partial /var/log/apt /usr/share/man/man1 && touch /var/log/dpkg.log \\
 && printf 'force-unsafe-io\\npath-exclude=/usr/share/doc/*\\npath-exclude=/usr/share/man/*/*\\n' \\
    > /etc/dpkg/dpkg.cfg.d/image \\
 && apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends {packages} \\
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/apt /var/log/dpkg.log
"""
"""The base lacks folders without which apt stops, or fails after it has installed everything."""
VERSIONS = """\
RUN mkdir -p {root} && dpkg-query -W -f '${{Package}} ${{Version}}\\n' {packages} > {root}/versions && chmod 1777 /tmp
LABEL {label}="{names}"
"""

Report = Callable[[str], None]


def recipe() -> str:
    """Return what decides the image of a version of the harness, whatever languages are in it."""
    parts = [(name, language.packages, language.lines) for name, language in LANGUAGES.items()]
    return f"{PREPARE}{VERSIONS}{TYPESCRIPT.sha256}{parts}"


def languages_of(image: Image) -> tuple[str, ...]:
    """Return the languages that an image has."""
    return tuple(filter(None, image.labels.get(LABEL, "").split(",")))


def list_built() -> tuple[str, ...]:
    """Return the languages of the image that is built; none without an image or an engine."""
    try:
        with closing(connect(timeout_s=5)) as client:
            return languages_of(client.images.get(f"{REPOSITORY}:{tag_digest()}"))
    except (SandboxUnavailable, docker.errors.ImageNotFound):
        return ()


def check_names(names: Sequence[str]) -> None:
    """Refuse languages that no image can be given.

    Raises:
        UsageError: one is not known, or is not in Debian; the message has the Dockerfile line that brings it.
    """
    for name in names:
        if name not in LANGUAGES:
            raise UsageError(f'--only: language "{name}" is not known.{suggest(name, LANGUAGES, "")}')
        if name in ABSENT:
            raise UsageError(
                f"--only: Debian has no {LANGUAGES[name].title}; where a network brings it, the Dockerfile line is: "
                f"{LANGUAGES[name].lines}"
            )


def build_languages(
    client: DockerClient, start: str | Image, tag: str, *, names: Sequence[str], report: Report
) -> Image:
    """Build the image `tag` of the languages `names`: on a base, or on the image that has some already.

    Raises:
        DataError: TypeScript cannot be had.
        SandboxUnavailable: the build failed (with its last line).
    """
    held = () if isinstance(start, str) else languages_of(start)
    missing = [name for name in LANGUAGES if name in names and name not in held]
    every = [name for name in LANGUAGES if name in names or name in held]
    with tempfile.TemporaryDirectory(prefix="evol-harness-image-") as folder:
        context = Path(folder)
        lines = [f"FROM {start if isinstance(start, str) else tag}\n", PREPARE.format(packages=_packages(missing))]
        if "ts" in missing:
            content = find_file(TYPESCRIPT) or fetch(TYPESCRIPT)
            read_verified(TYPESCRIPT, content)
            (context / TYPESCRIPT.name).write_bytes(content.read_bytes())
            lines.append(f"ADD {TYPESCRIPT.name} {ROOT}/\n")
        lines += [f"{LANGUAGES[name].lines}\n" for name in missing if LANGUAGES[name].lines]
        lines.append(VERSIONS.format(root=ROOT, packages=_packages(every), label=LABEL, names=",".join(every)))
        (context / "Dockerfile").write_text("".join(lines), encoding="utf-8")
        report(f"building {tag} with {', '.join(missing)}, from Debian's packages")
        try:
            image, _ = client.images.build(path=folder, tag=tag, network_mode="host", rm=True)
        except (docker.errors.BuildError, docker.errors.APIError) as error:
            raise SandboxUnavailable(f"building the image of the languages failed: {error}") from error
    return image


def _packages(names: Sequence[str]) -> str:
    return " ".join(sorted({package for name in names for package in LANGUAGES[name].packages}))


def tag_digest() -> str:
    """Return the digest in the image's name."""
    return digest_of(recipe())
