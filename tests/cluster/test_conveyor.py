"""A node's loop between calls that bring items and calls that fetch results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from harness.cluster.conveyor import Conveyor, Empty


def all_of(conveyor: Conveyor[int, int], count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        found += conveyor.take(1.0)
    return found


@pytest.mark.parametrize("empty", [Empty.WAIT, Empty.END])
def test_every_item_comes_out_once(empty: Empty) -> None:
    """Whatever pieces they are given in."""

    def squares(numbers: Iterable[int]) -> Iterator[int]:
        return (number * number for number in numbers)

    conveyor = Conveyor(squares, empty)
    conveyor.give([1, 2], 2)
    first = all_of(conveyor, 2)
    conveyor.give([3], 1)
    rest = all_of(conveyor, 1)
    conveyor.close()

    assert first + rest == [1, 4, 9]


def test_a_loop_that_goes_on_by_itself_is_told_that_there_is_nothing() -> None:
    """None comes while results are under way, and only then."""
    idle: list[int] = []

    def engine(numbers: Iterable[int | None]) -> Iterator[int]:
        inside: list[int] = []
        for number in numbers:
            if number is None:
                idle.append(len(inside))
                yield inside.pop()
            else:
                inside.append(number)

    conveyor = Conveyor(engine, Empty.NOTHING)
    conveyor.give([1, 2, 3], 3)
    found = all_of(conveyor, 3)
    conveyor.close()

    assert sorted(found) == [1, 2, 3]
    assert min(idle) > 0


def test_an_error_comes_after_what_came_before_it() -> None:
    """Results are not lost with it."""

    def breaking(numbers: Iterable[int]) -> Iterator[int]:
        for number in numbers:
            if number == 3:
                raise ValueError("three")
            yield number

    conveyor = Conveyor(breaking, Empty.WAIT)
    conveyor.give([1, 2, 3], 3)

    assert all_of(conveyor, 2) == [1, 2]
    with pytest.raises(ValueError, match="three"):
        conveyor.take(1.0)
    conveyor.close()


@pytest.mark.parametrize("empty", list(Empty))
def test_closing_ends_a_loop_that_waits(empty: Empty) -> None:
    """And lets it clean up."""
    cleaned: list[bool] = []

    def loop(numbers: Iterable[int]) -> Iterator[int]:
        try:
            yield from numbers
        finally:
            cleaned.append(True)

    conveyor = Conveyor(loop, empty)
    conveyor.give([1], 1)
    all_of(conveyor, 1)

    conveyor.close()

    assert cleaned
