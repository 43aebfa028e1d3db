"""Nothing is asked twice, nothing is lost, one bad request ends no round, and a budget ends a run cleanly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import ModelError, StoreError
from harness.evolve.client import BudgetReached, ModelClient, RequestLimits
from harness.evolve.ledger import Ledger, Query
from harness.progress import Quiet
from harness.types import Completion, Request, SamplingParams
from tests.commands import harness, one_line_error, read_rows, start, wait_for_rows
from tests.evolve.scripted import Script, ScriptedModel, busy
from tests.evolve.world import write_replies, write_seeds

PARAMS = SamplingParams(temperature=1.0, top_p=0.9, max_tokens=64)


def asks(count: int) -> list[Query]:
    return [
        Query(id=f"{n}/evolve", stage="evolve", text=f"text {n}", template="t", model="m", seed=n, params=PARAMS)
        for n in range(count)
    ]


def ask(
    folder: Path, script: Script, count: int = 12, **patience: int
) -> tuple[ScriptedModel, dict[str, str | None], list[str]]:
    """What the model was asked, the error of each reply, and the ids in the journal."""
    model = ScriptedModel(script)
    folder.mkdir(exist_ok=True)
    with Ledger(folder) as ledger:
        client = ModelClient(
            ledger,
            {"m": lambda: model},
            form="chat",
            limits=RequestLimits(backoff_s=0.001, **patience),
            progress=Quiet(),
        )
        with client:
            replies = client.fetch_replies("evolve", asks(count))
    ids = [row["id"] for row in read_rows(folder / "ledger.jsonl")]
    return model, {name: reply.error for name, reply in replies.items()}, ids


def test_a_row_holds_all_that_the_request_was(tmp_path: Path) -> None:
    """Template, model, parameters, seed, text in, text out, finish reason and tokens."""
    said = Completion(text="out", finish_reason="length", prompt_tokens=7, completion_tokens=3)
    ask(tmp_path, lambda request, count: said, 1)
    (row,) = read_rows(tmp_path / "ledger.jsonl")
    expected = {"id": "0/evolve", "stage": "evolve", "template": "t", "model": "m", "seed": 0, "prompt": "text 0"}
    expected |= {"text": "out", "finish_reason": "length", "prompt_tokens": 7, "completion_tokens": 3}
    expected |= {"params": {"temperature": 1.0, "top_p": 0.9, "max_tokens": 64}}
    assert {key: row[key] for key in expected} == expected


def test_no_stop_string_cuts_a_text(tmp_path: Path) -> None:
    """Numbered lists and the like come through whole."""
    model, _, _ = ask(tmp_path, lambda request, count: "20. Say why.")
    assert {one.stop for one in model.params} == {()}


def test_what_the_journal_knows_is_not_asked_again(tmp_path: Path) -> None:
    """A second start asks nothing; a torn last line costs that one request."""
    ask(tmp_path, lambda request, count: "said")
    second, _, _ = ask(tmp_path, lambda request, count: "other")
    assert second.asked == {}
    journal = tmp_path / "ledger.jsonl"
    journal.write_bytes(journal.read_bytes()[:-5])
    third, _, ids = ask(tmp_path, lambda request, count: "other")
    assert list(third.asked) == ["11/evolve"]
    assert len(ids) == len(set(ids)) == 12


@pytest.mark.parametrize("status", [429, 500])
def test_a_server_that_recovers_costs_nothing(tmp_path: Path, status: int) -> None:
    """Every reply comes, each is recorded once, and what was answered before the error is not asked again."""

    def script(request: Request, count: int) -> str:
        if request.request_id == "5/evolve" and count < 3:
            raise busy(status)
        return "said"

    model, errors, ids = ask(tmp_path, script)
    assert set(errors.values()) == {None}
    assert sorted(ids) == sorted(set(ids)) and len(ids) == 12
    assert all(model.asked[f"{n}/evolve"] == 1 for n in range(5))


def test_a_request_that_always_fails_is_recorded_and_ends_nothing(tmp_path: Path) -> None:
    """It is tried as often as was asked for, alone; all others get their replies."""

    def script(request: Request, count: int) -> str:
        if request.request_id in ("3/evolve", "7/evolve"):
            raise busy(500)
        return "said"

    model, errors, ids = ask(tmp_path, script, retries=2)
    assert {name for name, error in errors.items() if error} == {"3/evolve", "7/evolve"}
    assert errors["3/evolve"] == "the server answers 500"
    assert len(ids) == len(set(ids)) == 12
    again, _, _ = ask(tmp_path, script, retries=2)
    assert again.asked == {}
    assert model.asked["3/evolve"] >= 3


def test_a_model_that_is_gone_ends_the_run_and_is_asked_again_later(tmp_path: Path) -> None:
    """Nothing is recorded as failed where every request fails; what came before is kept."""
    served = []

    def script(request: Request, count: int) -> str:
        if len(served) >= 4:
            raise busy(503)
        served.append(request.request_id)
        return "said"

    with pytest.raises(ModelError, match="10 requests in a row failed, the last one with: the server answers 503"):
        ask(tmp_path, script, 20, retries=0)
    assert [row["id"] for row in read_rows(tmp_path / "ledger.jsonl")] == served
    later, errors, _ = ask(tmp_path, lambda request, count: "said", 20)
    assert len(later.asked) == 16 and set(errors.values()) == {None}


def test_a_reply_that_never_comes_counts_as_a_failure(tmp_path: Path) -> None:
    """An adapter that drops a request does not hang the run."""

    class Dropping(ScriptedModel):
        def generate(self, requests, params):  # type: ignore[no-untyped-def]
            yield from (one for one in super().generate(requests, params) if one.request_id != "2/evolve")

    with Ledger(tmp_path) as ledger:
        model = Dropping(lambda request, count: "said")
        patience = RequestLimits(backoff_s=0.001, retries=1)
        with ModelClient(ledger, {"m": lambda: model}, form="plain", limits=patience, progress=Quiet()) as client:
            replies = client.fetch_replies("evolve", asks(4))
    assert [reply.error for reply in replies.values()] == [None, None, "no reply came", None]


@pytest.mark.parametrize("budget", [{"budget_requests": 5}, {"budget_tokens": 20}])
def test_a_budget_stops_and_a_larger_one_goes_on(tmp_path: Path, budget: dict[str, int]) -> None:
    """No request goes out beyond it, and none is lost."""
    said = Completion(text="x", finish_reason="stop", prompt_tokens=3, completion_tokens=1)
    with pytest.raises(BudgetReached):
        ask(tmp_path, lambda request, count: said, **budget)
    assert len(read_rows(tmp_path / "ledger.jsonl")) == 5
    model, _, _ = ask(tmp_path, lambda request, count: said)
    assert len(model.asked) == 7


def test_a_killed_run_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    """kill -9 in round 2: no request in the journal twice, and the data of an undisturbed run."""
    seeds = write_seeds(tmp_path / "seeds.jsonl", 24)
    replies = write_replies(tmp_path / "replies.jsonl", 24, other={"s000004.r1/judge": "Equal"})
    common = ["-m", f"replay:{replies}?delay_s=0.01", "--rounds", "2", "--no-decontaminate"]
    process = start("evolve", seeds, *common, "--out", tmp_path / "killed")
    journal = tmp_path / "killed" / "ledger.jsonl"
    wait_for_rows(journal, 100, process)
    process.kill()
    process.communicate()
    before = [row["id"] for row in read_rows_whole(journal)]
    assert any(".r2/" in name for name in before) and not (tmp_path / "killed" / "dataset").exists()

    resumed = harness("evolve", seeds, *common, "--out", tmp_path / "killed")
    straight = harness("evolve", seeds, *common, "--out", tmp_path / "straight")

    assert (resumed.returncode, straight.returncode) == (0, 0), resumed.stderr
    ids = [row["id"] for row in read_rows(journal)]
    assert len(ids) == len(set(ids)) == 143 and ids[: len(before)] == before
    for name in ("train.jsonl", "alpaca.json", "train.parquet", "manifest.json", "README.md"):
        assert (tmp_path / "killed" / "dataset" / name).read_bytes() == (
            tmp_path / "straight" / "dataset" / name
        ).read_bytes(), name


def read_rows_whole(path: Path) -> list[dict[str, str]]:
    """The whole lines of a journal that may end in the middle of one."""
    return [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def test_a_ledger_of_another_configuration_is_refused(tmp_path: Path) -> None:
    """The message says what differs; a damaged line is named by its number."""
    seeds, replies = write_seeds(tmp_path / "seeds.jsonl"), write_replies(tmp_path / "replies.jsonl")
    common = ["evolve", seeds, "-m", f"replay:{replies}", "--rounds", "1", "--no-decontaminate"]
    assert harness(*common, "--out", tmp_path / "out").returncode == 0
    refused = harness(*common, "--out", tmp_path / "out", "--seed", "1")
    assert refused.returncode == 2
    assert "holds the ledger of another configuration: seed is 0 there and 1 now" in one_line_error(refused)
    journal = tmp_path / "out" / "ledger.jsonl"
    journal.write_text("{}\n" + journal.read_text())
    with pytest.raises(StoreError, match="line 1 is damaged"), Ledger(tmp_path / "out"):
        pass


def test_a_run_stops_at_its_budget_and_says_so(tmp_path: Path) -> None:
    """The finished rounds are written; the same command without the budget completes the rest."""
    seeds, replies = write_seeds(tmp_path / "seeds.jsonl"), write_replies(tmp_path / "replies.jsonl")
    common = ["evolve", seeds, "-m", f"replay:{replies}", "--rounds", "2", "--no-decontaminate"]
    stopped = harness(*common, "--out", tmp_path / "out", "--budget-requests", "20")
    assert stopped.returncode == 0
    assert "the budget of 20 requests is reached in round 2" in stopped.stdout
    assert len(read_rows(tmp_path / "out" / "dataset" / "train.jsonl")) == 12
    rest = harness(*common, "--out", tmp_path / "out")
    assert "36 (16 in this start)" in rest.stdout
    assert len(read_rows(tmp_path / "out" / "dataset" / "train.jsonl")) == 18


def test_a_missing_package_is_named_before_anything_is_asked(tmp_path: Path) -> None:
    """With what to install, and how to do without; without it, the same run works."""
    seeds, replies = write_seeds(tmp_path / "seeds.jsonl"), write_replies(tmp_path / "replies.jsonl")
    command = ["evolve", str(seeds), "-m", f"replay:{replies}", "--rounds", "1", "--out", str(tmp_path / "out")]
    hidden = "import sys; sys.modules['datasketch'] = None; from harness.cli import main; main(sys.argv[1:])"

    def run(*flags: str) -> subprocess.CompletedProcess[str]:
        whole = [sys.executable, "-c", hidden, *command, *flags]
        return subprocess.run(whole, capture_output=True, text=True, timeout=120, check=False)

    told = one_line_error(run("--against", "humaneval", "--no-near-duplicates"))
    assert "near-duplicates need the package datasketch: pip install '.[evolve]'" in told
    assert not (tmp_path / "out").exists()
    assert run("--no-decontaminate", "--no-near-duplicates").returncode == 0
