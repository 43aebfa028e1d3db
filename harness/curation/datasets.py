"""Write data sets of verified answers, in the forms of TRL's trainers and `harness finetune`.

sft     Alpaca rows: an answer that passed
dpo     `prompt`, `chosen`, `rejected`: an answer that passed and one that failed, to the same prompt
kto     `prompt`, `completion`, `label`: as many that passed as failed, of each problem

Beside FILE.jsonl, FILE.manifest.json says where each row came from. Only benchmarks for training are read, and rows
that repeat another benchmark are left out as `harness decontaminate` does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..digests import digest_file
from ..errors import UsageError
from ..evolve.contamination import Hit, TextIndex
from ..evolve.dataset_filter import DatasetFilter, list_benchmarks, load_suites, summarize_contamination
from ..evolve.records import InstructionRow
from ..optional import is_for_training
from ..registry import lookup
from ..store import make_folder, write_json, write_rows
from ..types import Prompt
from .answers import PICKS, Answer, AnsweredPrompt, Pick, choose, locate, read_answers

Form = Literal["sft", "dpo", "kto"]
MANIFEST = ".manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a data set, its answers, and the prompt that they answer."""

    values: Mapping[str, Any]
    answers: Sequence[Answer]
    answered: AnsweredPrompt


def build_dataset(
    runs: Sequence[Path],
    out: Path,
    *,
    form: Form,
    pick: Pick = "shortest",
    per_problem: int = 1,
    against: Sequence[str] = (),
) -> dict[str, Any]:
    """Write the rows of `runs` to `out` as JSON lines, at most `per_problem` of a prompt, and return the manifest.

    Rows that repeat a benchmark of `against` are left out; none: all but those for training.

    Raises:
        UsageError: a setting or a benchmark does not fit, `out` exists, or nothing is left.
        DataError, StoreError: a run or a benchmark's data cannot be read.
    """
    _check_settings(runs, out, form, pick, per_problem)
    left_out: Counter[str] = Counter()
    prompts = read_answers(runs, left_out)
    rows = [row for one in prompts for row in FORMS[form](one, pick, per_problem)]
    rows, contamination = _decontaminate(rows, against)
    if not rows:
        passed, failed = sum(len(one.passed) for one in prompts), sum(len(one.failed) for one in prompts)
        counts = f"{passed} answers passed and {failed} failed, of {len(prompts)} prompts"
        raise UsageError(f"nothing is left to write: {counts}; sample more of each problem")
    make_folder(out.parent)
    write_rows(out, (row.values for row in rows))
    manifest = {
        "form": form,
        "pick": pick,
        "per_problem": per_problem,
        "runs": [str(run) for run in runs],
        "prompts": len(prompts),
        "prompts_with_rows": len({id(row.answered) for row in rows}),
        "left_out": dict(sorted(left_out.items())),
        "contamination": contamination,
        "files": {out.name: f"sha256:{digest_file(out)}"},
        "rows": [list(locate(row.answered, row.answers)) for row in rows],
    }
    write_json(out.with_suffix(MANIFEST), manifest)
    return manifest


def _check_settings(runs: Sequence[Path], out: Path, form: str, pick: str, per_problem: int) -> None:
    if not runs:
        raise UsageError("no run is named; give the folders of finished runs")
    if form not in FORMS:
        raise UsageError(f'--as is "{form}"; it must be one of {", ".join(FORMS)}')
    if pick not in PICKS:
        raise UsageError(f'--pick is "{pick}"; it must be one of {", ".join(PICKS)}')
    if per_problem < 1:
        raise UsageError(f"--per-problem is {per_problem}; it must be 1 or more")
    if out.exists() or out.with_suffix(MANIFEST).exists():
        raise UsageError(f"{out} or its manifest exists; choose another --out, or remove them")


def _build_sft(answered: AnsweredPrompt, pick: Pick, count: int) -> Iterator[Row]:
    for answer in choose(answered.passed, pick, count):
        values = {"instruction": answered.instruction, "input": "", "output": answer.text}
        yield Row(values=values, answers=[answer], answered=answered)


def _build_dpo(answered: AnsweredPrompt, pick: Pick, count: int) -> Iterator[Row]:
    for passed, failed in _pair(answered, pick, count):
        texts = {"chosen": _format_answer(answered.prompt, passed), "rejected": _format_answer(answered.prompt, failed)}
        values = {"prompt": _format_prompt(answered.prompt), **texts}
        yield Row(values=values, answers=[passed, failed], answered=answered)


def _build_kto(answered: AnsweredPrompt, pick: Pick, count: int) -> Iterator[Row]:
    for pair in _pair(answered, pick, count):
        for answer, label in zip(pair, (True, False), strict=True):
            values = {"prompt": _format_prompt(answered.prompt), "completion": _format_answer(answered.prompt, answer)}
            yield Row(values={**values, "label": label}, answers=[answer], answered=answered)


FORMS: Mapping[str, Callable[[AnsweredPrompt, Pick, int], Iterator[Row]]] = {
    "sft": _build_sft,
    "dpo": _build_dpo,
    "kto": _build_kto,
}


def _pair(answered: AnsweredPrompt, pick: Pick, count: int) -> list[tuple[Answer, Answer]]:
    """Return pairs of an answer that passed and one that failed; none of both occurs twice."""
    return list(zip(choose(answered.passed, pick, count), choose(answered.failed, pick, count), strict=False))


def _format_prompt(prompt: Prompt) -> Any:
    """Return a prompt as TRL takes it: a text, or messages."""
    if prompt.messages:
        return [{"role": role, "content": content} for role, content in prompt.messages]
    return prompt.text


def _format_answer(prompt: Prompt, answer: Answer) -> Any:
    return [{"role": "assistant", "content": answer.text}] if prompt.messages else answer.text


def _decontaminate(rows: Sequence[Row], named: Sequence[str]) -> tuple[list[Row], dict[str, Any]]:
    """Return the rows that repeat none of the named benchmarks (none: all but those for training), and what did."""
    reported = (name for name in list_benchmarks() if not is_for_training(lookup("benchmarks", name)))
    dataset_filter = DatasetFilter(near=None, against=tuple(dict.fromkeys(named or reported)))
    suites = load_suites(dataset_filter)
    index = TextIndex(suites, dataset_filter.thresholds)
    hits: list[Hit] = []
    for number, row in enumerate(rows):
        text = "\n\n".join(answer.text for answer in row.answers)
        hits += index.find_hits(
            InstructionRow(
                id=str(number), seed_id=str(number), instruction=row.answered.instruction, input="", output=text
            )
        )
    touched = {hit.row_id for hit in hits}
    kept = [row for number, row in enumerate(rows) if str(number) not in touched]
    return kept, summarize_contamination(len(rows), hits, suites, dataset_filter, None)
