"""A run that may cost so much: it stops, says so, keeps all, and goes on with more; against a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.config import RunConfig
from harness.evaluation.budget import Budget
from harness.types import Completion, Prompt, Request, Sample
from tests.commands import harness, one_line_error, read_rows, references
from tests.models.api_server import USAGE, Api, serving

pytest.importorskip("openai", reason="the package openai is not installed")

EACH = (USAGE["prompt_tokens"] * 100 + USAGE["completion_tokens"] * 200) / 1e6
"""Cost of a sample at the price below."""
PRICE = ("--price", "100,200")


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with serving(Api()) as served:
        yield served


def command(api: Api, out: Path, *flags: str) -> tuple[str | Path, ...]:
    """Ten problems of two samples, one asked after the other."""
    run = ("run", f"openai:{api.model}@{api.url}", "-b", "humaneval", "-r", "completion", "--sandbox", "process")
    return (*run, "--limit", "10", "--n", "2", "--batch-size", "1", "--no-verify", "--out", out, *flags)


def test_a_run_stops_at_its_limit_and_goes_on_with_a_larger_one(api: Api, tmp_path: Path) -> None:
    """What is there is judged and reported; the limit counts what earlier starts spent."""
    out = tmp_path / "run"
    first = harness(*command(api, out, *PRICE, "--max-cost", str(3.5 * EACH)))
    asked = len(api.requests)
    again = harness(*command(api, out, *PRICE, "--max-cost", str(3.5 * EACH)))

    assert (first.returncode, again.returncode) == (2, 2)
    assert 4 <= asked == len(api.requests) < 8
    message = one_line_error(first)
    assert f"it has cost {asked * EACH:.4g} of --max-cost" in message
    assert f"{20 - asked} samples are missing; the same command with a larger --max-cost goes on" in message
    assert len(read_rows(out / "verdicts.jsonl")) == asked
    assert "The run ended at its limit" in (out / "report.md").read_text()

    larger = harness(*command(api, out, *PRICE, "--max-cost", "1"))

    assert larger.returncode == 0, larger.stderr
    assert len(api.requests) == 20
    cost = json.loads((out / "run.json").read_text())["cost"]
    assert (cost["prompt_tokens"], cost["completion_tokens"]) == (60, 100)  # every request has paid for its prompt
    assert cost["amount"] == pytest.approx(20 * EACH)
    shown = "0.026 (60 prompt tokens at 100, 100 completion tokens at 200 per million"
    assert shown in larger.stdout
    assert shown in (out / "report.html").read_text()


def test_samples_of_a_limited_run_are_those_of_an_unlimited_one(api: Api, tmp_path: Path) -> None:
    """Requests are asked one sample at a time, with the seeds that the samples have in any case."""
    drawn = ("--temperature", "0.5")
    harness(*command(api, tmp_path / "a", *drawn, *PRICE, "--max-cost", str(2 * EACH)))
    harness(*command(api, tmp_path / "a", *drawn, *PRICE, "--max-cost", "1"))
    harness(*command(api, tmp_path / "b", *drawn))

    rows = [read_rows(tmp_path / name / "samples.jsonl") for name in "ab"]
    a, b = ({(row["task_id"], row["index"]): row["raw"] for row in found} for found in rows)
    assert a == b
    assert len(set(a.values())) == 20


def test_an_earlier_run_tells_the_cost(api: Api, tmp_path: Path) -> None:
    """`--dry-run` and `plan`; without one there is the most that the answers can cost."""
    limit = ("--max-tokens", "10")
    unknown = harness(*command(api, tmp_path / "run", *limit, *PRICE, "--dry-run"))
    harness(*command(api, tmp_path / "run", *limit, *PRICE, "--max-cost", str(EACH)))
    spent = len(read_rows(tmp_path / "run" / "samples.jsonl"))
    told = harness(*command(api, tmp_path / "run", *limit, *PRICE, "--max-cost", str(2 * EACH), "--dry-run"))
    found = harness(*command(api, tmp_path / "run", *limit, *PRICE, "--dry-run", "--json"))
    planned = harness("plan", "m", "-b", "humaneval", "--n", "3", "--from", tmp_path / "run", *PRICE, "--json")

    assert "cost       not known: no earlier run tells; the answers at most 0.04" in unknown.stdout
    assert f"was spent before; --max-cost {2 * EACH:g} ends the run before" in told.stdout
    forecast = json.loads(found.stdout)
    assert forecast["cost"] == pytest.approx((20 - spent) * EACH)
    assert forecast["spent"] == pytest.approx(spent * EACH)
    plan = json.loads(planned.stdout)
    (part,) = plan["parts"]
    assert part["completion_tokens"] == pytest.approx(164 * 3 * 5)
    assert plan["cost"] == pytest.approx((part["prompt_tokens"] * 100 + part["completion_tokens"] * 200) / 1e6)


def test_a_local_engine_is_asked_whole_requests_and_stops_at_once() -> None:
    """Its prompts are shared, and work that is dropped is billed by nobody."""
    config = RunConfig(model="m", benchmarks=("b",), price=(1e6, 1e6), max_cost=25)
    budget = Budget(config, {"adapter": "vllm"}, [])
    requests = [Request(request_id=name, prompt=Prompt(text=name), start=1, count=2, seed=5) for name in "ab"]
    asked = budget.limit_requests(requests)

    assert next(asked) == requests[0]
    for index in (1, 2):
        assert not budget.stops_at_once
        completion = Completion(text="", prompt_tokens=10, completion_tokens=8, seed=4 + index)
        budget.record_sample(Sample(benchmark="b", task_id="a", index=index, completion=completion, code=""))
    assert budget.stops_at_once
    assert list(asked) == []


def test_a_model_without_token_counts_has_no_limit(tmp_path: Path) -> None:
    """Its cost is unknown: without a limit the report says so, with one the run ends at once."""
    file = references(tmp_path / "s.jsonl")
    run = ("run", f"replay:{file}", "-b", "humaneval", "--limit", "5", "--sandbox", "process", "--no-verify", *PRICE)

    known = harness(*run, "--out", tmp_path / "a")
    refused = harness(*run, "--out", tmp_path / "b", "--max-cost", "1")

    assert known.returncode == 0, known.stderr
    assert "cost unknown: 5 samples have no token counts" in known.stdout
    assert refused.returncode == 2
    assert "reports no token counts, so what it costs is unknown; leave --max-cost out" in one_line_error(refused)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--price", "100"), '--price is "100"; it must be IN,OUT'),
        (("--price", "1,x"), '--price is "1,x"; it must be IN,OUT'),
        (("--price", "1,-2"), '--price is "1,-2"; it must be IN,OUT'),
        (("--price", "1,nan"), '--price is "1,nan"; it must be IN,OUT'),
        (("--max-cost", "1"), "max_cost is 1 and no price is given; add --price IN,OUT"),
        ((*PRICE, "--max-cost", "0"), "max_cost is 0.0; it must be greater than 0"),
        ((*PRICE, "--max-cost", "1", "--repeat", "2"), "max_cost is the limit of one run"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, flags: tuple[str, ...], message: str) -> None:
    """Before anything is asked."""
    file = references(tmp_path / "s.jsonl")
    done = harness("run", f"replay:{file}", "-b", "humaneval", "--sandbox", "process", *flags)

    assert done.returncode == 2
    assert message in one_line_error(done)
