"""The loop's configuration: one TOML file, every table checked before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..compare.gate import Rules, rules_of
from ..config import RunConfig, run_config
from ..config.checking import Part, PositiveInt, Where, build_config, check_fields, check_key
from ..config.tables import Tables, read_tables
from ..errors import UsageError
from ..evolve.options import EvolveOptions
from ..finetune.config import TrainingConfig, training_config
from ..finetune.presets import preset
from .develop import StopOptions

EXAMPLE = "example.toml"
TOP = ("base", "out", "data")
TABLES = ("evolve", "stop", "finetune", "run", "gate", "ablation")
FOR_EVERY_RUN = ("model", "lora", "repeat")
"""Keys of a run that the loop sets itself."""
FOR_EVERY_TRAINING = ("base", "data", "out")
LAUNCHER, PRESET = "launcher", "preset"


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationOptions:
    """How rounds are compared with one another."""

    tokens: PositiveInt | None = None
    """Answer tokens that each checkpoint is trained on. None: those of all rounds together, `epochs` times."""
    held_out: Part = 0.1
    """Share of the seeds whose rows, of all rounds, are set aside, where [finetune] names no file of held-out rows."""
    finetune: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopConfig:
    """Configuration of `harness loop`."""

    path: Path
    base: str
    out: Path
    data: Path | None
    """Rows to train on, where nothing is evolved."""
    evolve: EvolveOptions | None
    stop: StopOptions | None
    launcher: tuple[str, ...]
    """What starts the training's Python module; (): this interpreter."""
    finetune: Mapping[str, Any]
    run: Mapping[str, Any]
    rules: Rules
    gate: Mapping[str, Any]
    """The table that the rules are of."""
    ablation: AblationOptions

    @property
    def benchmarks(self) -> tuple[str, ...]:
        """Those that are reported."""
        return tuple(self.run["benchmarks"])


def example() -> str:
    """A configuration with comments, to begin with."""
    return files("harness.loop").joinpath(EXAMPLE).read_text(encoding="utf-8")


def read_config(path: Path) -> LoopConfig:
    """The configuration in the file `path`.

    Raises:
        UsageError: it cannot be read, or a key or a value does not fit; the message names the line.
    """
    tables = read_tables(path)
    for key in tables.values:
        check_key(key, (*TOP, *TABLES), f"{_top(tables, key)}: ")
    for key in TOP:
        if not isinstance(tables.values.get(key, ""), str):
            raise UsageError(f"{tables.where('', key)}: {key} is {tables.values[key]!r}; it must be a text")
    for key in ("base", "out"):
        if not tables.values.get(key):
            raise UsageError(f"{path}: {key} is missing (`harness loop --example` shows a whole file)")
    base = str(tables.values["base"])
    training, launcher = _finetune(tables, base)
    running = _run(tables, "run", base, {"recipe": training.get("recipe", "wizardcoder")})
    data = tables.values.get("data")
    evolve, stop = _evolve(tables, base, training, running, data)
    return LoopConfig(
        path=path,
        base=base,
        out=Path(str(tables.values["out"])),
        data=Path(data) if data else None,
        evolve=evolve,
        stop=stop,
        launcher=launcher,
        finetune=training,
        run=running,
        rules=tables.build(lambda values, where: rules_of(values, {}, where), "gate", tables.table("gate")),
        gate=tables.table("gate"),
        ablation=_ablation(tables, base, training, running),
    )


