"""Training data, training, and the loop of both with evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .paths import Name

if TYPE_CHECKING:
    from ..evolve.run import Outcome
    from ..evolve.untouched import Beside
    from ..finetune.train import Trained
    from ..loop.run import Ended
    from ..progress import Progress


def evolve_data(model: Name, out: Name, *, progress: Progress | None = None, **options: Any) -> Outcome:
    """Make harder training data (Evol-Instruct); `options` are the fields of `harness.evolve.options.EvolveOptions`.

    Raises:
        HarnessError: see the subclasses; the same call goes on.
    """
    from ..config.checking import build_config
    from ..evolve.options import EvolveOptions
    from ..evolve.run import evolve

    chosen = build_config(EvolveOptions, {"model": str(model), **options})
    return evolve(chosen.config(), chosen.settings(Path(out)), progress)


def decontaminate(data: Name, out: Name, *, progress: Progress | None = None, **options: Any) -> dict[str, Any]:
    """Remove duplicates and rows that repeat a benchmark; `options` are those of `evolve.options.SieveOptions`.

    Returns the manifest.

    Raises:
        DataError: a row does not fit, or a benchmark's data is missing.
    """
    from ..config.checking import build_config
    from ..evolve.decontaminate import decontaminate as sifted
    from ..evolve.options import SieveOptions

    return sifted(Path(data), Path(out), build_config(SieveOptions, options).sieve(), progress)


def untouched(run: Name, data: Name) -> list[Beside]:
    """A run's scores on the problems that its training data never touched, beside the full ones.

    Raises:
        StoreError: `run` is no run folder, or not wholly judged.
        DataError: `data` has no manifest.
    """
    from ..evolve.untouched import untouched as beside

    return list(beside(Path(run), Path(data)))


def finetune_model(base: Name, data: Name, out: Name, **settings: Any) -> Trained:
    """Fine-tune a checkpoint; `settings` are the fields of `harness.finetune.config.TrainingConfig`.

    Raises:
        HarnessError: see the subclasses; states saved until then are kept.
    """
    from ..finetune.config import training_config
    from ..finetune.train import finetune

    return finetune(training_config({"base": str(base), "data": str(data), "out": str(out), **settings}))


def merge_adapter(adapter: Name, out: Name, *, base: str | None = None) -> Path:
    """Add a LoRA adapter to its base's weights; the folder of the whole checkpoint.

    Raises:
        ModelError: the adapter or its base is missing, damaged, or they do not fit.
    """
    from ..finetune.merge import merge

    return merge(Path(adapter), Path(out), base=base)


def run_loop(config: Name, *, ablation: bool = False, progress: bool = False) -> Ended:
    """Evolve, fine-tune, run base and fine-tune, compare and gate, as the TOML file `config` says.

    Raises:
        HarnessError: see the subclasses; what was done until then is kept.
    """
    from ..loop.config import read_config
    from ..loop.run import Loop
    from ..progress import Quiet, open_progress

    opened = open_progress if progress else Quiet
    return Loop(read_config(Path(config)), open_progress=opened, tell=opened().note).run(ablation=ablation)
