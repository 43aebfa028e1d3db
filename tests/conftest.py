"""What tests need besides Python: a Docker Engine, data files, checkpoints, a browser, Ray. Said in one place.

A test that lacks something is skipped with the reason. Where HARNESS_NO_SKIP is set it fails instead, so that
a suite that is meant to run everything cannot pass without doing so. Only an accelerator may be absent then, and time:
where HARNESS_SLOW_UNTIL is set, a slow test that has not begun by then is skipped and named.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Generator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from harness.errors import SandboxUnavailable
from tests.checkpoints import QWEN, bring_qwen_gguf, write_llama
from tests.groups import group_of, rank_of, workers

NO_SKIP_VARIABLE = "HARNESS_NO_SKIP"
MAY_ALWAYS_SKIP = ("gpu",)
"""Marks of tests that may be skipped even then."""
UNTIL_VARIABLE = "HARNESS_SLOW_UNTIL"
"""Seconds since 1970, for a machine whose time ends."""
NO_TIME = "no time was left to begin it"


@cache
def no_engine() -> str | None:
    """Why there is no Docker Engine; None where one answers."""
    from harness.sandboxes.engine import connect

    try:
        connect(timeout_s=3).close()
    except SandboxUnavailable as error:
        return str(error)
    return None


def no_data() -> str | None:
    """Why there are no benchmark files; None where there are."""
    return None if os.environ.get("HARNESS_DATA_DIR") else "HARNESS_DATA_DIR is not set"


@cache
def no_accelerator() -> str | None:
    """Why there is no accelerator; None where PyTorch sees one."""
    try:
        import torch
    except ImportError as error:
        return str(error)
    return None if torch.cuda.is_available() else "PyTorch sees no accelerator"


def no_browser() -> str | None:
    """Why there is no browser to open pages in; None where there is."""
    if find_spec("playwright") is None:
        return "the package playwright is not installed"
    return None if chromium() else "chromium is not installed"


def no_ray() -> str | None:
    """Why no Ray nodes can be started; None where they can."""
    return None if find_spec("ray") else "the package ray is not installed"


def chromium() -> str | None:
    """The system's Chromium; Playwright's own download is not used."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


PREREQUISITES: dict[str, Callable[[], str | None]] = {
    "docker": no_engine,
    "data": no_data,
    "gpu": no_accelerator,
    "browser": no_browser,
    "cluster": no_ray,
}
"""By mark: why it cannot be had."""


def pytest_configure(config: pytest.Config) -> None:
    """Where several processes share the suite, each computes with its share of the processors."""
    if hasattr(config, "workerinput"):
        share = len(os.sched_getaffinity(0)) // config.workerinput["workercount"]
        # threads that wait for each other's turn on too few processors take several times as long
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, share)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` is."""
    return workers()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Groups of tests, in the order in which they were collected."""
    from xdist.scheduler import LoadScopeScheduling

    class Grouped(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    config.option.loadscopereorder = False  # it would put the groups of most tests first
    return Grouped(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    """Where several processes share the suite, the long groups are first."""
    yield
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: rank_of(group_of(item.nodeid)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("slow") and time.time() > float(os.environ.get(UNTIL_VARIABLE, "inf")):
        raise pytest.skip.Exception(NO_TIME, _use_item_location=True)
    for mark, missing in PREREQUISITES.items():
        if item.get_closest_marker(mark) and (reason := missing()):
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # An expected failure is reported as skipped too, and carries `wasxfail`.
    skipped = report.skipped and not hasattr(report, "wasxfail")
    may_skip = any(item.get_closest_marker(mark) for mark in MAY_ALWAYS_SKIP)
    if skipped and not may_skip and NO_TIME not in str(report.longrepr):
        refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        refuse_skip(report)
    return report


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure with the same reason, where skips are not wanted."""
    if os.environ.get(NO_SKIP_VARIABLE):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{reason} ({NO_SKIP_VARIABLE} is set)"


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> FileLock:
    """What is made for all tests is made under it, so that of several processes one makes it and the others find it."""
    return FileLock(tmp_path_factory.getbasetemp().parent / "once.lock")


@pytest.fixture(scope="session")
def core_image(once: FileLock) -> str:
    """The digest of the core environment's Docker image, built if need be."""
    from harness.sandboxes.images import build_image

    with once:
        return build_image("core", report=print)


@pytest.fixture(scope="session")
def ds1000_image(once: FileLock) -> str:
    """The digest of the ds1000 environment's Docker image, built if need be: some minutes."""
    from harness.sandboxes.images import build_image

    with once:
        return build_image("ds1000", report=print)


@pytest.fixture(scope="session")
def languages_image(once: FileLock) -> str:
    """The digest of the image of the languages that it has by default, built if need be: a minute or two."""
    from harness.sandboxes.images import build_image

    with once:
        return build_image("languages", report=print)


@pytest.fixture(scope="session")
def smollm2(once: FileLock) -> Path:
    """The folder of the builtin SmolLM2 checkpoint, made in the cache if need be."""
    for package in ("torch", "transformers"):
        pytest.importorskip(package, reason=f"the package {package} is not installed")
    from harness.errors import ModelError
    from harness.models.builtin import build_checkpoint

    try:
        with once:
            return build_checkpoint("smollm2-135m-instruct").path
    except ModelError as error:
        if "is not installed" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def qwen_gguf(once: FileLock) -> Path:
    """The GGUF file of the builtin Qwen checkpoint, in the cache."""
    for package in ("torch", "transformers", "gguf"):
        pytest.importorskip(package, reason=f"the package {package} is not installed")
    try:
        with once:
            return bring_qwen_gguf()
    except LookupError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def qwen(qwen_gguf: Path, once: FileLock) -> Path:
    """The folder of the builtin Qwen checkpoint, made in the cache if need be."""
    from harness.models.builtin import build_checkpoint

    assert qwen_gguf.is_file()
    with once:
        return build_checkpoint(QWEN).path


@pytest.fixture(scope="session")
def tiny_llama(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of two layers with random weights and SmolLM2's tokenizer: loads and answers at once."""
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("tiny") / "tiny-llama"
    return write_llama(folder, AutoTokenizer.from_pretrained(smollm2))
