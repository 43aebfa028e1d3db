"""Select problems by their task ids: `HumanEval/0`, or a range of numbers as `HumanEval/20-40`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ..errors import UsageError, suggest

RANGE = re.compile(r"(.*?)(\d+)-(\d+)")
NUMBERED = re.compile(r"(.*?)(\d+)")


def split_tasks(tasks: Iterable[str]) -> list[str]:
    """Return the single ids and ranges of a list whose items may hold several, separated by commas."""
    parts = (part.strip() for item in tasks for part in item.split(","))
    return list(dict.fromkeys(part for part in parts if part))


def select_tasks(tasks: Iterable[str], task_ids: Sequence[str]) -> set[str]:
    """Return those of `task_ids` that `tasks` name."""
    return {task_id for part in split_tasks(tasks) for task_id in _find_tasks(part, task_ids)}


def check_tasks(tasks: Iterable[str], task_ids: Sequence[str]) -> None:
    """Refuse ids that are not among `task_ids`, and ranges that end outside of their numbers.

    Raises:
        UsageError: with the id or the range, and the nearest id or the numbers there are.
    """
    parts = split_tasks(tasks)
    if tasks and not parts:
        raise UsageError("tasks names no task; give ids such as HumanEval/0 or ranges such as HumanEval/20-40")
    for part in parts:
        if part in task_ids:
            continue
        spanned = RANGE.fullmatch(part)
        numbers = _list_numbers(spanned[1], task_ids) if spanned else {}
        if spanned is None or not numbers:
            raise UsageError(f'tasks: no benchmark of the run has "{part}".{suggest(part, task_ids, "")}'.rstrip())
        low, high = int(spanned[2]), int(spanned[3])
        least, most = min(numbers), max(numbers)
        if not (least <= low <= high <= most and _find_tasks(part, task_ids)):
            raise UsageError(f'tasks: the range "{part}" has to lie within {spanned[1]}{least}-{most}')


def _find_tasks(part: str, task_ids: Sequence[str]) -> list[str]:
    spanned = RANGE.fullmatch(part)
    if part in task_ids or spanned is None:
        return [part] if part in task_ids else []
    low, high = int(spanned[2]), int(spanned[3])
    return [task_id for number, task_id in _list_numbers(spanned[1], task_ids).items() if low <= number <= high]


def _list_numbers(prefix: str, task_ids: Iterable[str]) -> dict[int, str]:
    """Return number -> task id for the ids that are `prefix` and a number."""
    matches = ((NUMBERED.fullmatch(task_id), task_id) for task_id in task_ids)
    return {int(match[2]): task_id for match, task_id in matches if match and match[1] == prefix}
