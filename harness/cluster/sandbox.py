"""The sandboxes of a cluster's nodes behind the protocol of one."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import HarnessError, SandboxUnavailable
from ..sandboxes.cache import VOLATILE, addressed
from ..types import Calls, Status, Trial, Verdict
from .actors import Bundle, SandboxSetup, Scorer, versions
from .fleet import Fleet
from .layout import Node, Seat
from .member import Member
from .record import Record
from .survey import on_node


@dataclass(frozen=True, slots=True)
class Numbered:
    """A trial and its number in this start, which it bears for an index on the way."""

    number: int
    trial: Trial
    retried: bool = False


class Scorers:
    """The staff of scoring fleets."""

    kind = "sandbox"
    chunk = 1

    def __init__(self, setup: SandboxSetup) -> None:
        self._setup = setup
        self.facts: dict[str, Mapping[str, Any]] = {}
        """What each node's sandbox said of itself when it was opened."""

    def start(self, ray: Any, seat: Seat) -> Any:
        """As `Staff.start`."""
        assert seat.node is not None
        setup = self._setup
        actor = ray.remote(Scorer).options(
            num_cpus=seat.cpus,
            max_restarts=0,
            name=f"harness-sandbox-{setup.environment}-{seat.name}-{next(NUMBERS)}",
            scheduling_strategy=on_node(seat.node),
        )
        return actor.remote(setup, seat.workers, seat.name)

    def opening(self, member: Member[Numbered]) -> tuple[Any, ...]:  # noqa: ARG002
        """As `Staff.opening`."""
        return ()

    def opened(self, member: Member[Numbered], facts: Mapping[str, Any]) -> str:
        """As `Staff.opened`."""
        if facts["versions"] != versions():
            return f"it has {facts['versions']}, and here are {versions()}"
        member.facts = facts["sandbox"]
        member.capacity = facts["workers"] * 2
        self.facts[member.seat.name] = facts["sandbox"]
        return ""

    def key(self, item: Numbered) -> int:
        """As `Staff.key`."""
        return item.number

    def result_key(self, raw: Verdict) -> int:
        """As `Staff.result_key`."""
        return raw.index

    def pack(self, member: Member[Numbered], items: Sequence[Numbered]) -> Bundle:
        """Inputs are sent to a node once: those of a HumanEval+ problem can be megabytes."""
        trials, calls = [], {}
        for item in items:
            trial = replace(item.trial, index=item.number)
            if isinstance(trial.judge, Calls):
                if trial.judge.key not in member.known:
                    member.known.add(trial.judge.key)
                    calls[trial.judge.key] = trial.judge
                trial = replace(trial, judge=replace(trial.judge, parts=()))
            trials.append(trial)
        return Bundle(trials=trials, calls=calls)

    def accepted(self, raw: Verdict, item: Numbered, member: Member[Numbered], *, others: bool) -> Verdict | None:
        """The judge's own trouble on one node is no verdict yet where there is another to try."""
        member.troubles = member.troubles + 1 if raw.status is Status.INFRASTRUCTURE else 0
        if member.troubles and others and not item.retried:
            return None
        return addressed(raw, item.trial)

    def again(self, item: Numbered) -> Numbered:
        """As `Staff.again`."""
        return replace(item, retried=True)

    def blamed(self, item: Numbered, cause: HarnessError) -> Verdict:
        """As `Staff.blamed`."""
        trial = item.trial
        return Verdict(
            benchmark=trial.benchmark,
            task_id=trial.task_id,
            index=trial.index,
            status=Status.INFRASTRUCTURE,
            detail=f"lost with one node's sandbox after the other: {cause}",
        )

    def told(self, count: int) -> str:
        """As `Staff.told`."""
        return f"{count} program{'s' * (count > 1)} run again elsewhere" if count else "no program was under way there"

    def deserted(self, last: str) -> HarnessError:
        """As `Staff.deserted`."""
        return SandboxUnavailable(
            f"no node is left to score on (last: {last}); what was judged is kept, and the same command goes on"
        )


NUMBERS = itertools.count(1)
"""Ray wants a name of its own for each actor."""


class ClusterSandbox:
    """See the module; the nodes that have a seat score."""

    passes_verdicts = True

    def __init__(
        self, ray: Any, setup: SandboxSetup, seats: Callable[[Sequence[Node]], Sequence[Seat]], record: Record
    ) -> None:
        self.name = setup.name
        self._staff = Scorers(setup)
        self._fleet: Fleet[Numbered, Verdict] = Fleet(ray, self._staff, seats, record)
        self._numbers = itertools.count(1)

    def __enter__(self) -> ClusterSandbox:
        try:
            self._fleet.open()
        except BaseException:
            self._fleet.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._fleet.close()

    @property
    def opened(self) -> bool:
        """Whether it holds nodes now."""
        return bool(self._fleet.members)

    def describe(self) -> Mapping[str, Any]:
        """One machine's facts where the nodes agree; else what holds on all, and beside it what each says."""
        facts = [dict(one) for one in self._staff.facts.values()]
        first = dict(facts[0])
        first["workers"] = sum(one["workers"] for one in facts)
        stable = [{key: value for key, value in one.items() if key not in VOLATILE} for one in facts]
        kinds = sorted({json.dumps(one, sort_keys=True, default=repr) for one in stable})
        if len(kinds) == 1:
            return first
        return {
            **first,
            "enforced": [what for what in first["enforced"] if all(what in one["enforced"] for one in facts)],
            "not_enforced": list(dict.fromkeys(what for one in facts for what in one["not_enforced"])),
            "kinds_of_nodes": [json.loads(kind) for kind in kinds],
        }

    def run(self, trials: Iterable[Trial]) -> Iterator[Verdict]:
        """As `Sandbox.run`; a `Verdict` among the trials is passed on."""
        return self._fleet.run(self._numbered(trials), None, threaded=True)

    def _numbered(self, trials: Iterable[Trial]) -> Iterator[Numbered]:
        for trial in trials:
            # a verdict that is known already has nothing to be numbered for
            yield trial if isinstance(trial, Verdict) else Numbered(next(self._numbers), trial)
