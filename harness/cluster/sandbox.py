"""The sandboxes of a cluster's nodes behind the protocol of one."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import HarnessError, SandboxUnavailable
from ..sandboxes.cache import VOLATILE
from ..sandboxes.judges import kind_of
from ..types import Key, Outcome, Status, Work
from .actors import Bundle, SandboxSetup, Scorer, list_versions
from .fleet import Fleet
from .layout import Node, Seat
from .member import Member
from .record import Record
from .survey import make_node_strategy


@dataclass(frozen=True, slots=True)
class Numbered:
    """Work and its number in this start, under which it travels."""

    number: int
    work: Work
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
        """Implement `Staff.start`."""
        assert seat.node is not None
        setup = self._setup
        actor = ray.remote(Scorer).options(
            num_cpus=seat.cpus,
            max_restarts=0,
            name=f"harness-sandbox-{setup.environment}-{seat.name}-{next(NUMBERS)}",
            scheduling_strategy=make_node_strategy(seat.node),
        )
        return actor.remote(setup, seat.workers, seat.name)

    def build_open_arguments(self, member: Member[Numbered]) -> tuple[Any, ...]:  # noqa: ARG002
        """Implement `Staff.build_open_arguments`."""
        return ()

    def accept_member(self, member: Member[Numbered], facts: Mapping[str, Any]) -> str:
        """Implement `Staff.accept_member`."""
        if facts["versions"] != list_versions():
            return f"it has {facts['versions']}, and here are {list_versions()}"
        member.facts = facts["sandbox"]
        member.capacity = facts["workers"] * 2
        self.facts[member.seat.name] = facts["sandbox"]
        return ""

    def get_key(self, item: Numbered) -> int:
        """Implement `Staff.get_key`."""
        return item.number

    def get_result_key(self, raw: tuple[int, Outcome]) -> int:
        """Implement `Staff.get_result_key`."""
        return raw[0]

    def pack(self, member: Member[Numbered], items: Sequence[Numbered]) -> Bundle:
        """Send each judge to a node once: the inputs of a HumanEval+ problem can be megabytes."""
        programs, judges = [], {}
        for item in items:
            _, program, judge = item.work
            name = kind_of(judge).name(judge)
            if name not in member.known:
                member.known.add(name)
                judges[name] = judge
            programs.append((item.number, program, name))
        return Bundle(programs=programs, judges=judges)

    def accept_result(
        self, raw: tuple[int, Outcome], item: Numbered, member: Member[Numbered], *, others: bool
    ) -> tuple[Key, Outcome] | None:
        """Return None for the judge's own trouble on one node if there is another node to try."""
        outcome = raw[1]
        member.troubles = member.troubles + 1 if outcome.status is Status.INFRASTRUCTURE else 0
        if member.troubles and others and not item.retried:
            return None
        return item.work[0], outcome

    def prepare_retry(self, item: Numbered) -> Numbered:
        """Implement `Staff.prepare_retry`."""
        return replace(item, retried=True)

    def give_up_item(self, item: Numbered, cause: HarnessError) -> tuple[Key, Outcome]:
        """Implement `Staff.give_up_item`."""
        detail = f"lost with one node's sandbox after the other: {cause}"
        return item.work[0], Outcome(status=Status.INFRASTRUCTURE, detail=detail)

    def describe_loss(self, count: int) -> str:
        """Implement `Staff.describe_loss`."""
        return f"{count} program{'s' * (count > 1)} run again elsewhere" if count else "no program was under way there"

    def make_desertion_error(self, last: str) -> HarnessError:
        """Implement `Staff.make_desertion_error`."""
        return SandboxUnavailable(
            f"no node is left to score on (last: {last}); what was judged is kept, and the same command goes on"
        )


NUMBERS = itertools.count(1)
"""Numbers that make actors' names unique, as Ray requires."""


class ClusterSandbox:
    """See the module; the nodes that have a seat score."""

    def __init__(
        self, ray: Any, setup: SandboxSetup, seats: Callable[[Sequence[Node]], Sequence[Seat]], record: Record
    ) -> None:
        self.name = setup.name
        self._staff = Scorers(setup)
        self._fleet: Fleet[Numbered, tuple[Key, Outcome]] = Fleet(ray, self._staff, seats, record)
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
        """Return whether the sandbox holds nodes now."""
        return bool(self._fleet.members)

    def describe(self) -> Mapping[str, Any]:
        """Return one machine's facts if the nodes agree; else what holds on all, and beside it what each reports."""
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

    def run(self, work: Iterable[Work]) -> Iterator[tuple[Key, Outcome]]:
        """Implement `Sandbox.run`."""
        numbered = (Numbered(next(self._numbers), item) for item in work)
        return self._fleet.run(numbered, None, threaded=True)
