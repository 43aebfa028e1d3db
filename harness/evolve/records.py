"""A run's records: what it is asked for, instructions on their way, and attempts that were thrown away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from typing import Any

from ..config.checking import NonNegativeFloat, NonNegativeInt, PositiveInt, Share, check_fields
from ..types import SamplingParams
from .elimination import RejectionReason
from .operators import Operator
from .prompts import ANSWER_TEMPLATE, JUDGE_TEMPLATE, TESTS_TEMPLATE, Form, digest_template
from .seeds import Seeds, join_input


@dataclass(frozen=True, slots=True, kw_only=True)
class EvolveConfig:
    """Settings that decide the evolved data; files, budgets and the filter are not part of it."""

    model: str
    operators: tuple[Operator, ...]
    rounds: PositiveInt = 4
    """May grow from one start to the next."""
    judge: str | None = None
    """None: the model itself."""
    strict_judge: bool = False
    """Reject instructions on which the judge gives no clear verdict; the papers keep them."""
    form: Form = "chat"
    seed: NonNegativeInt = 0
    temperature: NonNegativeFloat = 1.0
    top_p: Share = 0.9
    max_tokens: PositiveInt = 2048
    examples: bool = False
    """Run the examples that stand beside an answer, and ask once more where its code fails them."""

    verify: bool = False
    """Have tests written for each answer, and keep the rows whose answers pass tests that can fail."""
    calibrate_judge: bool = False
    """Ask the judge about known pairs first, and do not believe one that cannot tell them apart. `verify` does too."""

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def calibrates(self) -> bool:
        """Tell whether the judge is asked about known pairs first."""
        return self.calibrate_judge or self.verify

    @property
    def judge_model(self) -> str:
        """Return the name of the model that judges."""
        return self.judge or self.model

    def make_sampling(self) -> SamplingParams:
        """Return the sampling parameters. There are no stop strings: one in the middle of a text would cut it."""
        return SamplingParams(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)


PAIRS = files("harness.evolve").joinpath("pairs.jsonl")
"""Pairs of instructions that are known to be equal, or not: what a judge is calibrated with."""
JUDGE_SAMPLING = SamplingParams(temperature=0.0, max_tokens=16)


def build_identity(config: EvolveConfig, seeds: Seeds, models: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Build the identity of a folder's ledger; `models` are the models' descriptions."""
    return {
        "kind": "evolve",
        "seeds": f"sha256:{seeds.sha256}",
        "operators": {one.name: {"digest": one.digest, "weight": one.weight} for one in config.operators},
        "templates": {"judge": digest_template(JUDGE_TEMPLATE), "answer": digest_template(ANSWER_TEMPLATE)},
        "model": config.model,
        "judge": config.judge_model,
        "strict_judge": config.strict_judge,
        "weights": {name: facts.get("weights_digest") for name, facts in models.items()},
        "form": config.form,
        "seed": config.seed,
        "sampling": {"temperature": config.temperature, "top_p": config.top_p, "max_tokens": config.max_tokens},
        "examples": config.examples,
        # only where they are on: folders from before they were there go on
        **({"verify": digest_template(TESTS_TEMPLATE)} if config.verify else {}),
        **({"pairs": digest_template(PAIRS.read_text(encoding="utf-8"))} if config.calibrates else {}),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """An attempt that was rejected."""

    id: str
    parent_id: str
    seed_id: str
    operator: str
    round: int
    reason: str
    text: str
    """The evolved instruction."""
    answer: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionRow:
    """One instruction with its answer, and where it comes from; round 0 are the seeds."""

    id: str
    seed_id: str
    instruction: str
    input: str = ""
    output: str = ""
    round: int = 0
    parent_id: str | None = None
    operator: str | None = None
    model: str | None = None
    """The model that wrote it; None for what the seeds file holds."""
    judged: str | None = None
    """What the judge said: "not equal" or "unclear", or "not believed" without being asked; None for a seed."""
    tests: str = ""
    """Tests that the answer passes, where they were written."""
    rejected: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)
    """Earlier attempts from the same parent that were thrown away: round, operator, reason."""

    @property
    def whole(self) -> str:
        """Return the instruction with its input, as one text."""
        return join_input(self.instruction, self.input)

    def to_json(self) -> dict[str, Any]:
        """Return the row as the data set stores it, Alpaca's three fields first."""
        fields = asdict(self)
        first = {key: fields.pop(key) for key in ("instruction", "input", "output")}
        if not self.tests:
            del fields["tests"]
        return {**first, **fields, "rejected": [dict(one) for one in self.rejected]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One parent that meets one operator in one round."""

    id: str
    parent: InstructionRow
    operator: Operator
    evolved: str = ""
    judged: str = "not equal"

    def reject(
        self, number: int, reason: RejectionReason, text: str = "", answer: str = "", detail: str = ""
    ) -> Rejection:
        """Return the record of the attempt's failure in round `number`."""
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


def explain_no_survivors(number: int, rejections: Sequence[Rejection]) -> str:
    """Return in one line why no attempt of a round survived."""
    counts = Counter(str(one.reason) for one in rejections)
    reasons = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
    example = next((one.detail for one in rejections if one.detail), "")
    return (
        f"round {number}: all {len(rejections)} attempts were thrown away ({reasons}"
        f"{f'; for example: {example}' if example else ''}). The model may be too small for this, or --form may not "
        "fit it; rejected.jsonl has every text. The rounds before are written"
    )
