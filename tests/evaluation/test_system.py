"""`--system`: a system message before the user's, which belongs to what a run is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.config import build_run_config
from harness.evaluation.plans import build_identity
from harness.report.problems import load_texts
from harness.store import read_manifest
from harness.tasks.suite import load_suite
from tests.commands import harness, one_line_error, references
from tests.evaluation.test_ask import served
from tests.models.api_server import Api, serving

RUNNING = ("-b", "humaneval", "-r", "chat", "--limit", "1", "--sandbox", "process", "--no-verify", "--no-page")


def test_it_belongs_to_what_a_run_is(tmp_path: Path) -> None:
    """Another message is another run; the manifest and the report have its text, not the name of its file."""
    references(tmp_path / "good.jsonl")
    (tmp_path / "system.txt").write_text("Be brief.\nWrite Python.\n", encoding="utf-8")
    command = ("run", "replay:good.jsonl", *RUNNING, "--out", "run")

    began = harness(*command, "--system", "@system.txt", cwd=tmp_path)
    again = harness(*command, "--system", "Be brief.\nWrite Python.", cwd=tmp_path)
    other = harness(*command, "--system", "Be long.", cwd=tmp_path)
    none = harness(*command, cwd=tmp_path)

    assert (began.returncode, again.returncode) == (0, 0), began.stderr
    assert (other.returncode, none.returncode) == (2, 2)
    assert "sampling.system is" in one_line_error(other)
    manifest = read_manifest(tmp_path / "run")
    assert manifest["identity"]["sampling"]["system"] == manifest["config"]["system"] == "Be brief.\nWrite Python."
    shown = load_texts(manifest, "humaneval")["HumanEval/0"].prompt
    assert shown.startswith("[system]\nBe brief.\nWrite Python.\n\n[user]\n")


def test_a_run_without_it_is_what_it_was() -> None:
    """Its identity has no such key, so that older runs resume."""
    config = build_run_config({"model": "m", "benchmarks": ["humaneval"]})

    identity = build_identity(config, [load_suite("humaneval", 1).with_recipe("chat")], "process")

    assert "system" not in identity["sampling"]


def test_it_takes_the_place_of_a_recipes_own() -> None:
    """Of Qwen2.5-Coder's, for example; the recipe stays the one of that name."""
    suite = load_suite("humaneval", 1).with_recipe("qwen2.5-coder")
    problem = suite.problems["HumanEval/0"]

    (own, *_), (given, *_) = (made.build_prompt(problem).messages for made in (suite, suite.with_system("Be brief.")))

    assert own == ("system", "You are an intelligent programming assistant to produce Python algorithmic solutions")
    assert given == ("system", "Be brief.")
    assert suite.with_system("Be brief.").describe_recipe() == suite.describe_recipe()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-r", "alpaca", "--system", "x"), 'the prompt of "alpaca" is a text'),
        (("-r", "chat", "--system", ""), 'system is ""; it must'),
        (("-r", "chat", "--system", "@none.txt"), "system message none.txt cannot be read: No such file"),
        (("-r", "chat", "--system", "@binary.txt"), "system message binary.txt cannot be read: 'utf-8' codec"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    """By both commands that have the option, with exit code 2."""
    (tmp_path / "binary.txt").write_bytes(b"\xff")
    for command in (("run", "replay:none", "-b", "humaneval", "--preview"), ("ask", "replay:none", "Hello.")):
        done = harness(*command, *arguments, cwd=tmp_path)

        assert done.returncode == 2
        assert message in one_line_error(done)


def test_a_question_has_it() -> None:
    """The server gets it as the first message."""
    pytest.importorskip("openai", reason="the package openai is not installed")
    with serving(Api()) as api:
        done = served(api, "Hello.", "-r", "chat", "--system", "Be brief.")

    assert done.returncode == 0, done.stderr
    assert api.requests[0]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello."},
    ]


def test_a_question_is_asked_by_a_recipe_file(tmp_path: Path) -> None:
    """With its own system message and without its examples."""
    pytest.importorskip("openai", reason="the package openai is not installed")
    file = tmp_path / "mine.toml"
    file.write_text(
        'name = "mine"\nkind = "chat"\ntemplate = "{prompt}"\nextraction = "fenced"\n'
        'system = "You write Python."\nshots = [["Say x.", "x"]]\n'
    )
    with serving(Api()) as api:
        done = served(api, "Hello.", "--recipe-file", file)

    assert done.returncode == 0, done.stderr
    assert [message["content"] for message in api.requests[0]["messages"]] == ["You write Python.", "Hello."]


def test_the_builtin_checkpoint_is_shown_it(smollm2: Path) -> None:
    """In place of the one that its chat template brings."""
    assert smollm2.is_dir()
    done = harness("run", "smollm2-135m-instruct", *RUNNING, "--system", "Be brief.", "--preview", "--json")

    text = json.loads(done.stdout)["rendered"]["text"]
    assert text.startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n")


def test_runs_with_other_messages_are_not_alike(tmp_path: Path) -> None:
    """A comparison is refused, and a leaderboard has a group for each."""
    references(tmp_path / "good.jsonl")
    for name, system in {"one": ("--system", "Be brief."), "two": ()}.items():
        done = harness("run", "replay:good.jsonl", *RUNNING, "--out", name, *system, cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    compared = harness("compare", "one", "two", cwd=tmp_path)
    board = harness("leaderboard", ".", "--json", cwd=tmp_path)

    assert compared.returncode == 2
    assert "system" in one_line_error(compared)
    assert len({row["group"] for row in json.loads(board.stdout)["rows"]}) == 2
