"""One question, one answer: benchmarks of a run that ask the same ask it once, counted by a real server."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness.config import RunConfig
from harness.evaluation import pipeline
from harness.tasks.suite import derive_seed, load_suite
from tests.commands import harness, read_rows, start, wait_for_rows, write_rows
from tests.models.api_server import USAGE, Api, serving

pytest.importorskip("openai", reason="the package openai is not installed")
pytestmark = pytest.mark.data

FIRST, SECOND = "humaneval", "humaneval-plus"
TASKS = "HumanEval/100-119"
"""Both have these twenty, HumanEval+ one of them (115) with another prompt."""
N = 3


def arguments(api: Api, out: Path, *more: str, n: int = N) -> list[str]:
    return [
        *("run", f"openai:served@{api.url}", "-b", FIRST, "-b", SECOND, "-r", "completion", "--sandbox", "process"),
        *("--tasks", TASKS, "--n", str(n), "--no-verify", "--out", str(out), "--no-page", *more),
    ]


def changed() -> set[str]:
    """The tasks of HumanEval+ whose prompt no task of HumanEval has."""
    prompts = [
        {task_id: suite.build_prompt(problem) for task_id, problem in suite.problems.items()}
        for suite in (load_suite(name, tasks=(TASKS,)).with_recipe("completion") for name in (FIRST, SECOND))
    ]
    return {task_id for task_id, prompt in prompts[1].items() if prompt not in prompts[0].values()}


def rows(out: Path) -> dict[tuple[str, str, int], dict[str, Any]]:
    """The samples by key; fails where one is there twice, or has no verdict."""
    found = read_rows(out / "samples.jsonl")
    keys = [(row["benchmark"], row["task_id"], row["index"]) for row in found]
    judged = [(row["benchmark"], row["task_id"], row["index"]) for row in read_rows(out / "verdicts.jsonl")]
    assert Counter(keys) == Counter(judged)
    assert set(Counter(keys).values()) == {1}
    return dict(zip(keys, found, strict=True))


def test_equal_prompts_are_asked_once_and_judged_by_each(tmp_path: Path) -> None:
    """Rows are complete for both, a shared one says whose it is, and requests and tokens are counted once."""
    with serving(Api()) as api:
        done = harness(*arguments(api, tmp_path, "--temperature", "0.8"))

    assert done.returncode == 0, done.stderr
    found, own = rows(tmp_path), changed()
    assert 0 < len(own) < 20
    assert len(api.requests) == N * (20 + len(own))
    assert len(found) == 2 * N * 20
    for (benchmark, task_id, index), row in found.items():
        shared = benchmark == SECOND and task_id not in own
        assert row.get("shared_with") == (f"{FIRST}:{task_id}" if shared else None)
        asked = FIRST if shared else benchmark
        assert row["seed"] == derive_seed(0, asked, task_id) + index
        assert row["raw"] == found[asked, task_id, index]["raw"] == f"    return {row['seed']}\n"
    (session,) = json.loads((tmp_path / "run.json").read_text())["sessions"]
    assert session["generated"] == len(api.requests)
    assert session["completion_tokens"] == len(api.requests) * USAGE["completion_tokens"]
    count = N * (20 - len(own))
    assert json.loads((tmp_path / "scores.json").read_text())["shared"] == {SECOND: {FIRST: count}}
    told = f"{count} of {N * 20} answers are {FIRST}'s to the same prompts, generated once"
    assert told in done.stdout
    assert told in (tmp_path / "report.md").read_text()


def test_each_repetition_asks_for_itself(tmp_path: Path) -> None:
    """Answers are shared within a run folder, never across them: the noise is measured."""
    with serving(Api()) as api:
        done = harness(*arguments(api, tmp_path, "--repeat", "2", n=1))

    assert done.returncode == 0, done.stderr
    assert len(api.requests) == 2 * (20 + len(changed()))


@pytest.mark.parametrize("kept", [11, 20 * N, 20 * N + 7], ids=["in the first", "between", "in the second"])
def test_a_killed_run_asks_for_nothing_that_it_has(tmp_path: Path, kept: int) -> None:
    """Wherever it was killed, the second start asks for the missing answers alone, and the rows are the same."""
    with serving(Api()) as api:
        assert harness(*arguments(api, tmp_path / "whole")).returncode == 0
    whole = rows(tmp_path / "whole")
    lines = (tmp_path / "whole" / "samples.jsonl").read_bytes().splitlines(keepends=True)
    with serving(Api(delay_s=0.05)) as api:
        given = arguments(api, tmp_path / "run", "--batch-size", "2")
        killed = start(*given)
        wait_for_rows(tmp_path / "run" / "samples.jsonl", 5, killed)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
        # what a later moment would have left, the last row torn
        (tmp_path / "run" / "samples.jsonl").write_bytes(b"".join(lines[:kept]) + lines[kept][:20])
        (tmp_path / "run" / "verdicts.jsonl").unlink(missing_ok=True)
        api.requests.clear()
        again = harness(*given)

    assert again.returncode == 0, again.stderr
    assert rows(tmp_path / "run") == whole
    present = {key for key, line in zip(whole, lines[:kept], strict=False)}
    asked = {key for key, row in whole.items() if "shared_with" not in row} - present
    assert len(api.requests) == len(asked)


def test_answers_of_its_own_from_before_are_kept(tmp_path: Path) -> None:
    """A folder in which both were asked goes on: what the second has stays its own, the rest is shared."""
    with serving(Api()) as api:
        given = arguments(api, tmp_path, n=1)
        assert harness(*given).returncode == 0
        before = read_rows(tmp_path / "samples.jsonl")
        kept = [row for row in before if row["benchmark"] == FIRST]
        own = next(row for row in before if row.get("shared_with"))
        del own["shared_with"]
        write_rows(tmp_path / "samples.jsonl", [*kept, own | {"raw": "    return 'own'\n", "seed": 7}])
        (tmp_path / "verdicts.jsonl").unlink()
        api.requests.clear()
        forecast = harness(*given[:-1], "--dry-run", "--json")
        assert harness(*given).returncode == 0

    after = rows(tmp_path)
    assert after[SECOND, own["task_id"], 0]["raw"] == "    return 'own'\n"
    assert len(api.requests) == len(changed())
    work = {one["benchmark"]: one for one in json.loads(forecast.stdout)["work"]}
    assert work[SECOND]["to_generate"] == len(changed())
    assert work[SECOND]["shared"] == 19 - len(changed())
    shared = [key for key, row in after.items() if "shared_with" in row]
    assert len(shared) == 19 - len(changed())
    assert harness("score", tmp_path, "--re-extract").returncode == 0
    assert [key for key, row in rows(tmp_path).items() if "shared_with" in row] == shared


def test_replayed_answers_are_each_benchmarks_own(tmp_path: Path) -> None:
    """A samples file has answers by task, whatever the prompts are."""
    file = write_rows(
        tmp_path / "s.jsonl",
        [{"benchmark": name, "task_id": "HumanEval/100", "completion": f"    # {name}\n"} for name in (FIRST, SECOND)],
    )
    config = RunConfig(
        model=f"replay:{file}", benchmarks=(FIRST, SECOND), sandbox="process", tasks=("HumanEval/100",), verify=False
    )
    pipeline.run(config, out=tmp_path / "run")

    assert {name: row["raw"] for (name, _, _), row in rows(tmp_path / "run").items()} == {
        name: f"    # {name}\n" for name in (FIRST, SECOND)
    }
