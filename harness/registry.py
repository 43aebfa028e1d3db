"""Names of benchmarks, models and sandboxes, resolved lazily.

A built-in is one line here; a third party uses an entry point of the group
`harness.benchmarks`, `harness.models` or `harness.sandboxes` (value "package.module:Class").
Nothing is imported before it is asked for, so listing costs nothing.
"""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import Any

from .errors import UsageError, suggest

MULTIPL_E = (
    *("cpp", "cs", "d", "go", "java", "jl", "js", "lua", "php"),
    *("pl", "r", "rb", "rkt", "rs", "scala", "sh", "swift", "ts"),
)
"""MultiPL-E's languages."""
DEEPSEEK = ("cpp", "cs", "go", "java", "js", "php", "sh", "ts")
"""Those that DeepSeek-Coder's rules have."""

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
        **{
            f"multipl-e-{language}": f"harness.benchmarks.multipl_e:MultiPLE_{language}_multipl_e"
            for language in MULTIPL_E
        },
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


VARIANTS: dict[str, dict[str, str]] = {
    "benchmarks": {
        f"multipl-e-{language}-deepseek": f"harness.benchmarks.multipl_e:MultiPLE_{language}_deepseek"
        for language in DEEPSEEK
    }
}
"""What an option makes of a built-in (--rule-set): known by name and not listed, since its problems are the same."""

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
    for entry in entry_points(group=f"harness.{kind}"):
        known.setdefault(entry.name, entry.value)
    return known


def lookup(kind: str, name: str) -> Any:
    """Return the class registered under `name`.

    Raises:
        UsageError: the name is unknown; the message offers the nearest one.
    """
    known = list_registered(kind) | VARIANTS.get(kind, {})
    if name not in known:
        raise make_unknown_error(kind, name, known)
    module, _, attribute = known[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def make_unknown_error(kind: str, name: str, known: dict[str, Any] | list[str]) -> UsageError:
    """Return the error for a name that is not among `known`, offering the nearest one."""
    hint = suggest(name, known, "")
    return UsageError(f'{SINGULAR[kind]} "{name}" is not known.{hint} (`harness list {kind}` shows all)')
