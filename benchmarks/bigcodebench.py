"""BigCodeBench: functions that use libraries, judged by unittest programs; all 1140 problems, or the 148 hard ones.

Paper: Zhuo et al. 2024, arXiv 2406.15877. Semantics: the package bigcodebench 0.2.5 (Apache-2.0), eval/__init__.py and
evaluate.py; data release v0.1.4. A program and its tests are one module, since most tests patch or look into it, so
verdicts are in-process and can be forged. It begins with the prompt's header and an empty function, as upstream's
"calibrated" samples do. Passed: no test failed or raised; a skipped one, or none at all, passes.

Kept from upstream: 241 s, most of which a few references need. Not kept: what it does to `os.kill` and `subprocess`,
since the sandbox isolates; and its alarm, which the unittest runner takes for an error of the running test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..data import DataFile, obtain
from ..data.sample_files import read_unpacked
from ..digests import digest_json
from ..errors import DataError, UsageError
from ..recipes import BIGCODEBENCH_INSTRUCT, COMPLETION, EVALPLUS_CHAT, Extraction, Recipe
from ..registry import format_variant
from ..types import Asserts, BenchmarkFacts, CodeForm, Limits, Problem, Program

VARIANTS = ("complete", "instruct")
TIME_S = 241.0
PUBLISHED = "pass@1, greedy, of both variants, calibrated"
FIELDS = ("task_id", "complete_prompt", "instruct_prompt", "code_prompt", "canonical_solution", "test", "entry_point")
DIRECT_ENDS = ("\ndef ", "\nclass ", "\nimport ", "\nfrom ", "\nassert ")

RUNNER = """\
import builtins, os, sys, types, unittest

def run_tests(tests, program={program!r}):
    builtins.exit = builtins.quit = None
    module = types.ModuleType("__test__")
    module.__dict__.update(__builtins__=builtins, __file__="__test__.py", sys=sys, os=os, environ=os.environ)
    sys.modules["__test__"] = module
    exec(compile(program + "\\n" + tests, "__test__.py", "exec"), module.__dict__)
    suite = unittest.TestLoader().loadTestsFromTestCase(module.TestCases)
    result = unittest.TestResult()
    suite.run(result)
    failed = [(test.id().rpartition(".")[2], text.strip().rpartition("\\n")[2]) for test, text in
              result.failures + result.errors]
    assert not failed, "; ".join("%s: %s" % pair for pair in failed)
