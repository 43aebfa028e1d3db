"""A user's own recipe: its file, its run, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.extraction.rules import EXTRACTIONS, Extraction
from harness.report.problems import load_texts
from harness.store import read_manifest
from harness.tasks.prompt_format import Recipe
from harness.tasks.recipe_files import keep_recipe, read_recipe_file, recall_recipe
from harness.types import CodeForm
from tests.commands import harness, one_line_error, read_rows, references, write_rows

TEXT = '''\
name = "mine"
description = "for my checkpoint"
kind = "chat"
system = "You write Python."
shots = [["Say x.", "x"]]
template = """Solve {entry_point}:

```python
{prompt}
```"""
prefill = "```python\\n"
strip_problem = true
extract_prefill = true
stop = ["\\nclass", "\\n```\\n"]
max_tokens = 64
reasoning_marks = [["<plan>", "</plan>"]]

[extraction]
style = "fenced"
tabs = "indent"
form = "solution"
cut_at = ["\\nif __name__"]
'''
MINE = Recipe(
    name="mine",
    description="for my checkpoint",
    kind="chat",
    system="You write Python.",
    shots=(("Say x.", "x"),),
    template="Solve {entry_point}:\n\n```python\n{prompt}\n```",
    prefill="```python\n",
    strip_problem=True,
    stop=("\nclass", "\n```\n"),
    max_tokens=64,
    reasoning_marks=(("<plan>", "</plan>"),),
    extraction=Extraction(
        name="mine", style="fenced", tabs="indent", form=CodeForm.SOLUTION, cut_at=("\nif __name__",)
    ),
)
SHORT = 'name = "mine"\nkind = "chat"\ntemplate = "{prompt}"\nextraction = "fenced"\n'
RUNNING = ("-b", "humaneval", "--limit", "2", "--sandbox", "process", "--no-verify", "--no-page", "--quiet")


def write(folder: Path, text: str) -> Path:
    """Write a recipe file."""
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_gives_every_field(tmp_path: Path) -> None:
    """The extraction is a table, whose name is the recipe's unless it has one."""
    assert read_recipe_file(write(tmp_path, TEXT)) == MINE


@pytest.mark.parametrize("rule", ["fenced", "evalplus", "as-is", "lm-eval-instruct"])
def test_a_rule_is_named(tmp_path: Path, rule: str) -> None:
    """A general rule, or one of the harness's recipes."""
    made = read_recipe_file(write(tmp_path, SHORT.replace('"fenced"', f'"{rule}"')))

    assert made.extraction.name == rule
    assert made.extraction == EXTRACTIONS.get(rule, made.extraction)


def test_a_manifest_keeps_a_recipe_whole(tmp_path: Path) -> None:
    """Through JSON and back, with the same digest."""
    manifest = {"own_recipes": json.loads(json.dumps(keep_recipe(MINE)))}

    assert recall_recipe(manifest, {"name": "mine", "digest": MINE.digest}) == MINE
    assert recall_recipe(manifest, {"name": "chat", "digest": "0"}) == "chat"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("max_tokens", "max_tokns"), 'mine.toml line 15: key "max_tokns" is not known. Did you mean "max_tokens"?'),
        (("tabs =", "tab ="), 'line 20: [extraction] key "tab" is not known. Did you mean "tabs"?'),
        (("max_tokens = 64", "max_tokens = 0"), "line 15: max_tokens is 0; it must be greater than or equal to 1"),
        (('kind = "chat"', 'kind = "caht"'), "line 3: kind is \"caht\"; it must be 'text' or 'chat'"),
        (('style = "fenced"', 'style = "fence"'), 'line 19: [extraction] style is "fence"; it must'),
        (('kind = "chat"', ""), "kind is missing"),
        (('style = "fenced"', ""), "style is missing"),
        (("{entry_point}", "{foo}"), "line 6: template has {foo}; it can have {prompt}, {instruction}, {entry_point}"),
        (("{prompt}", "{{ prompt }}"), "template has {{ prompt }}; it can have"),
        (('prefill = "', 'prefill = "{instruction}'), "prefill has {instruction}; it can have {prompt}"),
        (("strip_problem", "indent_to_tab"), 'line 12: indent_to_tab does not go with kind "chat"'),
        (("strip_problem = true", 'response_marker = "x"'), 'response_marker does not go with kind "chat"'),
        (('kind = "chat"', 'kind = "text"'), 'line 4: system does not go with kind "text"'),
        (('name = "mine"', 'name = "wizardcoder"'), 'name is "wizardcoder", which is a recipe of the harness'),
        (('name = "mine"', 'name = "as-is"'), 'name is "as-is", which is a recipe of the harness'),
        (('name = "mine"', 'name = "my recipe"'), 'name is "my recipe"; write letters'),
        (("[extraction]", '[extraction]\nname = "fenced"'), 'extraction.name is "fenced", which is a rule'),
        (('[["Say x.", "x"]]', '[["Say x."]]'), "shots.0.1"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    """In one line, with the file's line where there is one."""
    with pytest.raises(UsageError) as refused:
        read_recipe_file(write(tmp_path, TEXT.replace(*change)))

    assert message in str(refused.value)
    assert str(tmp_path / "mine.toml") in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name = ", "recipe file mine.toml is not TOML"),
        (b'name = "\xff"', "recipe file mine.toml is not TOML: 'utf-8' codec"),
        (None, "recipe file mine.toml does not exist; a run that was made with it still has the recipe"),
        (SHORT.replace("fenced", "fencd").encode(), 'line 4: extraction "fencd" is not known. Did you mean "fenced"?'),
        (SHORT.replace("{prompt}", "Hello.").encode(), "line 3: template lacks the problem; write {prompt}"),
    ],
)
def test_a_command_refuses_a_bad_file(tmp_path: Path, content: bytes | None, message: str) -> None:
    """With one line and exit code 2, before anything is made."""
    if content is not None:
        (tmp_path / "mine.toml").write_bytes(content)

    done = harness("run", "replay:none", *RUNNING, "--recipe-file", "mine.toml", cwd=tmp_path)

    assert done.returncode == 2
    assert message in one_line_error(done)
    assert not (tmp_path / "results").exists()


