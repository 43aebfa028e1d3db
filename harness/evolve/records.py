"""A run's records: what it is asked for, instructions on their way, and attempts that were thrown away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..config.checking import NonNegativeFloat, NonNegativeInt, PositiveInt, Share, check_fields
from ..types import SamplingParams
from .operators import Operator
from .prompts import ANSWER_TEMPLATE, JUDGE_TEMPLATE, Form, digest_template
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

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def judge_model(self) -> str:
        """Return the name of the model that judges."""
        return self.judge or self.model

    def make_sampling(self) -> SamplingParams:
        """Return the sampling parameters. There are no stop strings: one in the middle of a text would cut it."""
        return SamplingParams(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)


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
    """What the judge said: "not equal" or "unclear"; None for a seed."""
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
        return {**first, **fields, "rejected": [dict(one) for one in self.rejected]}
