"""vLLM on an accelerator: the tests of test_vllm.py, with an engine that runs there where its build can."""

from __future__ import annotations

from typing import Any

import pytest

from tests.models.test_vllm import *  # noqa: F403

pytestmark = pytest.mark.gpu


def test_the_engine_is_on_the_accelerator(seen: dict[str, Any]) -> None:
    """What the other tests of this module rest on."""
    assert seen["facts"]["device"] == "cuda"
