"""The loop's configuration: one TOML file, every table checked before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from ..compare.gate import Rules, parse_rules
from ..config import RunConfig, build_run_config, merge_settings
from ..config.checking import PositiveInt, ProperFraction, Where, build_config, check_fields, check_key
from ..config.tables import Tables, read_tables
from ..errors import UsageError
from ..evolve.options import EvolveOptions
from ..finetune.config import TrainingConfig, build_training_config
from ..finetune.examples import check_for_training
from ..finetune.presets import get_preset
from .develop import StopOptions

EXAMPLE = "example.toml"
TOP = ("base", "out", "data")
TABLES = ("evolve", "stop", "finetune", "sample", "select", "prefer", "reinforce", "run", "gate", "ablation")
FOR_EVERY_RUN = ("model", "lora", "repeat", "price", "max_cost")
"""Keys of a run that the loop sets itself, or that are for servers."""
FOR_EVERY_TRAINING = ("base", "data", "out")
NOT_SAMPLED = ("benchmarks", "n", "k", "limit", "tasks", "temperature")
"""Keys that [sample] does not take over from [run]."""
FOR_LESSONS = ("recipe", "dtype", "max_length", "lora", "quantization", "gradient_checkpointing", "seed")
"""Keys that [prefer] and [reinforce] take over from [finetune]."""
LAUNCHER, PRESET = "launcher", "preset"


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationOptions:
    """Options of the comparison of rounds."""

    tokens: PositiveInt | None = None
    """Answer tokens that each checkpoint is trained on. None: those of all rounds together, `epochs` times."""
    held_out: ProperFraction = 0.1
    """Fraction of the seeds whose rows, of all rounds, are held out if [finetune] names no file of held-out rows."""
    finetune: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectOptions:
    """Which of the sampled answers are trained on; as for `harness data from-runs`."""

    form: Literal["sft", "dpo", "kto"] = "dpo"
    """The key "as": answers to imitate, pairs, or labelled answers. It is the method of [prefer]."""
    pick: Literal["shortest", "first", "diverse"] = "shortest"
    per_problem: PositiveInt = 1
    against: tuple[str, ...] = ()
    """Benchmarks whose problems no row may repeat. Empty: all but those for training."""

    def __post_init__(self) -> None:
        check_fields(self)

    def describe(self) -> dict[str, Any]:
        """Return what decides the selection, JSON-ready."""
        return {"form": self.form, "pick": self.pick, "per_problem": self.per_problem, "against": list(self.against)}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopConfig:
    """Configuration of `harness loop`."""

    path: Path
    base: str
    out: Path
    data: Path | None
    """Rows to train on if nothing is evolved."""
    evolve: EvolveOptions | None
    stop: StopOptions | None
    launcher: tuple[str, ...]
    """Command that starts the training's Python module; (): this interpreter."""
    finetune: Mapping[str, Any]
    sample: Mapping[str, Any] | None
    select: SelectOptions
    prefer: Mapping[str, Any] | None
    """None: nothing is sampled and selected."""
    reinforce: Mapping[str, Any] | None
    run: Mapping[str, Any]
    rules: Rules
    gate: Mapping[str, Any]
    """The table that the rules were read from."""
    ablation: AblationOptions

    @property
    def benchmarks(self) -> tuple[str, ...]:
        """Return the benchmarks that are reported."""
        return tuple(self.run["benchmarks"])


def read_example() -> str:
    """Read the example configuration, which has comments."""
    return files("harness.loop").joinpath(EXAMPLE).read_text(encoding="utf-8")


