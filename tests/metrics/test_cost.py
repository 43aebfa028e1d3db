"""What tokens cost: prompts per request or per problem, shared answers, unknown counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.metrics.cost import TokenCount, format_cost, measure_cost, serialize_cost
from harness.types import Completion, Sample

SERVER = {"adapter": "openai", "address": "http://host/v1"}
LOCAL = {"adapter": "vllm"}


def sample(
    index: int = 0, *, task: str = "t/0", benchmark: str = "b", prompt: int | None = 100, answer: int | None = 10
) -> Sample:
    completion = Completion(text="", prompt_tokens=prompt, completion_tokens=answer, seed=7 + index)
    return Sample(benchmark=benchmark, task_id=task, index=index, completion=completion, code="")


@pytest.mark.parametrize(("model", "prompts", "reached"), [(SERVER, 400, True), (LOCAL, 200, False)])
def test_a_server_bills_the_prompt_of_every_request(model: dict[str, str], prompts: int, reached: bool) -> None:
    """A local engine computes it once for the samples of a problem."""
    manifest = {"config": {"price": [1.0, 2.0], "max_cost": 0.0004}, "model": model}
    cost = measure_cost(manifest, [sample(index, task=task) for index in range(2) for task in ("t/0", "t/1")])

    assert cost is not None
    assert (cost.prompt_tokens, cost.completion_tokens) == (prompts, 40)
    assert cost.amount == pytest.approx((prompts + 2 * 40) / 1e6)
    assert cost.is_reached is reached


def test_an_answer_that_benchmarks_share_counts_once() -> None:
    """The second benchmark's sample says whose answer it is."""
    count = TokenCount(SERVER)
    copy = replace(sample(benchmark="humaneval-plus"), shared_with="humaneval:t/0")
    for one in (sample(benchmark="humaneval"), copy, sample(1)):
        count.add(one)

    assert (count.prompt_tokens, count.completion_tokens) == (200, 20)


def test_unknown_counts_make_the_cost_unknown() -> None:
    """A prompt that was refused for its length is known to cost nothing."""
    manifest = {"config": {"price": [1, 2], "max_cost": 1}, "model": SERVER}
    refused = measure_cost(manifest, [sample(prompt=None, answer=0)])
    unknown = measure_cost(manifest, [sample(), sample(1, prompt=None, answer=None)])

    assert refused is not None
    assert refused.amount == 0
    assert unknown is not None
    assert unknown.amount is None
    assert not unknown.is_reached
    assert format_cost(unknown) == "cost unknown: 1 samples have no token counts"
    assert serialize_cost(unknown)["amount"] is None
    assert measure_cost({"config": {}}, []) is None
