"""Replicas of one model on a cluster's nodes behind the protocol of one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import INFRASTRUCTURE, HarnessError, ModelError
from ..models.adapted import AdaptedModel
from ..models.adapters import Adapter
from ..types import Generated, Prompt, RenderedPrompt, Request, SamplingParams
from .actors import ModelSetup, Replica, list_versions
from .causes import find_cause, locate_error
from .fleet import Fleet
from .layout import Node, Seat
from .member import Member
from .record import Record
from .survey import make_node_strategy

AGREED = ("weights_digest", "dtype", "quantization", "max_model_len", "adapter")
"""What all replicas must say alike, or their answers would differ."""
PLACE_S = 60.0
"""Timeout for Ray to reserve GPUs of several nodes."""
Key = tuple[str, int]
"""Request id and index."""


class Replicas:
    """The staff of generating fleets; requests are of one sample each."""

    kind = "replica"
    chunk = 8
    """A problem's samples share their prompt, which an engine computes once."""

    def __init__(self, setup: ModelSetup) -> None:
        self._setup = setup
        self.needed_tokens: int | None = None
        self.facts: Mapping[str, Any] | None = None
        """The first replica's own, once it is loaded."""
        self._groups: list[tuple[Any, Any]] = []

    def start(self, ray: Any, seat: Seat) -> Any:
        """Implement `Staff.start`."""
        setup, options = self._setup, self._setup.options
        share = (seat.number, seat.of) if seat.of > 1 and not seat.gpus else None
        settings: dict[str, Any] = {"num_cpus": seat.cpus, "num_gpus": seat.gpus, "max_restarts": 0}
        if seat.gpus > 1 and options.tensor_parallel_size * options.pipeline_parallel_size > 1:
            # vLLM's Ray executor takes the GPUs of the group that its engine was started in, on any number of nodes.
            settings |= {"num_cpus": 0, "num_gpus": 0, "scheduling_strategy": self._reserve_group(seat)}
            engine_args = (*options.engine_args, "distributed_executor_backend=ray")
            setup = replace(setup, options=replace(options, engine_args=engine_args))
        elif seat.node is not None:
            settings["scheduling_strategy"] = make_node_strategy(seat.node)
        name = f"harness-replica-{seat.name}-{next(NUMBERS)}"
        actor = ray.remote(Replica).options(name=name, **settings)
        return actor.remote(setup, share, seat.name)

    def build_open_arguments(self, member: Member[Request]) -> tuple[Any, ...]:  # noqa: ARG002
        """Implement `Staff.build_open_arguments`."""
        return (self.needed_tokens,)

    def accept_member(self, member: Member[Request], facts: Mapping[str, Any]) -> str:
        """Implement `Staff.accept_member`."""
        if facts["versions"] != list_versions():
            return f"it has {facts['versions']}, and here are {list_versions()}"
        own = facts["model"]
        if self.facts is None:
            self.facts = own
        for name in AGREED:
            if own.get(name) != self.facts.get(name):
                return f"its {name} is {own.get(name)}, and that of the others {self.facts.get(name)}"
        member.facts, member.capacity = own, facts["capacity"]
        return ""

    def get_key(self, item: Request) -> Key:
        """Implement `Staff.get_key`."""
        return item.request_id, item.start

    def get_result_key(self, raw: Generated) -> Key:
        """Implement `Staff.get_result_key`."""
        return raw.request_id, raw.index

    def pack(self, member: Member[Request], items: Sequence[Request]) -> list[Request]:  # noqa: ARG002
        """Merge samples that follow each other into one request, whose prompt is tokenized once."""
        packed: list[Request] = []
        for item in items:
            last = packed[-1] if packed else None
            follows = last is not None and last.request_id == item.request_id and last.start + last.count == item.start
            if last is not None and follows and last.seed + last.count == item.seed:
                packed[-1] = replace(last, count=last.count + 1)
            else:
                packed.append(item)
        return packed

    def accept_result(self, raw: Generated, item: Request, member: Member[Request], *, others: bool) -> Generated:  # noqa: ARG002
        """Implement `Staff.accept_result`."""
        return raw

    def prepare_retry(self, item: Request) -> Request:
        """Implement `Staff.prepare_retry`."""
        return item

    def give_up_item(self, item: Request, cause: HarnessError) -> Generated:
        """Implement `Staff.give_up_item`."""
        raise ModelError(
            f"one replica after the other was lost with {item.request_id} sample {item.start}: {cause}; what was "
            "answered is kept, and the same command goes on",
            exit_code=INFRASTRUCTURE,
        )

    def describe_loss(self, count: int) -> str:
        """Implement `Staff.describe_loss`."""
        return f"{count} requests asked again" if count else "nothing was asked of it"

    def make_desertion_error(self, last: str) -> HarnessError:
        """Implement `Staff.make_desertion_error`."""
        return ModelError(
            f"no replica of the model is left (last: {last}); what was answered is kept, and the same command goes on",
            exit_code=INFRASTRUCTURE,
        )

    def release(self) -> None:
        """Release the reserved GPUs."""
        for remove, group in self._groups:
            remove(group)
        self._groups.clear()

    def _reserve_group(self, seat: Seat) -> Any:
        from ray.util import placement_group, remove_placement_group
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        group = placement_group([{"GPU": 1, "CPU": 1}] * seat.gpus, strategy="PACK")
        self._groups.append((remove_placement_group, group))
        if not group.wait(PLACE_S):
            raise ModelError(
                f"the cluster did not reserve {seat.gpus} GPUs for a replica within {PLACE_S:.0f} s; is another job "
                "holding them?",
                exit_code=INFRASTRUCTURE,
            )
        return PlacementGroupSchedulingStrategy(
            placement_group=group, placement_group_bundle_index=0, placement_group_capture_child_tasks=True
        )


