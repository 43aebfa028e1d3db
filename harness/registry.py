"""Names of benchmarks, models and sandboxes, resolved lazily.

A built-in is one line here; a third party uses an entry point of the group
`harness.benchmarks`, `harness.models` or `harness.sandboxes` (value "package.module:Class").
Nothing is imported before it is asked for, so listing costs nothing.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from .errors import UsageError, suggest
from .optional import get_options

MULTIPL_E = (
    *("cpp", "cs", "d", "go", "java", "jl", "js", "lua", "php"),
    *("pl", "r", "rb", "rkt", "rs", "scala", "sh", "swift", "ts"),
)
"""MultiPL-E's languages."""

HUMANEVALPACK = ("js", "java", "go", "cpp", "rust")
"""HumanEvalPack's languages beside Python."""

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "multipl-e": tuple(f"multipl-e-{name}" for name in MULTIPL_E),
    "humanevalpack": tuple(f"humanevalpack-{name}" for name in ("python", *HUMANEVALPACK)),
}
"""Name that stands for several benchmarks -> those, of which a run reports the mean as well."""

BUILTIN: dict[str, dict[str, str]] = {
    "benchmarks": {
        "humaneval": "harness.benchmarks.humaneval:HumanEval",
        "humaneval-plus": "harness.benchmarks.evalplus:HumanEvalPlus",
        "mbpp": "harness.benchmarks.mbpp:Mbpp",
        "mbpp-validation": "harness.benchmarks.mbpp:MbppValidation",
        "mbpp-train": "harness.benchmarks.mbpp:MbppTrain",
        "mbpp-plus": "harness.benchmarks.evalplus:MbppPlus",
        "mbpp-plus-v0.1.0": "harness.benchmarks.evalplus:MbppPlusV010",
        "ds1000": "harness.benchmarks.ds1000:Ds1000",
        "bigcodebench": "harness.benchmarks.bigcodebench:BigCodeBench",
        "bigcodebench-hard": "harness.benchmarks.bigcodebench:BigCodeBenchHard",
        "cruxeval-input": "harness.benchmarks.cruxeval:CruxEvalInput",
        "cruxeval-output": "harness.benchmarks.cruxeval:CruxEvalOutput",
        "humaneval-infilling-single-line": "harness.benchmarks.infilling:SingleLineInfilling",
        "humaneval-infilling-multi-line": "harness.benchmarks.infilling:MultiLineInfilling",
        "humaneval-infilling-random-span": "harness.benchmarks.infilling:RandomSpanInfilling",
        "humaneval-infilling-random-span-light": "harness.benchmarks.infilling:RandomSpanInfillingLight",
        "livecodebench": "harness.benchmarks.livecodebench:LiveCodeBench",
        "leetcode-dated": "harness.benchmarks.leetcode:LeetCodeDated",
        **{f"multipl-e-{name}": f"harness.benchmarks.multipl_e:MultiPLE_{name}" for name in MULTIPL_E},
        "humanevalpack-python": "harness.benchmarks.humanevalpack:HumanEvalPackPython",
        **{f"humanevalpack-{name}": f"harness.benchmarks.humanevalpack:HumanEvalPack_{name}" for name in HUMANEVALPACK},
    },
    "models": {
        "vllm": "harness.models.vllm:VllmModel",
        "transformers": "harness.models.transformers:TransformersModel",
        "openai": "harness.models.openai:OpenAIModel",
        "replay": "harness.models.replay:ReplayModel",
    },
    "sandboxes": {
        "docker": "harness.sandboxes.docker:DockerSandbox",
        "process": "harness.sandboxes.process:ProcessSandbox",
    },
}


SINGULAR = {
    "benchmarks": "benchmark",
    "models": "model",
    "sandboxes": "sandbox",
    "recipes": "recipe",
    "extractors": "extractor",
}


def list_registered(kind: str) -> dict[str, str]:
    """Return all names of `kind` ("benchmarks", "models", "sandboxes") with their "module:Class"."""
    known = dict(BUILTIN[kind])
    for name, value in _read_offers(kind).items():
        known.setdefault(name, value)
    return known


@cache
def _read_offers(kind: str) -> Mapping[str, str]:
    """Read what installed packages offer, once: it takes a file of each of them."""
    offers: dict[str, str] = {}
    for entry in entry_points(group=f"harness.{kind}"):
        offers.setdefault(entry.name, entry.value)
    return offers


def make_benchmark(name: str) -> Any:
    """Return the benchmark that `name` describes: NAME, or NAME@OPTION=VALUE,... for a variant of it.

    Raises:
        UsageError: the benchmark, an option or a value is unknown.
    """
    plain, options = parse_variant(name)
    known = lookup("benchmarks", plain)
    offered = get_options(known)
    for option in options:
        if option not in offered:
            offer = f"it has {', '.join(offered)}" if offered else "it has none"
            raise UsageError(f'benchmark "{plain}" has no option "{option}"; {offer}')
    return known(options=options) if options else known()


def parse_variant(name: str) -> tuple[str, dict[str, str]]:
    """Split NAME@OPTION=VALUE,... into the name and its options.

    Raises:
        UsageError: what follows the "@" does not have this form.
    """
    plain, at, text = name.partition("@")
    options = {}
    for pair in text.split(",") if at else ():
        option, equals, value = pair.partition("=")
        if not (option and equals and value) or option in options:
            raise UsageError(f'benchmark "{name}": write {plain}@OPTION=VALUE,OPTION=VALUE, each option once')
        options[option] = value
    return plain, options


def format_variant(plain: str, options: Mapping[str, str]) -> str:
    """Return the name that `parse_variant` splits into these; options without a value are left out."""
    text = ",".join(f"{option}={value}" for option, value in options.items() if value)
    return f"{plain}@{text}" if text else plain


def lookup(kind: str, name: str) -> Any:
    """Return the class registered under `name`; the options of a benchmark's variant do not matter.

    Raises:
        UsageError: the name is unknown; the message offers the nearest one.
    """
    if kind == "benchmarks":
        name = parse_variant(name)[0]
    known = BUILTIN[kind] if name in BUILTIN[kind] else list_registered(kind)
    if name not in known:
        raise make_unknown_error(kind, name, known)
    module, _, attribute = known[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def make_unknown_error(kind: str, name: str, known: dict[str, Any] | list[str]) -> UsageError:
    """Return the error for a name that is not among `known`, offering the nearest one."""
    hint = suggest(name, known, "")
    return UsageError(f'{SINGULAR[kind]} "{name}" is not known.{hint} (`harness list {kind}` shows all)')