def test_a_run_keeps_its_recipe(tmp_path: Path) -> None:
    """It is continued, extracted again, scored by every rule and reported without the file."""
    rows = read_rows(references(tmp_path / "good.jsonl", 2))
    answers = [{**row, "completion": f"{row['completion']}```\nDone."} for row in rows]
    write_rows(tmp_path / "answers.jsonl", answers)
    file, out = write(tmp_path, SHORT + 'prefill = "```python\\n{prompt}"\n'), tmp_path / "run"
    command = ("run", f"replay:{tmp_path / 'answers.jsonl'}", *RUNNING, "--out", out, "--recipe-file")
    began = harness(*command, file)
    assert began.returncode == 0, began.stderr
    made = read_recipe_file(file)
    manifest = read_manifest(out)
    named = {"humaneval": {"name": "mine", "digest": made.digest}}
    assert manifest["identity"]["recipe"] == manifest["recipes"] == named
    assert manifest["config"]["recipe_file"] == str(file)
    assert [row["status"] for row in read_rows(out / "verdicts.jsonl")] == ["passed", "passed"]

    file.unlink()

    gone = harness(*command, file)
    assert (gone.returncode, "--recipe-file RUN_FOLDER" in one_line_error(gone)) == (2, True)
    more = harness(*command, out, "--n", "2")
    assert more.returncode == 0, more.stderr
    assert len(read_rows(out / "verdicts.jsonl")) == 4
    assert recall_recipe(read_manifest(out), named["humaneval"]) == made
    for again in (("--re-extract",), ("--extractors", "all")):
        done = harness("score", out, *again, "--no-page", "--quiet")
        assert done.returncode == 0, done.stderr
    prompt = load_texts(read_manifest(out), "humaneval")["HumanEval/0"].prompt
    assert prompt.endswith(f"[assistant begins]\n```python\n{manifest_prompt()}")


def manifest_prompt() -> str:
    """The first problem of HumanEval."""
    from harness.benchmarks.humaneval import HumanEval

    return HumanEval().problems()[0].prompt


def test_a_run_is_extracted_again_by_another_file(tmp_path: Path) -> None:
    """The manifest then keeps that recipe as well, and the run stays what it was."""
    references(tmp_path / "good.jsonl")
    out = tmp_path / "run"
    began = harness("run", "replay:good.jsonl", *RUNNING, "-r", "chat", "--out", out, cwd=tmp_path)
    assert began.returncode == 0, began.stderr
    file = write(tmp_path, SHORT.replace('"fenced"', '"as-is"'))

    for command in (("--re-extract", "--recipe-file", file), ("--re-extract",)):
        done = harness("score", out, *command, "--no-page", "--quiet")
        assert done.returncode == 0, done.stderr
        file.unlink(missing_ok=True)
    identity = read_manifest(out)["identity"]

    assert identity["recipe"]["humaneval"]["name"] == "chat"
    assert identity["extraction"]["humaneval"]["name"] == "mine"


def test_a_samples_file_is_scored_by_a_recipe_file(tmp_path: Path) -> None:
    """The default folder's name depends on the recipe."""
    rows = [{"task_id": "HumanEval/0", "completion": "No code."}]
    write_rows(tmp_path / "answers.jsonl", rows)
    write(tmp_path, SHORT)

    done = harness(
        *("score", "answers.jsonl", "-b", "humaneval", "--sandbox", "process", "--recipe-file", "mine.toml"),
        *("--no-page", "--quiet"),
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "results").iterdir()
    assert read_manifest(folder)["identity"]["extraction"]["humaneval"]["name"] == "mine"


def test_a_flag_takes_the_place_of_a_configurations_recipe(tmp_path: Path) -> None:
    """By name or by file; both at once in one place are refused."""
    write(tmp_path, SHORT)
    (tmp_path / "run.toml").write_text('model = "replay:none"\nbenchmarks = ["humaneval"]\nrecipe = "chat"\n')
    (tmp_path / "own.toml").write_text(
        'model = "replay:none"\nbenchmarks = ["humaneval"]\nrecipe_file = "mine.toml"\nsystem = "Be brief."\n'
    )

    def preview(*arguments: str) -> tuple[int, str, str]:
        done = harness("run", *arguments, "--preview", "--json", cwd=tmp_path)
        if done.returncode:
            return done.returncode, "", one_line_error(done)
        shown = json.loads(done.stdout)
        return 0, shown["recipe"], shown["rendered"]["text"]

    assert preview("--config", "run.toml")[1] == "chat"
    assert preview("--config", "run.toml", "--recipe-file", "mine.toml")[1] == "mine"
    _, name, text = preview("--config", "own.toml")
    assert (name, text.partition("\n")[0]) == ("mine", "system: Be brief.")
    assert preview("--config", "own.toml", "-r", "alpaca")[0] == 2  # a text recipe, and a system message
    assert preview("--config", "own.toml", "-r", "chat")[1] == "chat"
    code, _, refused = preview("--config", "run.toml", "-r", "chat", "--recipe-file", "mine.toml")
    assert (code, "give one of them" in refused) == (2, True)