def read_config(path: Path) -> LoopConfig:
    """Read the configuration in the file `path`.

    Raises:
        UsageError: it cannot be read, or a key or a value does not fit; the message names the line.
    """
    tables = read_tables(path)
    for key in tables.values:
        check_key(key, (*TOP, *TABLES), f"{_locate_key(tables, key)}: ")
    for key in TOP:
        if not isinstance(tables.values.get(key, ""), str):
            raise UsageError(f"{tables.locate('', key)}: {key} is {tables.values[key]!r}; it must be a text")
    for key in ("base", "out"):
        if not tables.values.get(key):
            raise UsageError(f"{path}: {key} is missing (`harness loop --example` shows a whole file)")
    base = str(tables.values["base"])
    training, launcher = _build_training(tables, base)
    _check_method(tables, "finetune", {"method": "sft", **training}, "sft")
    running = _build_run(tables, "run", base, {"recipe": training.get("recipe", "wizardcoder")})
    data = tables.values.get("data")
    evolve, stop = _build_evolve(tables, base, training, running, data)
    return LoopConfig(
        path=path,
        base=base,
        out=Path(str(tables.values["out"])),
        data=Path(data) if data else None,
        evolve=evolve,
        stop=stop,
        launcher=launcher,
        finetune=training,
        **_build_lessons(tables, base, training, running),
        run=running,
        rules=tables.build(lambda values, where: parse_rules(values, {}, where), "gate", tables.get_table("gate")),
        gate=tables.get_table("gate"),
        ablation=_build_ablation(tables, base, training, running),
    )


def apply_preset(values: Mapping[str, Any]) -> dict[str, Any]:
    """Merge `values` over the settings of the preset that they may name.

    Raises:
        UsageError: there is no such preset.
    """
    own = dict(values)
    named = own.pop(PRESET, None)
    return {**(get_preset(str(named)) if named is not None else {}), **own}


def _locate_key(tables: Tables, key: str) -> str:
    """Return the place of a top-level key or table."""
    return tables.locate(key) if isinstance(tables.values[key], dict) else tables.locate("", key)