NUMBERS = itertools.count(1)
"""Numbers that make actors' names unique, as Ray requires."""


class ClusterModel:
    """See the module; entering it loads the weights on every node that has a seat."""

    def __init__(
        self, ray: Any, setup: ModelSetup, seats: Callable[[Sequence[Node]], Sequence[Seat]], record: Record
    ) -> None:
        self.name = setup.spec
        self._ray, self._setup, self._seats, self._record = ray, setup, seats, record
        self._reset()

    def fit(self, tokens: int) -> None:
        """Implement `harness.optional.CanFit`, if the replicas can be fitted."""
        if self._first_description[2]:
            self._set_needed(tokens)

    def adapted(self, adapter: Adapter) -> AdaptedModel:
        """Return the same replicas, answering with one of the adapters they were given."""
        return AdaptedModel(self, adapter)

    def __enter__(self) -> ClusterModel:
        try:
            self._fleet.open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._fleet.close()
        self._staff.release()
        needed = self._staff.needed_tokens
        self._reset()
        self._staff.needed_tokens = needed

    def describe(self) -> Mapping[str, Any]:
        """Return the replicas' facts, which agree; before loading, those of a replica that is not loaded."""
        facts = self._staff.facts or self._first_description[1]
        return {**facts, "replicas": len(self._fleet.members)} if self._staff.facts else dict(facts)

    def render(self, prompt: Prompt) -> RenderedPrompt:
        """Render as a replica does."""
        (rendered,) = self._ask(self._fleet.get_first().handle.render.remote([prompt]))
        answer: RenderedPrompt = rendered
        return answer

    @property
    def context_length(self) -> int | None:
        """Return the context of a replica."""
        length: int | None = self._ask(self._fleet.get_first().handle.get_context_length.remote())
        return length

    def may_reason(self, prompt: Prompt) -> bool:
        """Tell it as a replica does."""
        return bool(self._ask(self._fleet.get_first().handle.may_reason.remote(prompt)))

    def generate(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Generated]:
        """Implement `Model.generate`."""
        return self.stream(requests, params, None)

    def stream(
        self, requests: Iterable[Request], params: SamplingParams, adapter: Adapter | None
    ) -> Iterator[Generated]:
        """Generate with an adapter."""
        return self._fleet.run(_split_requests(requests), (params, adapter), threaded=False)

    def _reset(self) -> None:
        self._staff = Replicas(self._setup)
        self._fleet: Fleet[Request, Generated] = Fleet(self._ray, self._staff, self._seats, self._record)
        self._description: tuple[str, Mapping[str, Any], bool] | None = None

    @property
    def _first_description(self) -> tuple[str, Mapping[str, Any], bool]:
        """Return name, facts, and whether the model can be fitted, as the first replica reports them."""
        if self._description is None:
            self._description = self._ask(self._fleet.get_first().handle.describe.remote())
            self.name = self._description[0]
        return self._description

    def _set_needed(self, tokens: int) -> None:
        self._staff.needed_tokens = tokens

    def _ask(self, ref: Any) -> Any:
        try:
            return self._ray.get(ref)
        except self._ray.exceptions.RayError as error:
            cause = find_cause(self._ray, error)
            if cause is None:
                raise
            raise locate_error(cause, self._fleet.get_first().seat.name) from error


def _split_requests(requests: Iterable[Request]) -> Iterator[Request]:
    """Yield each sample as a request of its own, with its seed: where it is drawn cannot change it."""
    for request in requests:
        for offset in range(request.count):
            yield replace(request, start=request.start + offset, count=1, seed=request.seed + offset)
