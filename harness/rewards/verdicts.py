"""The verdict on a completion as the reward of TRL's GRPOTrainer and its kin.

TRL calls a reward function with lists: completions, and every further column of the data set. It prints a row's columns
when every reward of it is None, so rows hold ids, and tests are looked up here. A time-out or tampering is a reward of
0. What is the judge's own trouble is tried again and then None, which TRL leaves out of the row's group: no reward
that a program did not earn or lose by itself is ever taught.
"""

from __future__ import annotations

import atexit
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from ..errors import DataError, SandboxUnavailable, UsageError, reason
from ..extraction.rules import EXTRACTIONS, extract
from ..registry import make_unknown_error
from ..service.judging import JudgeService
from ..service.requests import OwnCalls, OwnCases, OwnTests, Problem, Task, VerdictRow, VerdictsRequest
from ..tasks.suite import load_suite
from ..types import CodeForm, Status, Trust
from ..types import Problem as BenchmarkProblem
from .client import JudgeClient

WHOLE = "verbatim-block"
"""Extraction rule for scripts, which define nothing that would have to be found."""
PAUSES_S = (0.0, 1.0, 5.0)
"""Seconds before each try to judge what could not be judged."""
OWN: TypeAdapter[Any] = TypeAdapter(Problem)


class Verdicts:
    """Reward function: 1 for a completion whose code passes all tests, else 0; or the share of the tests it passes.

    The problem of a row is named by its column `column`: a task id of `benchmark`, or an id of `problems`, a file of
    JSON lines {"id": ..., "problem": ...} whose problems have the form of `POST /v1/verdicts`. `extractor` is the rule
    that takes the code out of an answer. With `url` a `harness serve` judges, else a sandbox of this process's own,
    which starts with the first call and ends with `close`. `tell` is given a line for what is not rewarded.

    A reward is None where the judge itself failed, and where the tests cannot be parted from the program, which
    could then forge its verdict.

    Raises:
        UsageError: a name that does not fit, or (called) a row without a problem, or a reference that fails its tests.
        DataError: a file that cannot be read.
    """

    def __init__(
        self,
        benchmark: str | None = None,
        *,
        problems: str | Path | None = None,
        environment: str = "core",
        score: Literal["all", "share"] = "all",
        column: str = "task_id",
        extractor: str = "fenced",
        url: str | None = None,
        token: str | None = None,
        sandbox: str | None = None,
        workers: int | None = None,
        allow_unsafe: bool = False,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        if (benchmark is None) == (problems is None):
            raise UsageError("name a benchmark or a file of problems, one of them: rows hold the ids of its problems")
        if score not in ("all", "share"):
            raise UsageError(f'score is "{score}"; it must be all or share')
        if extractor not in EXTRACTIONS:
            raise make_unknown_error("extractors", extractor, list(EXTRACTIONS))
        self.__name__ = "verdicts"
        self._score, self._column, self._extractor, self._tell = score, column, extractor, tell
        self._problems = list_problems(benchmark, problems=problems, environment=environment)
        self._client = JudgeClient(url, token) if url else None
        self._open = partial(
            JudgeService, [environment], sandbox=sandbox, workers=workers, allow_unsafe=allow_unsafe, tell=tell
        )
        self._service: JudgeService | None = None

    def __call__(
        self,
        *,
        completions: Sequence[Any],
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """Return the reward of each completion: a text, or a list of chat messages."""
        ids = self._read_ids(columns, len(completions))
        programs = [self._extract(key, _read_text(answer)) for key, answer in zip(ids, completions, strict=True)]
        rows: dict[int, VerdictRow] = {}
        for pause_s in PAUSES_S:
            left = [at for at in range(len(ids)) if at not in rows or rows[at].score is None]
            if not left:
                break
            time.sleep(pause_s)
            try:
                rows |= self._judge(ids, programs, left)
            except SandboxUnavailable as error:
                self._tell(str(error))
        if log_metric is not None and ids:
            counts = Counter(row.status for row in rows.values())
            counts[Status.INFRASTRUCTURE] += len(ids) - len(rows)
            for status in (Status.TIMEOUT, Status.TAMPERED, Status.INFRASTRUCTURE):
                log_metric(f"verdicts/{status.value}", counts[status] / len(ids))
        return self._read_rewards(ids, [rows.get(at) for at in range(len(ids))])

    def close(self) -> None:
        """End the sandbox, if there is one; the next call starts another."""
        if self._service is not None:
            self._service.__exit__(None, None, None)
            self._service = None

    def _judge(
        self, ids: Sequence[str], programs: Sequence[tuple[str, str]], at: Sequence[int]
    ) -> dict[int, VerdictRow]:
        """Judge the programs with the indices `at`; those of one problem in one item."""
        items: dict[tuple[str, str], list[int]] = {}
        for index in at:
            items.setdefault((ids[index], programs[index][1]), []).append(index)
        request = VerdictsRequest.model_validate(
            {
                "items": [
                    {
                        "problem": self._problems[key][0],
                        "programs": [programs[index][0] for index in indices],
                        "form": form,
                    }
                    for (key, form), indices in items.items()
                ],
                "score": self._score,
            }
        )
        order = list(items.values())
        return {order[row.item][row.program]: row for row in self._answer(request)}

    def _answer(self, request: VerdictsRequest) -> list[VerdictRow]:
        if self._client is not None:
            return self._client.judge(request)
        if self._service is None:
            self._service = self._open().__enter__()
            atexit.register(self.close)
        return self._service.judge(request)

    def _read_ids(self, columns: Mapping[str, Any], count: int) -> list[str]:
        if self._column not in columns:
            raise UsageError(f'the data set has no column "{self._column}"; it must hold the id of each row\'s problem')
        ids = list(columns[self._column])
        for number, key in enumerate(ids):
            if key not in self._problems:
                raise UsageError(f'row {number}: {self._column} is "{key}", which names no problem that has tests')
        if len(ids) != count:
            raise UsageError(f"{count} completions came with {len(ids)} values of {self._column}")
        return ids

    def _extract(self, key: str, text: str) -> tuple[str, str]:
        """Return the program in an answer, and its form."""
        problem, asked = self._problems[key]
        rule = EXTRACTIONS[self._extractor if asked.entry_point else WHOLE]
        found = extract(text, asked, rule)
        return found.code, (found.form if problem["kind"] == "task" else CodeForm.SOLUTION).value

    def _read_rewards(self, ids: Sequence[str], rows: Sequence[VerdictRow | None]) -> list[float | None]:
        """Return each verdict's reward, and tell which problems give none."""
        found = [row.score if row is not None and row.trust == Trust.SPLIT else None for row in rows]
        without = [(key, row) for key, row, reward in zip(ids, rows, found, strict=True) if reward is None]
        lost = sorted({key for key, row in without if row is None or row.score is None})
        forgeable = sorted({key for key, _ in without} - set(lost))
        for why, keys in (("the judge failed on", lost), ("the tests cannot be parted from the program of", forgeable)):
            if keys:
                self._tell(f"some completions have no reward: {why} {', '.join(keys)}")
        return found


def _read_text(completion: Any) -> str:
    """Return the text of a completion: itself, or what its messages say."""
    if isinstance(completion, str):
        return completion
    return "".join(str(message.get("content") or "") for message in completion)


def list_problems(
    benchmark: str | None = None, *, problems: str | Path | None = None, environment: str = "core"
) -> dict[str, tuple[dict[str, Any], BenchmarkProblem]]:
    """Return the problems of a benchmark or of a file by their ids: as a request names them, and as extraction does.

    Raises:
        UsageError, DataError: there is no such benchmark, or its data or the file cannot be read.
    """
    return _read_problems(Path(problems), environment) if problems else _list_tasks(str(benchmark))


def _list_tasks(benchmark: str) -> dict[str, tuple[dict[str, Any], BenchmarkProblem]]:
    """Return each of a benchmark's problems as a request names it, and as extraction needs it."""
    suite = load_suite(benchmark)
    return {
        task_id: ({"kind": "task", "benchmark": suite.name, "task_id": task_id}, problem)
        for task_id, problem in suite.problems.items()
    }


def _read_problems(file: Path, environment: str) -> dict[str, tuple[dict[str, Any], BenchmarkProblem]]:
    found: dict[str, tuple[dict[str, Any], BenchmarkProblem]] = {}
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"problems {file} cannot be read: {reason(error)}") from error
    for number, line in enumerate(lines, 1):
        where = f"problems {file} line {number}"
        try:
            row = json.loads(line)
            key, problem = row["id"], {"environment": environment, **row["problem"]}
            checked = OWN.validate_python(problem)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise DataError(f"{where}: problem.{place}: {first['msg']}") from error
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(f'{where} is no object with "id" and "problem"') from error
        if not isinstance(key, str) or key in found or isinstance(checked, Task):
            raise DataError(
                f"{where}: the id {json.dumps(key)} must be a text, occur once, and be of tests of one's own"
            )
        found[key] = problem, _describe(key, checked)
    return found


def _describe(key: str, problem: OwnTests | OwnCalls | OwnCases) -> BenchmarkProblem:
    """Return a problem of one's own as extraction needs it: by what its tests call."""
    entry, tests = "", ""
    if isinstance(problem, OwnTests):
        entry, tests = problem.exposes[-1], problem.tests
    elif isinstance(problem, OwnCalls):
        entry = problem.entry_point
    return BenchmarkProblem(task_id=key, prompt="", entry_point=entry, reference="", tests=tests)
