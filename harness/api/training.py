"""Training data, training, and the loop of both with evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .paths import Name, to_path

if TYPE_CHECKING:
    from ..evolve.estimate import Estimate
    from ..evolve.settings import EvolveResult
    from ..evolve.untouched import ScorePair
    from ..finetune.train import TrainedCheckpoint
    from ..loop.run import LoopResult, PlannedStage
    from ..progress import Progress


def evolve_data(
    model: Name,
    out: Name,
    *,
    stop: Mapping[str, Any] | None = None,
    command: Sequence[str] = (),
    progress: Progress | None = None,
    **options: Any,
) -> EvolveResult:
    """Make harder training data (Evol-Instruct); `options` are the fields of `harness.evolve.options.EvolveOptions`.

    `stop` asks for Evol Stop; its keys are the arguments of `harness.loop.standalone_stop.build_standalone_stop`,
    such as `on` and `base`.

    Raises:
        HarnessError: see the subclasses; the same call goes on.
    """
    from ..config.checking import build_config
    from ..evolve.options import EvolveOptions
    from ..evolve.run import evolve
    from ..loop.standalone_stop import build_standalone_stop

    chosen = build_config(EvolveOptions, {"model": str(model), **options})
    config, settings = chosen.make_config(), chosen.make_settings(Path(out), command)
    if stop is not None:
        settings = replace(settings, stop=build_standalone_stop(Path(out), command=command, **stop))
    return evolve(config, settings, progress)


def estimate_evolution(model: Name, **options: Any) -> Estimate:
    """Return the most that `evolve_data` asks for with the same `options`; nothing is loaded and nothing is asked.

    Raises:
        HarnessError: as `evolve_data`, before it asks anything.
    """
    from ..config.checking import build_config
    from ..evolve.estimate import estimate_cost
    from ..evolve.options import EvolveOptions
    from ..evolve.seeds import read_seeds

    chosen = build_config(EvolveOptions, {"model": str(model), **options})
    return estimate_cost(chosen.make_config(), read_seeds(chosen.seeds))


def decontaminate(data: Name, out: Name, *, progress: Progress | None = None, **options: Any) -> dict[str, Any]:
    """Remove duplicates and rows that repeat a benchmark; `options` are those of `evolve.options.FilterOptions`.

    Returns the manifest.

    Raises:
        DataError: a row does not fit, or a benchmark's data is missing.
    """
    from ..config.checking import build_config
    from ..evolve.decontaminate import decontaminate as clean_file
    from ..evolve.options import FilterOptions

    return clean_file(Path(data), Path(out), build_config(FilterOptions, options).make_filter(), progress)


def build_dataset(
    *runs: Name, out: Name, form: str, pick: str = "shortest", per_problem: int = 1, against: Sequence[str] = ()
) -> dict[str, Any]:
    """Write training data of the verified answers of runs, and return its manifest.

    `form` is sft (answers that passed), dpo (pairs of a passed and a failed answer to one prompt) or kto (as many of
    both of each problem); `pick` is shortest, first or diverse; `per_problem` is the most rows, or pairs, of a prompt.
    Rows that repeat a benchmark of `against` (default: all but those for training) are left out.

    Raises:
        UsageError: a benchmark is for evaluation, a setting does not fit, or nothing is left.
        DataError, StoreError: a run or a benchmark's data cannot be read.
    """
    from ..curation import datasets

    return datasets.build_dataset(
        list(map(Path, runs)),
        Path(out),
        form=form,  # type: ignore[arg-type] # it is checked there
        pick=pick,  # type: ignore[arg-type]
        per_problem=per_problem,
        against=against,
    )


def untouched(run: Name, data: Name) -> list[ScorePair]:
    """Return a run's scores on the problems that its training data never touched, beside the full ones.

    Raises:
        StoreError: `run` is no run folder, or not wholly judged.
        DataError: `data` has no manifest.
    """
    from ..evolve.untouched import score_untouched

    return list(score_untouched(Path(run), Path(data)))


def finetune_model(
    base: Name | None = None,
    data: Name | None = None,
    out: Name | None = None,
    *,
    preset: str | None = None,
    config: Name | None = None,
    resume: bool = True,
    command: Sequence[str] = (),
    tell: Callable[[str], None] | None = None,
    **settings: Any,
) -> TrainedCheckpoint:
    """Fine-tune a checkpoint; `settings` are the fields of `harness.finetune.config.TrainingConfig`.

    They override the TOML file `config`, which overrides the settings that `preset` names. Without `resume` a stopped
    training begins again. `tell` is given a line now and then (default: stderr).

    Raises:
        HarnessError: see the subclasses; states saved until then are kept.
    """
    from ..config import make_locator, read_toml
    from ..finetune.config import build_training_config
    from ..finetune.presets import get_preset
    from ..finetune.train import finetune

    file = to_path(config)
    named = {"base": base, "data": data, "out": out}
    given = {key: str(value) for key, value in named.items() if value is not None} | settings
    values = {**(get_preset(preset) if preset else {}), **(read_toml(file) if file else {}), **given}
    if isinstance(values.get("held_out"), str):
        values["held_out"] = _parse_held_out(values["held_out"])
    return finetune(build_training_config(values, make_locator(file, given)), resume=resume, command=command, tell=tell)


def merge_adapter(adapter: Name, out: Name, *, base: str | None = None) -> Path:
    """Add a LoRA adapter to its base's weights, and return the folder of the whole checkpoint.

    Raises:
        ModelError: the adapter or its base is missing, damaged, or they do not fit.
    """
    from ..finetune.merge import merge

    return merge(Path(adapter), Path(out), base=base)


def run_loop(
    config: Name,
    *,
    ablation: bool = False,
    command: Sequence[str] = (),
    tell: Callable[[str], None] | None = None,
    progress: bool = False,
) -> LoopResult:
    """Evolve, fine-tune, run base and fine-tune, compare and gate, as the TOML file `config` says.

    `ablation` also trains on rounds 0, 0-1, ... with an equal token budget. `tell` is given a line per stage.

    Raises:
        HarnessError: see the subclasses; what was done until then is kept.
    """
    from ..loop.config import read_config
    from ..loop.run import Loop
    from ..progress import Quiet, open_progress

    opened = open_progress if progress else Quiet
    loop = Loop(read_config(Path(config)), open_progress=opened, tell=tell or opened().note, command=command)
    return loop.run(ablation=ablation)


def plan_loop(config: Name) -> list[PlannedStage]:
    """Return what each stage of `run_loop` would do, without doing it.

    Raises:
        HarnessError: as `run_loop`.
    """
    from ..loop.config import read_config
    from ..loop.run import Loop
    from ..progress import Quiet

    return Loop(read_config(Path(config)), open_progress=Quiet, tell=Quiet().note).plan()


def loop_example() -> str:
    """Return a loop's configuration file with comments."""
    from ..loop.config import read_example

    return read_example()


def _parse_held_out(text: str) -> float | Path:
    try:
        return float(text)
    except ValueError:
        return Path(text)
