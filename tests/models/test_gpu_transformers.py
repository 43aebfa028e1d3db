"""The transformers backend on an accelerator: the tests of test_transformers.py, which then load the weights there."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.models.loading import open_model
from harness.models.transformers import TransformersModel
from tests.models.test_transformers import *  # noqa: F403

pytestmark = pytest.mark.gpu


def test_the_weights_are_on_the_accelerator(tiny_llama: Path) -> None:
    """What the other tests of this module rest on."""
    opened = open_model(str(tiny_llama), backend="transformers")
    assert isinstance(opened, TransformersModel)
    with opened as loaded:
        assert loaded.describe()["device"] == "cuda"