def _build_training(tables: Tables, base: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    values = tables.get_table("finetune")
    launcher = values.pop(LAUNCHER, [])
    if not isinstance(launcher, list) or not all(isinstance(word, str) for word in launcher):
        raise UsageError(f"{tables.locate('finetune', LAUNCHER)}: launcher must be a list of words")
    return _check_training(tables, "finetune", base, values, {}), tuple(launcher)


def _check_training(
    tables: Tables, table: str, base: str, values: Mapping[str, Any], common: Mapping[str, Any]
) -> dict[str, Any]:
    """Merge `values` over `common` and check them as a training's."""
    known = [entry.name for entry in fields(TrainingConfig) if entry.name not in FOR_EVERY_TRAINING]
    _check_keys(tables, table, values, [PRESET, *known])
    whole = {**common, **tables.build(lambda own, _: apply_preset(own), table, values)}
    # The settings are checked before the data exists.
    tables.build(build_training_config, table, {**whole, "base": base, "data": ".", "out": "."})
    return whole


def _build_lessons(
    tables: Tables, base: str, training: Mapping[str, Any], running: Mapping[str, Any]
) -> dict[str, Any]:
    """Build the tables of the stages that learn from verdicts, as fields of `LoopConfig`."""
    named = tables.values
    if "prefer" in named and "sample" not in named:
        raise UsageError(f"{tables.locate('prefer')}: [prefer] trains on answers of [sample]; add that table")
    for table in ("sample", "select"):
        if table in named and "prefer" not in named:
            raise UsageError(f"{tables.locate(table)}: nothing is trained on what [{table}] makes; add [prefer]")
    sample = prefer = reinforce = None
    common = {key: value for key, value in training.items() if key in FOR_LESSONS}
    values = tables.get_table("select")
    if "as" in values:
        values["form"] = values.pop("as")
    select = tables.build(partial(build_config, SelectOptions), "select", values)
    if "sample" in named:
        asked = {key: value for key, value in running.items() if key not in NOT_SAMPLED}
        sample = _build_run(tables, "sample", base, asked)
        for benchmark in sample["benchmarks"]:
            check_for_training(benchmark)
        method = {"method": select.form, **({"recipe": sample["recipe"]} if "recipe" in sample else {})}
        prefer = _check_training(tables, "prefer", base, tables.get_table("prefer"), {**common, **method})
        _check_method(tables, "prefer", prefer, select.form)
    if "reinforce" in named:
        values = tables.get_table("reinforce")
        data = {"data": values.pop("data")} if "data" in values else {}
        method = {"recipe": "wizardcoder", **common, "method": "grpo"}
        reinforce = {**_check_training(tables, "reinforce", base, values, method), **data}
        _check_method(tables, "reinforce", reinforce, "grpo")
        if not data and reinforce["problems"].endswith(".jsonl"):
            place = tables.locate("reinforce")
            raise UsageError(f"{place}: problems are a file; name their prompts, rows with task_id, with data")
    return {"sample": sample, "select": select, "prefer": prefer, "reinforce": reinforce}


def _check_method(tables: Tables, table: str, training: Mapping[str, Any], method: str) -> None:
    if training["method"] != method:
        place = tables.locate(table, "method")
        raise UsageError(f"{place}: method is {training['method']}; here it is {method}: leave it out")


def _build_run(tables: Tables, table: str, base: str, common: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the table's values over `common` and check them as a run's."""
    values = tables.get_table(table)
    known = [entry.name for entry in fields(RunConfig) if entry.name not in FOR_EVERY_RUN]
    whole = merge_settings(common, values)
    _check_keys(tables, table, values, known)
    tables.build(build_run_config, table, {"model": base, **whole})
    return whole


def _check_keys(tables: Tables, table: str, values: Mapping[str, Any], known: list[str]) -> None:
    for key in values:
        check_key(key, known, f"{tables.locate(table, key)}: [{table}] ")


def _build_evolve(
    tables: Tables, base: str, training: Mapping[str, Any], running: Mapping[str, Any], data: Any
) -> tuple[EvolveOptions | None, StopOptions | None]:
    values, wanted = tables.get_table("evolve"), "evolve" in tables.values
    if wanted == bool(data):
        both = "names data and has [evolve]" if data else "has neither [evolve] nor data"
        raise UsageError(f"{tables.path} {both}; one of them says what is trained on")
    stop = _build_stop(tables, base, training, running) if "stop" in tables.values else None
    if not wanted:
        if stop:
            raise UsageError(f"{tables.locate('stop')}: [stop] ends rounds of [evolve], and there are none")
        return None, None
    return tables.build(_build_evolve_options, "evolve", {"model": base, **values}), stop


def _build_evolve_options(values: Mapping[str, Any], where: Where) -> EvolveOptions:
    evolve = build_config(EvolveOptions, values, where)
    evolve.make_config()
    evolve.make_filter()
    return evolve


def _build_stop(tables: Tables, base: str, training: Mapping[str, Any], running: Mapping[str, Any]) -> StopOptions:
    """Build Evol Stop's options: its own tables override [finetune] and [run]."""
    values = tables.get_table("stop")
    own = {name: values.pop(name, {}) for name in ("finetune", "run")}
    common = {key: value for key, value in running.items() if key != "benchmarks"}
    return tables.build(
        partial(build_config, StopOptions),
        "stop",
        values
        | {
            "finetune": _check_training(tables, "stop.finetune", base, own["finetune"], training),
            "run": _build_development_run(tables, "stop.run", base, common),
        },
    )


def _build_development_run(tables: Tables, table: str, base: str, common: Mapping[str, Any]) -> dict[str, Any]:
    if "benchmarks" in tables.get_table(table):
        raise UsageError(f"{tables.locate(table, 'benchmarks')}: [{table}] runs the development set; leave it out")
    # Any benchmark will do to check the other keys.
    whole = _build_run(tables, table, base, {**common, "benchmarks": ["development"]})
    return {key: value for key, value in whole.items() if key != "benchmarks"}


def _build_ablation(
    tables: Tables, base: str, training: Mapping[str, Any], running: Mapping[str, Any]
) -> AblationOptions:
    values = tables.get_table("ablation")
    own = {name: values.pop(name, {}) for name in ("finetune", "run")}
    return tables.build(
        partial(build_config, AblationOptions),
        "ablation",
        values
        | {
            "finetune": _check_training(tables, "ablation.finetune", base, own["finetune"], training),
            "run": _build_run(tables, "ablation.run", base, running),
        },
    )