def with_preset(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` over the settings of the preset that they may name.

    Raises:
        UsageError: there is no such preset.
    """
    own = dict(values)
    named = own.pop(PRESET, None)
    return {**(preset(str(named)) if named is not None else {}), **own}


def _top(tables: Tables, key: str) -> str:
    """Where a key of the top level, or the table of that name, stands."""
    return tables.where(key) if isinstance(tables.values[key], dict) else tables.where("", key)


def _finetune(tables: Tables, base: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    values = tables.table("finetune")
    launcher = values.pop(LAUNCHER, [])
    if not isinstance(launcher, list) or not all(isinstance(word, str) for word in launcher):
        raise UsageError(f"{tables.where('finetune', LAUNCHER)}: launcher must be a list of words")
    return _check_training(tables, "finetune", base, values, {}), tuple(launcher)


def _check_training(
    tables: Tables, table: str, base: str, values: Mapping[str, Any], common: Mapping[str, Any]
) -> dict[str, Any]:
    """`values` over `common`, checked as a training's."""
    known = [one.name for one in fields(TrainingConfig) if one.name not in FOR_EVERY_TRAINING]
    _check_keys(tables, table, values, [PRESET, *known])
    whole = {**common, **tables.build(lambda own, _: with_preset(own), table, values)}
    # A training's settings are checked before its data is there.
    tables.build(training_config, table, {**whole, "base": base, "data": ".", "out": "."})
    return whole


def _run(tables: Tables, table: str, base: str, common: Mapping[str, Any]) -> dict[str, Any]:
    """The table's values over `common`, checked as a run's."""
    values = tables.table(table)
    known = [one.name for one in fields(RunConfig) if one.name not in FOR_EVERY_RUN]
    whole = {**common, **values}
    _check_keys(tables, table, values, known)
    tables.build(run_config, table, {"model": base, **whole})
    return whole


def _check_keys(tables: Tables, table: str, values: Mapping[str, Any], known: list[str]) -> None:
    for key in values:
        check_key(key, known, f"{tables.where(table, key)}: [{table}] ")


def _evolve(
    tables: Tables, base: str, training: Mapping[str, Any], running: Mapping[str, Any], data: Any
) -> tuple[EvolveOptions | None, StopOptions | None]:
    values, wanted = tables.table("evolve"), "evolve" in tables.values
    if wanted == bool(data):
        both = "names data and has [evolve]" if data else "has neither [evolve] nor data"
        raise UsageError(f"{tables.path} {both}; one of them says what is trained on")
    stop = _stop(tables, base, training, running) if "stop" in tables.values else None
    if not wanted:
        if stop:
            raise UsageError(f"{tables.where('stop')}: [stop] ends rounds of [evolve], and there are none")
        return None, None
    return tables.build(_evolve_options, "evolve", {"model": base, **values}), stop


def _evolve_options(values: Mapping[str, Any], where: Where) -> EvolveOptions:
    evolve = build_config(EvolveOptions, values, where)
    evolve.make_config()
    evolve.make_filter()
    return evolve


def _stop(tables: Tables, base: str, training: Mapping[str, Any], running: Mapping[str, Any]) -> StopOptions:
    """Trains as [finetune] and runs as [run] say, but for what its own tables say."""
    values = tables.table("stop")
    own = {name: values.pop(name, {}) for name in ("finetune", "run")}
    common = {key: value for key, value in running.items() if key != "benchmarks"}
    return tables.build(
        partial(build_config, StopOptions),
        "stop",
        values
        | {
            "finetune": _check_training(tables, "stop.finetune", base, own["finetune"], training),
            "run": _without_benchmarks(tables, "stop.run", base, common),
        },
    )


def _without_benchmarks(tables: Tables, table: str, base: str, common: Mapping[str, Any]) -> dict[str, Any]:
    if "benchmarks" in tables.table(table):
        raise UsageError(f"{tables.where(table, 'benchmarks')}: [{table}] runs the development set; leave it out")
    # Any name will do to check the others with.
    whole = _run(tables, table, base, {**common, "benchmarks": ["development"]})
    return {key: value for key, value in whole.items() if key != "benchmarks"}


def _ablation(tables: Tables, base: str, training: Mapping[str, Any], running: Mapping[str, Any]) -> AblationOptions:
    values = tables.table("ablation")
    own = {name: values.pop(name, {}) for name in ("finetune", "run")}
    return tables.build(
        partial(build_config, AblationOptions),
        "ablation",
        values
        | {
            "finetune": _check_training(tables, "ablation.finetune", base, own["finetune"], training),
            "run": _run(tables, "ablation.run", base, running),
        },
    )
