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

from ..tasks.suite import SEEDS
from ..types import SamplingParams
from .calibration import Calibration, calibrate, read_pairs
from .cleaning import clean_answer, clean_instruction
from .client import ModelClient
from .elimination import UNCLOSED, RejectionReason, check_answer, check_instruction
from .ledger import Query, QueryReply
from .operators import compute_fraction, draw_operator
from .prompts import (
    ANSWER_TEMPLATE,
    JUDGE_TEMPLATE,
    TESTS_TEMPLATE,
    digest_template,
    format_judge_prompt,
    format_tests_prompt,
    parse_judgement,
)
from .records import JUDGE_SAMPLING, Attempt, EvolveConfig, InstructionRow, Rejection
from .verification import Failure, Run, describe_interface, extract_tests, find_failures

Check = Callable[[Sequence[InstructionRow]], Mapping[str, str]]
"""Runs the examples that stand beside answers: by row id, what is wrong; "" or no entry where nothing is."""


@dataclass(slots=True, kw_only=True)
class EvolvedData:
    """Instructions and answers of the rounds so far."""

    rows: list[InstructionRow]
    """Seeds first, then the survivors of each round, in order."""
    rejections: list[Rejection] = field(default_factory=list)
    rounds: int = 0
    """Finished ones."""
    unanswered: list[str] = field(default_factory=list)
    """Seeds that the model gave no usable answer to; they are left out, and their descendants stay."""
    barren: int = 0
    """Rounds in a row, the last one among them, of which nothing survived."""
    calibration: Calibration | None = None
    """How the judge did on pairs that are known."""
    unclear: int = 0
    """Judgements that were neither "Equal" nor "Not Equal"."""
    verified: Counter[str] = field(default_factory=Counter)
    """Answers by what their examples said, where they are run."""
    drawn: Counter[tuple[int, str]] = field(default_factory=Counter)
    """Attempts by round and operator."""


