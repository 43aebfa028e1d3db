"""Every element that the papers' templates hold is in ours; operators of one's own; how they are drawn."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.evolve.operators import MARKERS, PRESETS, choose_operators, draw_operator
from harness.evolve.prompts import JUDGE_TEMPLATE, format_judge_prompt, parse_judgement

GIVEN = "Sum the {method} of `a < b && c` in this table."

IN_DEPTH = {
    "the role": "rewriter of prompts",
    "harder for assistants": "a bit harder to handle for well-known AI assistants",
    "reasonable": "has to stay reasonable",
    "understood and answered": "understand it and to respond to it",
    "not prose": "parts of the given prompt that are not prose, such as tables and code",
    "the input": "keep its input",
    "the length": "only 10 to 20 words more than the given prompt",
    "no markers": '"given prompt" and "rewritten prompt" must not appear',
}
IN_BREADTH = {
    "inspiration": "as inspiration",
    "brand-new": "brand-new prompt",
    "same domain": "same domain",
    "rarer": "rarer",
    "similar": "similar in length and difficulty",
    "reasonable": "has to be reasonable",
    "no markers": '"given prompt" and "created prompt" must not appear',
}
METHODS = {
    "wizardlm": {
        "add-constraints": ["one more constraint or requirement"],
        "deepen": ["in more depth", "in more breadth"],
        "concretise": ["general concepts by more specific ones"],
        "add-reasoning": ["several steps of reasoning"],
        "complicate-input": ["table", "program code", "XML", "SQL", "JSON"],
    },
    "wizardcoder": {
        "add-constraints": ["new constraints and requirements", "about 10 words"],
        "replace-requirement": ["common in programming", "rarer, more specific"],
        "add-reasoning": ["more steps of reasoning"],
        "misdirect": ["erroneous code as a reference", "misleads"],
        "raise-complexity": ["higher time or space complexity", "not do this often"],
    },
}


@pytest.mark.parametrize("element", IN_DEPTH)
def test_an_in_depth_template_holds(element: str) -> None:
    """All that WizardLM's in-depth prompt demands, for each of its five operators."""
    for operator in PRESETS["wizardlm"]:
        if operator.kind == "in-depth":
            assert IN_DEPTH[element] in operator.render_prompt(GIVEN)


@pytest.mark.parametrize("element", IN_BREADTH)
def test_the_in_breadth_template_holds(element: str) -> None:
    """All that WizardLM's in-breadth prompt demands."""
    (operator,) = [one for one in PRESETS["wizardlm"] if one.kind == "in-breadth"]
    assert IN_BREADTH[element] in operator.render_prompt(GIVEN)


@pytest.mark.parametrize(("preset", "name"), [(preset, name) for preset in METHODS for name in METHODS[preset]])
def test_a_method_is_put_into_its_template(preset: str, name: str) -> None:
    """Each operator names its own way, and the instruction arrives as it is, braces and operators included."""
    (operator,) = choose_operators(preset, [name])
    asked = operator.render_prompt(GIVEN)
    assert all(words in asked for words in METHODS[preset][name])
    assert GIVEN in asked
    assert "{instruction}" not in asked


def test_the_presets_are_the_papers() -> None:
    """Six operators, one of them in-breadth; five heuristics for code, all in-depth, of equal weight."""
    assert [one.kind for one in PRESETS["wizardlm"]] == ["in-depth"] * 5 + ["in-breadth"]
    assert [one.kind for one in PRESETS["wizardcoder"]] == ["in-depth"] * 5
    assert all("difficulty of the given programming question a bit" in one.template for one in PRESETS["wizardcoder"])
    assert {one.weight for preset in PRESETS.values() for one in preset} == {1.0}


def test_markers_cover_the_templates_own_headings() -> None:
    """What stands over the slots is among the words that eliminate a text."""
    for preset in PRESETS.values():
        for operator in preset:
            headings = [line.strip("# ").lower() for line in operator.template.splitlines() if line.startswith("###")]
            assert len(headings) == 2
            assert set(headings) <= set(MARKERS)


