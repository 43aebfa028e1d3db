"""The rounds: every instruction in the pool meets one operator; what survives elimination takes its parent's place.

WizardLM (Xu et al. 2023), section 3: an instruction whose attempt is thrown away returns to the pool unchanged and is
tried again in the next round; seeds and the survivors of all rounds are merged and shuffled. All choices are drawn
from the seed and the row's name, so that neither the order of replies nor a restart changes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import ModelError
from ..tasks.suite import SEEDS
from ..types import SamplingParams
from .asker import Asker
from .cleaning import clean_answer, clean_instruction
from .elimination import Reason, of_answer, of_instruction
from .ledger import Ask, Reply
from .operators import Operator, draw, fraction
from .prompts import ANSWER_TEMPLATE, JUDGE_TEMPLATE, digest, judge_prompt, judged_equal
from .records import JUDGE_SAMPLING, EvolveConfig, Rejection, Row


class NothingSurvived(ModelError):
    """Every attempt of a round was thrown away: another round would end in the same way."""


Check = Callable[[Sequence[Row]], Mapping[str, str]]
"""Runs the examples that stand beside answers: by row id, what is wrong; "" or no entry where nothing is."""


@dataclass(slots=True, kw_only=True)
class Evolved:
    """Instructions and answers of the rounds so far."""

    rows: list[Row]
    """Seeds first, then the survivors of each round, in order."""
    rejections: list[Rejection] = field(default_factory=list)
    rounds: int = 0
    """Finished ones."""
    unanswered: list[str] = field(default_factory=list)
    """Seeds that the model gave no usable answer to; they are left out, and their descendants stay."""
    unclear: int = 0
    """Judgements that were neither "Equal" nor "Not Equal"."""
    verified: Counter[str] = field(default_factory=Counter)
    """Answers by what their examples said, where they are run."""
    drawn: Counter[tuple[int, str]] = field(default_factory=Counter)
    """Attempts by round and operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One parent that meets one operator in one round."""

    id: str
    parent: Row
    operator: Operator
    evolved: str = ""
    judged: str = "not equal"

    def rejected(self, number: int, reason: Reason, text: str = "", answer: str = "", detail: str = "") -> Rejection:
        """The record of its failure in round `number`."""
        return Rejection(
            id=self.id,
            parent_id=self.parent.id,
            seed_id=self.parent.seed_id,
            operator=self.operator.name,
            round=number,
            reason=reason,
            text=text or self.evolved,
            answer=answer,
            detail=detail,
        )


class Rounds:
    """Evolves `seeds`; call `answer_seeds` once, then `advance` for each round."""

    def __init__(self, config: EvolveConfig, seeds: Iterable[Row], asker: Asker, check: Check | None = None) -> None:
        self._config, self._asker, self._check = config, asker, check
        self._pool = list(seeds)
        self._failed: dict[str, list[dict[str, Any]]] = {}
        self.found = Evolved(rows=list(self._pool))

    def answer_seeds(self) -> None:
        """Have seeds answered that came without an output.

        Raises:
            BudgetReached, ModelError: as `Asker.ask`.
        """
        bare = [row for row in self._pool if not row.output.strip()]
        replies = self._asker.ask("answer", [self._answer_ask(row.id, row.whole) for row in bare])
        answers = {}
        for row in bare:
            reply = replies[self._id(row.id, "answer")]
            answer = clean_answer(reply.text)
            if reply.error is None and of_answer(answer, reply.finish_reason) is None:
                answers[row.id] = answer
            else:
                self.found.unanswered.append(row.id)
        self.found.rows = [
            replace(row, output=answers[row.id], model=self._config.model) if row.id in answers else row
            for row in self.found.rows
            if row.id not in self.found.unanswered
        ]

    def advance(self) -> None:
        """One round.

        Raises:
            BudgetReached, ModelError: as `Asker.ask`.
            NothingSurvived: all attempts were thrown away.
        """
        number = self.found.rounds + 1
        attempts = [self._attempt(parent, number) for parent in self._pool]
        rejections: list[Rejection] = []
        survivors = self._answered(self._judged(self._evolved(attempts, number, rejections), number, rejections))
        rows = self._kept(survivors, number, rejections)
        self._commit(number, attempts, rows, rejections)
        if attempts and not rows:
            raise NothingSurvived(nothing_survived(number, rejections))

    def _attempt(self, parent: Row, number: int) -> Attempt:
        operator = draw(self._config.operators, self._config.seed, "operator", number, parent.id)
        return Attempt(id=f"{parent.seed_id}.r{number}", parent=parent, operator=operator)

    def _evolved(self, attempts: Sequence[Attempt], number: int, rejections: list[Rejection]) -> list[Attempt]:
        """The attempts whose rewriting is worth a judge's time."""
        asks = {
            one.id: self._ask(one.id, "evolve", one.operator.prompt(one.parent.whole), one.operator.digest)
            for one in attempts
        }
        replies = self._asker.ask("evolve", list(asks.values()))
        kept = []
        for one in attempts:
            reply = replies[asks[one.id].id]
            text = clean_instruction(reply.text)
            if reply.error is not None:
                rejections.append(one.rejected(number, Reason.FAILED, detail=reply.error))
            elif reason := of_instruction(one.parent.whole, text, reply.finish_reason, one.operator.markers):
                rejections.append(one.rejected(number, reason, text or reply.text))
            else:
                kept.append(replace(one, evolved=text))
        return kept

    def _judged(self, attempts: Sequence[Attempt], number: int, rejections: list[Rejection]) -> list[Attempt]:
        """The attempts that a judge does not find equal to their parents; asked before they are answered."""
        template = digest(JUDGE_TEMPLATE)
        asks = {
            one.id: self._ask(one.id, "judge", judge_prompt(one.parent.whole, one.evolved), template)
            for one in attempts
        }
        replies = self._asker.ask("judge", list(asks.values()))
        kept = []
        for one in attempts:
            reply = replies[asks[one.id].id]
            equal = judged_equal(reply.text)
            if reply.error is not None:
                rejections.append(one.rejected(number, Reason.FAILED, detail=f"judge: {reply.error}"))
            elif equal:
                rejections.append(one.rejected(number, Reason.NO_GAIN, detail="the judge says equal"))
            elif equal is None and self._config.strict_judge:
                self.found.unclear += 1
                rejections.append(one.rejected(number, Reason.UNCLEAR, detail=reply.text[:100]))
            else:
                self.found.unclear += equal is None
                kept.append(replace(one, judged="unclear" if equal is None else "not equal"))
        return kept

    def _answered(self, attempts: Sequence[Attempt]) -> list[tuple[Attempt, Reply]]:
        asks = {one.id: self._answer_ask(one.id, one.evolved) for one in attempts}
        replies = self._asker.ask("answer", list(asks.values()))
        return [(one, replies[asks[one.id].id]) for one in attempts]

    def _kept(self, answered: Sequence[tuple[Attempt, Reply]], number: int, rejections: list[Rejection]) -> list[Row]:
        """The rows of the round: answers that pass elimination and, where that is asked for, their own examples."""
        rows: dict[str, Row] = {}
        attempts = {one.id: one for one, _ in answered}
        for one, reply in answered:
            answer = clean_answer(reply.text)
            reason = Reason.FAILED if reply.error is not None else of_answer(answer, reply.finish_reason)
            if reason:
                rejections.append(one.rejected(number, reason, answer=answer, detail=reply.error or ""))
                continue
            rows[one.id] = self._row(one, answer, number)
        for row_id, detail in self._repaired(rows).items():
            answer = rows.pop(row_id).output
            rejections.append(attempts[row_id].rejected(number, Reason.EXAMPLES, answer=answer, detail=detail))
        return list(rows.values())

    def _repaired(self, rows: dict[str, Row]) -> dict[str, str]:
        """Ask once more for answers whose code fails its examples, in place; what still fails, with the reason."""
        if self._check is None:
            return {}
        wrong = {row_id: detail for row_id, detail in self._check(list(rows.values())).items() if detail}
        self.found.verified["ran well or had no examples"] += len(rows) - len(wrong)
        asks = {row_id: self._answer_ask(row_id, rows[row_id].whole, "repair") for row_id in wrong}
        replies = self._asker.ask("repair", list(asks.values()))
        again = []
        for row_id, ask in asks.items():
            reply = replies[ask.id]
            answer = clean_answer(reply.text)
            if reply.error is None and of_answer(answer, reply.finish_reason) is None:
                rows[row_id] = replace(rows[row_id], output=answer)
                again.append(rows[row_id])
        verdicts = self._check(again) if again else {}
        fixed = {row.id for row in again if not verdicts.get(row.id)}
        self.found.verified["right when asked again"] += len(fixed)
        self.found.verified["dropped"] += len(wrong) - len(fixed)
        return {row_id: verdicts.get(row_id) or detail for row_id, detail in wrong.items() if row_id not in fixed}

    def _commit(
        self, number: int, attempts: Sequence[Attempt], rows: Sequence[Row], rejections: Sequence[Rejection]
    ) -> None:
        """Survivors take their parents' places in the pool; the others stay as they are."""
        for one in rejections:
            told = {"round": number, "operator": one.operator, "reason": str(one.reason)}
            self._failed.setdefault(one.parent_id, []).append(told)
        by_parent = {row.parent_id: row for row in rows}
        self._pool = [by_parent.get(parent.id, parent) for parent in self._pool]
        order = {one.id: place for place, one in enumerate(attempts)}
        self.found.rows += rows
        self.found.rejections += sorted(rejections, key=lambda one: order[one.id])
        self.found.drawn.update((number, one.operator.name) for one in attempts)
        self.found.rounds = number

    def _row(self, one: Attempt, answer: str, number: int) -> Row:
        return Row(
            id=one.id,
            seed_id=one.parent.seed_id,
            parent_id=one.parent.id,
            instruction=one.evolved,
            output=answer,
            round=number,
            operator=one.operator.name,
            model=self._config.model,
            judged=one.judged,
            rejected=tuple(self._failed.get(one.parent.id, ())),
        )

    def _answer_ask(self, row_id: str, instruction: str, stage: str = "answer") -> Ask:
        return self._ask(row_id, stage, instruction, digest(ANSWER_TEMPLATE))

    def _ask(self, row_id: str, stage: str, text: str, template: str) -> Ask:
        judging = stage == "judge"
        params: SamplingParams = JUDGE_SAMPLING if judging else self._config.sampling()
        return Ask(
            id=self._id(row_id, stage),
            stage=stage,
            text=text,
            template=template,
            model=self._config.judging if judging else self._config.model,
            seed=int(fraction(self._config.seed, stage, row_id) * SEEDS),
            params=params,
        )

    @staticmethod
    def _id(row_id: str, stage: str) -> str:
        return f"{row_id}/{stage}"


def nothing_survived(number: int, rejections: Sequence[Rejection]) -> str:
    """Why a round ended with nothing, in one line."""
    counts = Counter(str(one.reason) for one in rejections)
    told = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
    example = next((one.detail for one in rejections if one.detail), "")
    return (
        f"round {number}: all {len(rejections)} attempts were thrown away ({told}"
        f"{f'; for example: {example}' if example else ''}). The model may be too small for this, or --form may not "
        "fit it; rejected.jsonl has every text. The rounds before are written"
    )


def merged(rows: Sequence[Row], seed: int) -> list[Row]:
    """Seeds and all rounds, shuffled by the seed alone: the same rows give the same order."""
    return sorted(rows, key=lambda row: fraction(seed, "shuffle", row.id))