class Rounds:
    """Evolves `seeds`; call `answer_seeds` once, then `advance` for each round."""

    def __init__(
        self,
        config: EvolveConfig,
        seeds: Iterable[InstructionRow],
        client: ModelClient,
        check: Check | None = None,
        run: Run | None = None,
    ) -> None:
        self._config, self._client, self._check, self._run = config, client, check, run
        self._pool = list(seeds)
        self._failed: dict[str, list[dict[str, Any]]] = {}
        self.data = EvolvedData(rows=list(self._pool))

    def answer_seeds(self) -> None:
        """Answer the seeds that came without an output.

        Raises:
            BudgetReached, ModelError: as `ModelClient.fetch_replies`.
        """
        unanswered = [row for row in self._pool if not row.output.strip()]
        replies = self._client.fetch_replies(
            "answer", [self._build_answer_query(row.id, row.whole) for row in unanswered]
        )
        answers = {}
        for row in unanswered:
            reply = replies[self._format_id(row.id, "answer")]
            answer = clean_answer(reply.text)
            if reply.error is None and check_answer(answer, reply.finish_reason) is None:
                answers[row.id] = answer
            else:
                self.data.unanswered.append(row.id)
        self.data.rows = [
            replace(row, output=answers[row.id], model=self._config.model) if row.id in answers else row
            for row in self.data.rows
            if row.id not in self.data.unanswered
        ]

    def calibrate_judge(self) -> Calibration:
        """Ask the judge about pairs that are known; one that cannot tell them apart is not asked any more.

        Raises:
            BudgetReached, ModelError: as `ModelClient.fetch_replies`.
        """
        pairs, template = read_pairs(), digest_template(JUDGE_TEMPLATE)
        queries = [
            self._build_query(one.id, "judge", format_judge_prompt(one.first, one.second), template) for one in pairs
        ]
        replies = self._client.fetch_replies("judge", queries)
        said = [parse_judgement(replies[query.id].text) for query in queries]
        self.data.calibration = calibrate(pairs, said)
        return self.data.calibration

    def advance(self) -> None:
        """Run one round.

        Raises:
            BudgetReached, ModelError: as `ModelClient.fetch_replies`.
        """
        number = self.data.rounds + 1
        attempts = [self._draw_attempt(parent, number) for parent in self._pool]
        rejections: list[Rejection] = []
        survivors = self._answer(self._judge(self._rewrite(attempts, number, rejections), number, rejections))
        rows = self._select_rows(survivors, number, rejections)
        self._commit(number, attempts, rows, rejections)
        self.data.barren = self.data.barren + 1 if attempts and not rows else 0

    def _draw_attempt(self, parent: InstructionRow, number: int) -> Attempt:
        operator = draw_operator(self._config.operators, self._config.seed, "operator", number, parent.id)
        return Attempt(id=f"{parent.seed_id}.r{number}", parent=parent, operator=operator)

    def _rewrite(self, attempts: Sequence[Attempt], number: int, rejections: list[Rejection]) -> list[Attempt]:
        """Rewrite the parents; return the attempts that are worth a judge's time."""
        queries = {
            one.id: self._build_query(
                one.id, "evolve", one.operator.render_prompt(one.parent.whole), one.operator.digest
            )
            for one in attempts
        }
        replies = self._client.fetch_replies("evolve", list(queries.values()))
        kept = []
        for one in attempts:
            reply = replies[queries[one.id].id]
            text = clean_instruction(reply.text)
            if reply.error is not None:
                rejections.append(one.reject(number, RejectionReason.FAILED, detail=reply.error))
            elif reason := check_instruction(one.parent.whole, text, reply.finish_reason, one.operator.markers):
                rejections.append(one.reject(number, reason, text or reply.text))
            else:
                kept.append(replace(one, evolved=text))
        return kept

    def _judge(self, attempts: Sequence[Attempt], number: int, rejections: list[Rejection]) -> list[Attempt]:
        """Return the attempts that the judge does not find equal to their parents; judging comes before answering."""
        if self.data.calibration is not None and not self.data.calibration.is_believed:
            return [replace(one, judged="not believed") for one in attempts]
        template = digest_template(JUDGE_TEMPLATE)
        queries = {
            one.id: self._build_query(one.id, "judge", format_judge_prompt(one.parent.whole, one.evolved), template)
            for one in attempts
        }
        replies = self._client.fetch_replies("judge", list(queries.values()))
        kept = []
        for one in attempts:
            reply = replies[queries[one.id].id]
            equal = parse_judgement(reply.text)
            if reply.error is not None:
                rejections.append(one.reject(number, RejectionReason.FAILED, detail=f"judge: {reply.error}"))
            elif reply.finish_reason == UNCLOSED:
                rejections.append(one.reject(number, RejectionReason.REASONING, detail="judge"))
            elif equal:
                rejections.append(one.reject(number, RejectionReason.NO_GAIN, detail="the judge says equal"))
            elif equal is None and self._config.strict_judge:
                self.data.unclear += 1
                rejections.append(one.reject(number, RejectionReason.UNCLEAR, detail=reply.text[:100]))
            else:
                self.data.unclear += equal is None
                kept.append(replace(one, judged="unclear" if equal is None else "not equal"))
        return kept

    def _answer(self, attempts: Sequence[Attempt]) -> list[tuple[Attempt, QueryReply]]:
        queries = {one.id: self._build_answer_query(one.id, one.evolved) for one in attempts}
        replies = self._client.fetch_replies("answer", list(queries.values()))
        return [(one, replies[queries[one.id].id]) for one in attempts]

    def _select_rows(
        self, answered: Sequence[tuple[Attempt, QueryReply]], number: int, rejections: list[Rejection]
    ) -> list[InstructionRow]:
        """Return the round's rows: answers that pass elimination and, if asked for, their own examples."""
        rows: dict[str, InstructionRow] = {}
        attempts = {one.id: one for one, _ in answered}
        for one, reply in answered:
            answer = clean_answer(reply.text)
            reason = RejectionReason.FAILED if reply.error is not None else check_answer(answer, reply.finish_reason)
            if reason:
                rejections.append(one.reject(number, reason, answer=answer, detail=reply.error or ""))
                continue
            rows[one.id] = self._build_row(one, answer, number)
        for row_id, detail in self._repair(rows).items():
            answer = rows.pop(row_id).output
            rejections.append(attempts[row_id].reject(number, RejectionReason.EXAMPLES, answer=answer, detail=detail))
        for row_id, (reason, detail) in self._verify(rows).items():
            answer = rows.pop(row_id).output
            rejections.append(attempts[row_id].reject(number, reason, answer=answer, detail=detail))
        return list(rows.values())

    def _verify(self, rows: dict[str, InstructionRow]) -> dict[str, Failure]:
        """Have tests written for answers, and add them to the rows in place; return what fails, with the reason."""
        if self._run is None:
            return {}
        interfaces = {row_id: describe_interface(row.output) for row_id, row in rows.items()}
        template = digest_template(TESTS_TEMPLATE)
        queries = {
            row_id: self._build_query(row_id, "tests", format_tests_prompt(rows[row_id].whole, interface), template)
            for row_id, interface in interfaces.items()
            if interface
        }
        replies = self._client.fetch_replies("tests", list(queries.values()))
        for row_id, query in queries.items():
            rows[row_id] = replace(rows[row_id], tests=extract_tests(replies[query.id].text, rows[row_id].output))
        failures: dict[str, Failure] = {
            row_id: (RejectionReason.NO_TESTS, replies[queries[row_id].id].text[:300] if row_id in queries else "")
            for row_id, row in rows.items()
            if not row.tests
        }
        return failures | find_failures({row_id: row for row_id, row in rows.items() if row.tests}, self._run)

    def _repair(self, rows: dict[str, InstructionRow]) -> dict[str, str]:
        """Ask once more for answers that fail their examples, in place; return what still fails, with the reason."""
        if self._check is None:
            return {}
        wrong = {row_id: detail for row_id, detail in self._check(list(rows.values())).items() if detail}
        self.data.verified["ran well or had no examples"] += len(rows) - len(wrong)
        queries = {row_id: self._build_answer_query(row_id, rows[row_id].whole, "repair") for row_id in wrong}
        replies = self._client.fetch_replies("repair", list(queries.values()))
        again = []
        for row_id, query in queries.items():
            reply = replies[query.id]
            answer = clean_answer(reply.text)
            if reply.error is None and check_answer(answer, reply.finish_reason) is None:
                rows[row_id] = replace(rows[row_id], output=answer)
                again.append(rows[row_id])
        verdicts = self._check(again) if again else {}
        fixed = {row.id for row in again if not verdicts.get(row.id)}
        self.data.verified["right when asked again"] += len(fixed)
        self.data.verified["dropped"] += len(wrong) - len(fixed)
        return {row_id: verdicts.get(row_id) or detail for row_id, detail in wrong.items() if row_id not in fixed}

    def _commit(
        self, number: int, attempts: Sequence[Attempt], rows: Sequence[InstructionRow], rejections: Sequence[Rejection]
    ) -> None:
        """Replace parents in the pool by their survivors; the others stay as they are."""
        for one in rejections:
            failure = {"round": number, "operator": one.operator, "reason": str(one.reason)}
            self._failed.setdefault(one.parent_id, []).append(failure)
        by_parent = {row.parent_id: row for row in rows}
        self._pool = [by_parent.get(parent.id, parent) for parent in self._pool]
        order = {one.id: place for place, one in enumerate(attempts)}
        self.data.rows += rows
        self.data.rejections += sorted(rejections, key=lambda one: order[one.id])
        self.data.drawn.update((number, one.operator.name) for one in attempts)
        self.data.rounds = number

    def _build_row(self, one: Attempt, answer: str, number: int) -> InstructionRow:
        return InstructionRow(
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

    def _build_answer_query(self, row_id: str, instruction: str, stage: str = "answer") -> Query:
        return self._build_query(row_id, stage, instruction, digest_template(ANSWER_TEMPLATE))

    def _build_query(self, row_id: str, stage: str, text: str, template: str) -> Query:
        judging = stage == "judge"
        params: SamplingParams = JUDGE_SAMPLING if judging else self._config.make_sampling()
        return Query(
            id=self._format_id(row_id, stage),
            stage=stage,
            text=text,
            template=template,
            model=self._config.judge_model if judging else self._config.model,
            seed=int(compute_fraction(self._config.seed, stage, row_id) * SEEDS),
            params=params,
        )

    @staticmethod
    def _format_id(row_id: str, stage: str) -> str:
        return f"{row_id}/{stage}"