def test_the_judge_is_asked_for_constraints_depth_and_breadth() -> None:
    """The judge sees both texts as they are, and its reply is read strictly."""
    assert all(word in JUDGE_TEMPLATE for word in ("same constraints", "same depth", "same breadth"))
    assert format_judge_prompt("a {second} b", "c {first} d").count("{") == 2
    said = {
        True: ("Equal", "equal.", '"Equal"', "Yes, both instructions are equal.", "**They are equal**"),
        False: ("Not Equal", "**Not-Equal**", "No.", "They are not equal.", "Yes, they are not equal"),
        None: ("Both are fine", "Nothing to say", "1. They have the same constraints", ""),
    }
    for verdict, replies in said.items():
        assert [parse_judgement(text) for text in replies] == [verdict] * len(replies)


def test_a_digest_follows_the_words_and_not_the_weight() -> None:
    """Another template is another digest; another weight is not."""
    plain, weighted = (
        choose_operators("wizardlm", ["deepen"]),
        choose_operators("wizardlm", ["deepen"], weights={"deepen": 3}),
    )
    assert plain[0].digest == weighted[0].digest
    assert len({one.digest for preset in PRESETS.values() for one in preset}) == 11


def test_operators_are_drawn_by_weight_and_by_seed() -> None:
    """Equal chances without weights; the same words draw the same operator, another seed draws others."""
    operators = choose_operators("wizardlm")
    drawn = [draw_operator(operators, 0, "operator", 1, f"s{number}").name for number in range(6000)]
    assert all(abs(count - 1000) < 120 for count in Counter(drawn).values())
    assert drawn == [draw_operator(operators, 0, "operator", 1, f"s{number}").name for number in range(6000)]
    assert drawn != [draw_operator(operators, 1, "operator", 1, f"s{number}").name for number in range(6000)]
    heavy = choose_operators("wizardlm", ["deepen", "breadth"], weights={"deepen": 3})
    share = sum(draw_operator(heavy, number).name == "deepen" for number in range(4000)) / 4000
    assert abs(share - 0.75) < 0.03


def test_own_operators_come_from_a_file(tmp_path: Path) -> None:
    """A template of one's own, or a method for one of ours."""
    file = tmp_path / "own.toml"
    file.write_text(
        '[[operator]]\nname = "logging"\nbase = "code"\nmethod = "Demand log lines."\nweight = 2\n'
        '[[operator]]\nname = "new"\nkind = "in-breadth"\ntemplate = "Another one like {instruction}"\n'
        'markers = ["Like"]\n',
        encoding="utf-8",
    )
    first, second = choose_operators("wizardlm", file=file)
    assert "Demand log lines." in first.render_prompt("x")
    assert (first.weight, second.kind, second.render_prompt("{x}")) == (2.0, "in-breadth", "Another one like {x}")
    assert "like" in second.markers


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no operator"),
        ("[[operators]]\n", '"operators" is not known'),
        ('[[operator]]\nname = "a"\ntemplate = "no slot"\n', "must hold {instruction}"),
        ('[[operator]]\nname = "a"\nbase = "code"\n', "must hold {instruction}, and {method}"),
        ('[[operator]]\nname = "a"\nbase = "cod"\nmethod = "x"\n', "either a template or a base"),
        (
            '[[operator]]\nname = "a"\ntemplate = "{instruction}"\nweight = 0\n',
            "weight is 0; it must be",
        ),
        ('[[operator]]\nname = "a"\ntemplate = "{instruction}"\n' * 2, 'two operators called "a"'),
        ("[[operator]\n", "is not TOML"),
    ],
)
def test_an_operator_file_that_does_not_fit_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """The message names the file and what is wrong with it."""
    file = tmp_path / "own.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="own") as error:
        choose_operators("wizardlm", file=file)
    assert told in str(error.value)


def test_an_unknown_operator_is_refused_with_the_nearest_one() -> None:
    """Names and weights alike."""
    with pytest.raises(UsageError, match='Did you mean "deepen"'):
        choose_operators("wizardlm", ["deepn"])
