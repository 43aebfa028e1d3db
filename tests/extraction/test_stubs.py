"""A chat model's function takes the place of the prompt's stub, so that nothing is defined twice."""

from __future__ import annotations

import pytest

from harness.extraction.stubs import find_name, replace_stub
from harness.types import Problem

CPP = "#include<assert.h>\n#include<bits/stdc++.h>\n// Return length\nlong string_length(std::string s) {\n"
JAVA = "import java.util.*;\nclass Problem {\n    // Return length\n    public static long strlen(String s) {\n"
GO = 'package strlen_test\n\nimport (\n    "testing"\n    "fmt"\n)\n\n// Return length\nfunc strlen(s string) int {\n'


def problem(prompt: str, tests: str) -> Problem:
    return Problem(task_id="x", prompt=prompt, entry_point="", reference="", tests=tests)


def answer(tag: str, code: str) -> str:
    return f"Sure:\n\n```{tag}\n{code}\n```\n\nIt works.\n"


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        (CPP, "string_length"),
        (JAVA, "strlen"),
        (GO, "strlen"),
        ("# Return length\nsub strlen {\n    my($s) = @_;\n", "strlen"),
        ("# Return length\nstrlen <- function(s) {", "strlen"),
        ("#lang racket\n\n;; Return length\n(define (str-len s)\n", "str-len"),
        ("#!/bin/bash\n# $1 is a string\nstrlen() {\n", "strlen"),
        ("-- Return length\nlocal function strlen(s)\n", "strlen"),
        ("/// Return length\nfn strlen(s: String) -> isize {\n", "strlen"),
        ("", ""),
    ],
)
def test_the_function_that_a_prompt_ends_with_is_found(prompt: str, name: str) -> None:
    """In every form in which languages write it."""
    assert find_name(prompt) == name


def test_helpers_stay_and_a_main_goes() -> None:
    """The tests define it and close the function, which is left open; braces in texts do not count."""
    code = (
        '#include <string>\nint twice(int n) { return 2 * n; }\nlong string_length(std::string s) {\n    auto t = "}";'
        '\n    return twice(s.size()) / 2;\n}\nint main() { std::cout << string_length("a"); }'
    )

    found, why = replace_stub(answer("cpp", code), problem(CPP, "}\nint main() {}\n"), ("cpp",))

    assert why == "defines string_length"
    assert found.endswith('long string_length(std::string s) {\n    auto t = "}";\n    return twice(s.size()) / 2;')
    assert "int twice(int n) { return 2 * n; }" in found
    assert "main" not in found
    assert "#include<bits/stdc++.h>" in found


def test_methods_of_the_class_stay_wherever_they_stand() -> None:
    """The prompt's class is opened once, and the block's own imports come first."""
    code = (
        "import java.math.BigInteger;\n\npublic class Problem {\n    static int one() { return 1; }\n"
        "    public static long strlen(String s) {\n        return s.length() * one() * two();\n    }\n"
        '    static int two() { return 1; }\n    public static void main(String[] a) { strlen(""); }\n}'
    )

    found, _ = replace_stub(
        answer("java", code), problem(JAVA, "    }\n    public static void main() {}\n}\n"), ("java",)
    )

    assert found.count("class Problem {") == 1
    assert found.startswith("import java.math.BigInteger;\n")
    assert found.endswith("return s.length() * one() * two();")
    assert "int one()" in found
    assert "int two()" in found
    assert "main" not in found


def test_a_package_is_named_once_and_imports_are_joined() -> None:
    """What the prompt imports is not imported again, and what the block needs besides is."""
    imports = 'import (\n\t"fmt"\n\t"strings"\n)'
    code = f'package main\n\n{imports}\n\nfunc strlen(s string) int {{\n\treturn strings.Count(s, "")\n}}'

    found, _ = replace_stub(answer("go", code), problem(GO, "func TestStrlen(t *testing.T) {}\n"), ("go",))

    assert found.count("package") == 1
    assert found.count('"fmt"') == 1
    assert 'import "strings"' in found


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        # the last block that defines it, in a language that it may be in
        ("```python\ndef strlen(s): ...\n```\n" + answer("js", "function strlen(s) { return 1 }"), "return 1"),
        (answer("js", "function strlen(s) { return 1 }") + answer("js", "strlen('a');\n"), "return 1"),
        # without a fence the text is the code
        ("function strlen(s) { return 1 }", "return 1"),
    ],
)
def test_the_block_that_defines_the_function_counts(text: str, kept: str) -> None:
    """Not one of another language, and not an example of its use."""
    prompt = "//Return length\nfunction strlen(s){\n"

    found, _ = replace_stub(text, problem(prompt, "const assert = require('assert');\n"), ("js",))

    assert kept in found
    assert "python" not in found
