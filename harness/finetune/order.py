"""Order the training rows: whole passes over the data, each shuffled by the seed, in one list.

The order does not come from a sampler, so the seed alone decides it: it is the same for any number of processes and
versions of libraries, for a resumed training, and for budgets of steps or tokens.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import count


def order_rows(
    sizes: Sequence[int],
    *,
    seed: int,
    epochs: float = 1.0,
    rows: int | None = None,
    tokens: int | None = None,
) -> list[int]:
    """Return indices into the data, in the order of training.

    `sizes` are the rows' answer tokens. The first of the limits ends it: `rows` rows or `tokens` tokens (the row that
    reaches it is the last one); `epochs` counts only if neither is given.
    """
    wanted = rows if rows is not None else None
    if rows is None and tokens is None:
        wanted = max(1, round(epochs * len(sizes)))
    order: list[int] = []
    trained = 0
    for epoch in count():
        shuffled = list(range(len(sizes)))
        random.Random(f"{seed}/{epoch}").shuffle(shuffled)  # noqa: S311 - no secret
        for index in shuffled:
            if (wanted is not None and len(order) >= wanted) or (tokens is not None and trained >= tokens):
                return order
            order.append(index)
            trained += sizes[index]
    raise AssertionError("count() has no end")


def sort_steps(order: Sequence[int], lengths: Sequence[int], batch_size: int) -> list[int]:
    """Sort the rows of each optimiser step in `order` from the longest to the shortest.

    A step's gradient is a sum, so nothing changes but rounding; the parts of a step that are in memory at a time then
    hold rows of like length, and less is computed on padding.
    """
    result: list[int] = []
    for start in range(0, len(order), batch_size):
        result += sorted(order[start : start + batch_size], key=lambda index: -lengths[index])
    return result