"""

NETWORK = "reads from a server that no sandbox reaches"
NLTK_DATA = "needs data of nltk, which no package index has"


def _build_completion() -> Recipe:
    stop = (*EVALPLUS_CHAT.stop, *DIRECT_ENDS)
    extraction = Extraction(name="bigcodebench-completion", style="verbatim", cut_at=stop)
    return replace(
        COMPLETION,
        name="bigcodebench-completion",
        description="BigCodeBench's direct completion, for base models",
        strip_problem=True,
        stop=stop,
        max_tokens=1280,
        extraction=extraction,
    )


RECIPES: Mapping[str, Mapping[str, Recipe]] = {
    "complete": {
        "chat": replace(
            EVALPLUS_CHAT,
            name="bigcodebench-complete",
            description="BigCodeBench 0.2.5's prompt of the split complete, with its reply prefix",
            max_tokens=1280,
        ),
        "completion": _build_completion(),
    },
    "instruct": {"chat": BIGCODEBENCH_INSTRUCT},
}


class BigCodeBench:
    """All problems."""

    name = "bigcodebench"
    environment = "bigcodebench"
    hub_dataset = "bigcode/bigcodebench"
    facts = BenchmarkFacts(
        problems="1140", judge="Asserts", trust="in-process", licence="Apache-2.0", published=PUBLISHED
    )
    options: Mapping[str, str] = {
        "variant": "complete: the prompt is code to complete (default); instruct: it is prose"
    }
    digest = ""
    """SHA-256 of the rows' fields, as canonical JSON in the order of ids; "" where it is not known."""
    size = 1140
    known_failures: Mapping[str, str] = {}
    file = DataFile(
        name="bigcodebench/bigcodebench.json",
        sha256="",
        origin="github.com/bigcode-project/bigcodebench-annotation, release v0.1.4",
        url=(
            "https://github.com/bigcode-project/bigcodebench-annotation/releases/download/v0.1.4/BigCodeBench.jsonl.gz"
        ),
        on_request=True,
    )

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        self._variant = (options or {}).get("variant", VARIANTS[0])
        if self._variant not in VARIANTS:
            raise UsageError(f'--variant is "{self._variant}"; {self.name} has {", ".join(VARIANTS)}')
        self.recipes = RECIPES[self._variant]
        self.name = format_variant(self.name, {"variant": self._variant} if self._variant != VARIANTS[0] else {})

    def problems(self) -> Sequence[Problem]:
        """Return all problems in the order of their ids; `metadata` has both prompts and the libraries."""
        return [_parse_problem(row) for row in self._read_rows()]

    def instruction(self, problem: Problem) -> str:
        """Return the prompt of the variant."""
        return problem.metadata["instruct_prompt"] if self._variant == "instruct" else problem.prompt

    def judge(self, problem: Problem) -> Asserts:
        """Return the unittest program, which runs in the candidate's module."""
        return Asserts(tests=f"\nrun_tests({problem.tests!r})\n", split=False)

    def program(self, problem: Problem, code: str, form: CodeForm) -> Program:
        """Return the header and an empty function, then the code; a solution may bring them itself."""
        header = f"{problem.metadata['code_prompt']}\n    pass\n"
        whole = problem.metadata["complete_prompt"] + code if form is CodeForm.COMPLETION else code
        source = whole if whole.startswith(header) else header + whole
        return Program(
            source=source,
            environment=self.environment,
            limits=Limits(cpu_time_s=TIME_S, wall_time_s=TIME_S + 1, memory_bytes=4 << 30),
            in_process=RUNNER.format(program=source),
        )

    def _read_rows(self) -> list[dict[str, Any]]:
        """Return the rows of JSON lines, or of one JSON object by id, in the order of their ids.

        Raises:
            DataError: they are not those of the release.
        """
        path = obtain(self.file)
        data = read_unpacked(path, "data file")
        try:
            parsed = json.loads(data) if data.count(b"\n") < 2 else [json.loads(line) for line in data.splitlines()]
            rows = [{field: row[field] for field in FIELDS} for row in _list_rows(parsed)]
            rows.sort(key=lambda row: int(row["task_id"].rpartition("/")[2]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"data file {path} has other rows than {self.file.origin}: {error!r}") from error
        if len(rows) != self.size or (self.digest and digest_json(rows) != self.digest):
            raise DataError(f"data file {path} ({len(rows)} rows) is not that of {self.file.origin}; replace it")
        return rows


class BigCodeBenchHard(BigCodeBench):
    """The hard problems."""

    name = "bigcodebench-hard"
    hub_dataset = "bigcode/bigcodebench-hard"
    facts = replace(BigCodeBench.facts, problems="148")
    digest = "6c53a9c1682343938a3bc13ab370eef732cda2d6fd137e3323f696be60e4aa93"
    size = 148
    known_failures: Mapping[str, str] = {
        **dict.fromkeys(map("BigCodeBench/{}".format, (101, 590, 1006, 1012)), NETWORK),
        **dict.fromkeys(map("BigCodeBench/{}".format, (177, 655)), NLTK_DATA),
    }
    file = replace(
        BigCodeBench.file,
        name="bigcodebench/bigcodebench_hard.json",
        url=BigCodeBench.file.url.replace("BigCodeBench.jsonl", "BigCodeBench-Hard.jsonl"),
        on_request=False,
    )


def _list_rows(parsed: Any) -> list[Any]:
    return list(parsed.values()) if isinstance(parsed, dict) and "task_id" not in parsed else list(parsed)


def _parse_problem(row: Mapping[str, Any]) -> Problem:
    return Problem(
        task_id=row["task_id"],
        prompt=row["complete_prompt"],
        entry_point=row["entry_point"],
        reference=row["canonical_solution"],
        tests=row["test"],
        metadata={key: row[key] for key in ("complete_prompt", "instruct_prompt", "code_prompt")},
    )
