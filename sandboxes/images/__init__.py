"""Docker images of the environments: built from pinned wheels, named by the digest of what went in.

The base is `python:3.11-slim-bookworm` where a container registry answers; elsewhere one is made from
Debian's packages (debootstrap, which wants root) and imported.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import docker.errors
import requests.exceptions

from ...errors import SandboxUnavailable
from .. import wheels
from ..engine import connect
from ..environments import Environment, digest_of
from ..environments import environment as environment_named
from . import languages

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image

REGISTRY_BASE = "python:3.11-slim-bookworm"
DEBIAN_BASE = "evol-harness/base:bookworm-python3.11-distutils"
# all of the standard library, as the registry's base has it: TensorFlow imports distutils
DEBIAN_PACKAGES = "python3-minimal,libpython3-stdlib,python3-distutils"
# parts of a Debian base that no program needs
TRIMMED = ("var/cache", "var/lib/apt", "var/log", "usr/share/doc", "usr/share/man", "usr/share/locale", "dev")
DATA_ROOT = "/opt/environment-data"
PLATFORMS = ("manylinux_2_28_{0}", "manylinux_2_27_{0}", "manylinux_2_17_{0}", "manylinux2014_{0}")

Report = Callable[[str], None]


def image_of(client: DockerClient, environment: Environment) -> Image:
    """Return the image of `environment`.

    Raises:
        SandboxUnavailable: it is not built, or was built from other inputs than this version's.
    """
    try:
        return client.images.get(tag_of(environment.name))
    except docker.errors.ImageNotFound as error:
        raise SandboxUnavailable(
            f'sandbox "docker": the image of environment "{environment.name}" ({tag_of(environment.name)}) is not '
            f"built. Run `harness sandbox build {environment.name}`, or use --sandbox process"
        ) from error


def tag_of(name: str) -> str:
    """Return the image's name; another requirement or recipe makes another tag."""
    environment = environment_named(name)
    if environment.executes:
        return f"evol-harness/{name}:{languages.tag_digest()}"
    return (
        f"evol-harness/{name}:{digest_of(_recipe(environment), wheels.requirements(environment), environment.contents)}"
    )


def build_image(name: str, *, only: Sequence[str] = (), report: Report) -> str:
    """Build the image of environment `name` unless it is there; its digest.

    `only` names the languages that its image must have, in place of the default ones; those that it has stay.

    Raises:
        UsageError: no such environment.
        DataError: a data file that its programs read is nowhere.
        SandboxUnavailable: no engine, no base, or the build failed (with its last line).
    """
    environment = environment_named(name)
    with closing(connect(timeout_s=600)) as client:
        image = _find(client, environment)
        wanted = (only or languages.DEFAULT) if environment.executes else ()
        if image is not None and set(wanted) <= set(languages.languages_of(image)):
            report(f"{tag_of(name)} is built already")
        elif environment.executes:
            start = image or _base(client, report)
            image = languages.build_languages(client, start, tag_of(name), names=wanted, report=report)
        else:
            image = _build(client, environment, report)
    assert image.id is not None
    return image.id


def _find(client: DockerClient, environment: Environment) -> Image | None:
    try:
        return image_of(client, environment)
    except SandboxUnavailable:
        return None


def _build(client: DockerClient, environment: Environment, report: Report) -> Image:
    base = _base(client, report)
    with tempfile.TemporaryDirectory(prefix="evol-harness-image-") as folder:
        context = Path(folder)
        (context / "Dockerfile").write_text(_recipe(environment), encoding="utf-8")
        wheels.write_folders(environment, context / "data")
        report(f"fetching the pinned wheels of {environment.name}")
        platforms = tuple(pattern.format(_architecture(client)) for pattern in PLATFORMS)
        wheels.install(environment, context / "packages", platforms=platforms)
        report(f"building {tag_of(environment.name)} on {base}")
        try:
            image, _ = client.images.build(
                path=str(context), tag=tag_of(environment.name), buildargs={"BASE": base}, network_mode="none", rm=True
            )
        except (docker.errors.BuildError, docker.errors.APIError) as error:
            raise SandboxUnavailable(f"building the image of {environment.name} failed: {error}") from error
    return image


def _base(client: DockerClient, report: Report) -> str:
    for name in (REGISTRY_BASE, DEBIAN_BASE):
        try:
            client.images.get(name)
        except docker.errors.ImageNotFound:
            continue
        return name
    try:
        report(f"pulling {REGISTRY_BASE}")
        client.images.pull(REGISTRY_BASE)
    except (docker.errors.APIError, requests.exceptions.RequestException) as error:
        report(f"no container registry answers ({type(error).__name__}); making a base from Debian's packages")
        _import_debian(client)
        return DEBIAN_BASE
    return REGISTRY_BASE


def _import_debian(client: DockerClient) -> None:
    tool = shutil.which("debootstrap") or shutil.which("debootstrap", path="/usr/sbin")
    if tool is None or os.geteuid() != 0:
        raise SandboxUnavailable(
            f"no container registry offers {REGISTRY_BASE}, and making a base instead needs root and debootstrap "
            "(apt-get install debootstrap). Build it once as root, or use --sandbox process"
        )
    with tempfile.TemporaryDirectory(prefix="evol-harness-base-") as folder:
        command = [tool, "--variant=minbase", f"--include={DEBIAN_PACKAGES}", "bookworm", folder]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = (done.stdout + done.stderr).strip().splitlines()[-1:]
            raise SandboxUnavailable(f"debootstrap failed: {' '.join(last)}")
        for part in TRIMMED:
            shutil.rmtree(Path(folder) / part, ignore_errors=True)
        archive = Path(folder).with_suffix(".tar")
        try:
            with tarfile.open(archive, "w") as tar:
                tar.add(folder, arcname=".")
            repository, _, tag = DEBIAN_BASE.partition(":")
            client.api.import_image_from_file(str(archive), repository=repository, tag=tag)
        finally:
            archive.unlink(missing_ok=True)


def _architecture(client: DockerClient) -> str:
    architecture: str = client.info()["Architecture"]
    return architecture


def _recipe(environment: Environment) -> str:
    lines = [(files(__package__) / "Dockerfile").read_text(encoding="utf-8")]
    if environment.folders:
        lines.append(f"COPY data/ {DATA_ROOT}/\n")
    lines += [f"ENV {name}={value}\n" for name, value in environment.settings(DATA_ROOT).items()]
    return "".join(lines)
