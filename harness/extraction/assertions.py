"""Extract one side of an assertion, as CRUXEval's authors do it (github.com/facebookresearch/cruxeval, MIT).

The steps are those of `postprocess_generation` in inference/tasks/input_prediction.py and output_prediction.py, in
their order. A `==` within a string ends a side as well.
"""

from __future__ import annotations

from typing import Literal


def cut_assertion(text: str, tag: str, side: Literal["call", "value"]) -> str:
    """Return the call or the value of the assertion in `text`, after the first `tag` if the text has it."""
    if tag and tag in text:
        text = text.split(tag)[1].strip()
    if side == "value":
        return text.split("==")[1].strip() if "==" in text else text.strip()
    text = text.split("==")[0].strip()
    return f"f{text.split('assert f')[1].strip()}" if "assert f" in text else text
