"""Which benchmark is meant: a name as it is given, with a split or options chosen apart from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..data import find_file
from ..errors import UsageError
from ..optional import get_files, get_language, get_options, get_splits
from ..registry import FAMILIES, format_variant, list_registered, lookup, make_benchmark, parse_variant
from ..sandboxes import default_name
from ..sandboxes.tools import list_languages


def list_at_hand() -> list[str]:
    """List all benchmarks but those whose data is fetched on request only and is not here."""
    return [
        name
        for name in list_registered("benchmarks")
        if not any(file.on_request and find_file(file) is None for file in get_files(make_benchmark(name)))
    ]


def resolve_benchmarks(
    names: Sequence[str],
    split: str | None = None,
    options: Mapping[str, str] | None = None,
    sandbox: str | None = None,
) -> list[str]:
    """Return the full names of the benchmarks called `names`, with `split` and `options` chosen for each.

    An option holds for those of the benchmarks that have it. A family's name stands for those of its benchmarks that
    can be run in `sandbox` (None: the default one) and have its options.

    Raises:
        UsageError: no such benchmark; it has no such split; no benchmark has such an option, or it has no such value.
    """
    given = dict(options or {})
    members = [member for name in names for member in _expand_family(name, given, sandbox)]
    found = [find_split(name, split) for name in members]
    for option in given:
        if not any(option in get_options(lookup("benchmarks", name)) for name in found):
            raise UsageError(f'no benchmark of {", ".join(names)} has the option "{option}"; leave it out')
    return [_choose_options(name, given) for name in found]


def _expand_family(name: str, given: Mapping[str, str], sandbox: str | None) -> list[str]:
    """Return a benchmark's name, or those of a family.

    Raises:
        UsageError: nothing of the family can be run here.
    """
    family, own = parse_variant(name)
    if family not in FAMILIES:
        return [name]
    usable = list_usable_languages(sandbox)
    found = []
    for member in FAMILIES[family]:
        if get_language(lookup("benchmarks", member)) not in usable:
            continue
        try:
            found.append(_choose_options(format_variant(member, own), given))
        except UsageError:  # it does not have what is asked for
            continue
    if not found:
        raise UsageError(
            f'benchmark "{name}": no language of it can be run in sandbox "{sandbox or default_name()}"; '
            "`harness sandbox build languages` builds an image with ten"
        )
    return found


def list_usable_languages(sandbox: str | None) -> tuple[str, ...]:
    """List the languages whose programs can be run in `sandbox` (None: the default one)."""
    return ("python", *list_languages(sandbox or default_name()))


def _choose_options(name: str, given: Mapping[str, str]) -> str:
    plain, options = parse_variant(name)
    known = get_options(lookup("benchmarks", plain))
    if not known:
        return name
    options |= {option: value for option, value in given.items() if option in known}
    full: str = make_benchmark(format_variant(plain, options)).name
    return full


def find_split(name: str, split: str | None) -> str:
    """Return the benchmark that is `split` of the one called `name`, or `name` itself if `split` is None.

    Raises:
        UsageError: no such benchmark, or it has no such split.
    """
    if split is None:
        return name
    splits = get_splits(lookup("benchmarks", name))
    if split not in splits:
        offer = f"choose one of {', '.join(splits)}" if splits else "it has none: leave --split out"
        raise UsageError(f'benchmark "{name}" has no split "{split}"; {offer}')
    return splits[split]
