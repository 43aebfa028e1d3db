"""HumanEvalPack: what is asked, what of an answer is run, and that its references pass in every language."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks.canaries import build_canaries
from harness.errors import UsageError
from harness.registry import make_benchmark
from harness.sandboxes import open_sandbox
from harness.tasks.suite import Suite, load_suite
from harness.tasks.variants import resolve_benchmarks
from harness.types import CodeForm, Problem, Status, Work

pytestmark = pytest.mark.data

NAMES = ("python", "js", "java", "go", "cpp", "rust")
EVERY = 20


def first(name: str) -> tuple[Suite, Problem]:
    suite = load_suite(f"humanevalpack-{name}")
    return suite, next(iter(suite.problems.values()))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("question", ["synthesize", "fix", "explain"])
def test_every_language_has_its_problems_in_three_questions(name: str, question: str) -> None:
    """Each question is a benchmark of its own, and the default has the plain name."""
    (full,) = resolve_benchmarks([f"humanevalpack-{name}"], options={"question": question})
    suite = load_suite(full)

    assert full == f"humanevalpack-{name}" + ("" if question == "synthesize" else f"@question={question}")
    assert len(suite.problems) == 164
    assert list(suite.group_problems()) == (["bug_type"] if question == "fix" else [])


def test_a_question_that_is_not_there_is_refused() -> None:
    """One line that names those that are."""
    with pytest.raises(UsageError, match="synthesize, fix, explain"):
        make_benchmark("humanevalpack-js@question=translate")


def test_the_authors_formats_byte_for_byte() -> None:
    """Written down from their `get_prompt`: context first by "instruct", question first by "octocoder"."""
    suite, problem = (load_suite("humanevalpack-js@question=fix"), "JavaScript/53")
    prompts = {
        name: suite.with_recipe(name).build_prompt(suite.problems[problem]).text for name in ("instruct", "octocoder")
    }

    function, begun = "const add = (x, y) => {\n  return x + y + y + x;\n}\n\n", "const add = (x, y) => {"
    tests = suite.problems[problem].tests
    assert prompts["instruct"] == f"{function}\n{tests}\nFix bugs in add.\n\n\n{begun}"
    assert prompts["octocoder"] == f"Question: Fix bugs in add.\n\n{function}\n{tests}\n\nAnswer:\n\n{begun}"


@pytest.mark.parametrize(
    ("name", "answer", "kept"),
    [
        ("python", "\n    return 1\n\nprint(2)\n    # more", "\n    return 1\n"),
        ("js", "\n  if (a) { b() }\n  return 1\n}\n\nconsole.log(2)", "\n  if (a) { b() }\n  return 1\n}"),
        # two braces are open: the method's and the class's
        ("java", "\n        return 1;\n    }\n}\nclass Other { }", "\n        return 1;\n    }\n}"),
        (
            "java",
            "\n        return 1;\n    }\n    public static void main(String[] a) {",
            "\n        return 1;\n    }\n    }",
        ),
        # braces in strings count, as the authors count them
        ("cpp", '\n    return "}";\n}', '\n    return "}'),
        ("rust", "\n    1\n", "\n    1"),
        ("go", "\n    return 1\n}\n\nfunc main() {}", "\n    return 1\n}"),
    ],
)
def test_an_answer_ends_with_its_function(name: str, answer: str, kept: str) -> None:
    """The authors' cut."""
    suite, problem = first(name)
    made = suite.with_recipe("completion").recipe
    assert made is not None

    found = made.extract(answer, problem)

    assert found.form is CodeForm.COMPLETION
    assert found.code == kept


@pytest.mark.parametrize(
    ("name", "answer", "there", "absent"),
    [
        ("go", "package main\n\nfunc F() { fmt.Println(math.Pi) }", ('"fmt"', '"math"'), ("package main\n\nfunc",)),
        # used in a comment alone: Go compiles no import that is not used
        ("go", "// strings.Join\nfunc F() {}", (), ('"strings"',)),
        ("java", "public class Solution { }", ("import java.util.*;\n",), ("public class",)),
        ("cpp", "int f() { return 1; }\nint main() { }", ("#include<boost/any.hpp>",), ("int main",)),
        ("rust", "fn other() {}", ("fn main(){}\n", "use rand::Rng;\n", "fn has_close_elements"), ()),
    ],
)
def test_a_program_gets_what_its_language_needs(
    name: str, answer: str, there: tuple[str, ...], absent: tuple[str, ...]
) -> None:
    """Imports and a `main`, as the authors add them."""
    suite, problem = first(name)
    source = suite.benchmark.program(problem, answer, CodeForm.SOLUTION).source

    assert [text for text in there if text not in source] == []
    assert [text for text in absent if text in source] == []


def judge(sandbox: str, suites: list[Suite]) -> dict[Any, Any]:
    """Judge every so many references of the suites, and the canaries."""
    items: list[Work] = []
    for suite in suites:
        for problem in list(suite.problems.values())[::EVERY]:
            program = suite.benchmark.program(problem, problem.reference, CodeForm.COMPLETION)
            items.append(((suite.name, problem.task_id, Status.PASSED), program, suite.benchmark.judge(problem)))
        for wanted, program, judged in build_canaries(suite):
            items.append(((suite.name, "canary", wanted), program, judged))
    with open_sandbox(sandbox, environment=suites[0].benchmark.environment, workers=1) as opened:
        return {key: outcome for key, outcome in opened.run(items) if outcome.status is not key[2]}


@pytest.mark.parametrize("question", ["synthesize", "fix"])
def test_references_pass_in_python(question: str) -> None:
    """After the documented prompt and after the bare declaration; canaries get their statuses."""
    assert judge("process", [load_suite(f"humanevalpack-python@question={question}")]) == {}


def test_bugs_fail_in_python() -> None:
    """The solution that has to be mended does not pass."""
    suite = load_suite("humanevalpack-python@question=fix")
    items: list[Work] = []
    for task_id, problem in list(suite.problems.items())[::EVERY]:
        whole = str(problem.metadata["context"]).removesuffix(f"\n{problem.tests}")
        items.append(
            (task_id, suite.benchmark.program(problem, whole, CodeForm.SOLUTION), suite.benchmark.judge(problem))
        )

    with open_sandbox("process", environment="core", workers=1) as sandbox:
        found = {key: outcome.status for key, outcome in sandbox.run(items)}

    assert len(found) == 9
    assert Status.PASSED not in found.values()


@pytest.mark.docker
@pytest.mark.parametrize("name", ["js", "java", "cpp"])
def test_references_pass_in_other_languages(languages_image: str, name: str) -> None:
    """And canaries get their statuses: a wrong answer, an early exit or a crash, an endless loop, a memory hog."""
    assert languages_image

    assert judge("docker", [load_suite(f"humanevalpack-{name}{question}") for question in ("", "@question=fix")]) == {}
