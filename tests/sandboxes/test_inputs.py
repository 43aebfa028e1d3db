"""How the inputs of calls travel to the workers: nothing of a value or its type is lost, in whichever form."""

from __future__ import annotations

import math
from typing import Any

import pytest

from harness.sandboxes.inside import codec, frames
from harness.sandboxes.inside.calls import inputs_of
from harness.sandboxes.judges.calls import pack_inputs


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ("json", [[1, True, None, 1.0, -0.0, "é\ud800\x00", [], {}, {"a": [2]}, 10**400, 1e308]]),
        ("json", [[math.inf, -math.inf]]),
        ("codec", [[(1, 2)]]),
        ("codec", [[{1, 2}]]),
        ("codec", [[{1: "a", "1": "b"}]]),
        ("codec", [[math.nan]]),
        ("codec", [[3 + 4j]]),
        ("codec", [[b"bytes"]]),
        ("codec", [[10**5_000]]),
    ],
    ids=["plain", "infinite", "tuple", "set", "keys", "nan", "complex", "bytes", "huge"],
)
def test_inputs_arrive_as_they_are(form: str, values: list[Any]) -> None:
    """JSON where it is exact, the codec elsewhere; the same values of the same types come out."""
    (whole,) = frames.chunks(pack_inputs(values, steps=False))
    singly = [codec.decode(chunk) for chunk in frames.chunks(pack_inputs(values, steps=True))]

    assert ("json" if whole[:1] == b"[" else "codec") == form
    assert _shape(inputs_of(whole)) == _shape(singly) == _shape(values)


def _shape(value: Any) -> Any:
    """Types and values, told apart where `==` does not: 1 and True, 0.0 and -0.0, NaN."""
    if isinstance(value, dict):
        return dict, [(_shape(key), _shape(one)) for key, one in value.items()]
    if isinstance(value, list | tuple):
        return type(value), [_shape(one) for one in value]
    if isinstance(value, int):
        return type(value), value
    return type(value), value if isinstance(value, set) else repr(value)
