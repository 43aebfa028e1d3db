"""Put a chat model's function in place of the stub that a prompt ends with, in languages other than Python.

A prompt such as MultiPL-E's opens a function, and its tests may close it: text beside the prompt would define it twice.
So the prompt's beginning (imports, the class) stays, the block's function takes the stub's place, and its last brace
goes where the tests bring one.

Limit: braces are matched without a parser; strings and comments are skipped as C-like languages have them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..types import Problem
from .markdown import find_blocks

SIGNATURES = (
    re.compile(r"(?:function|func|fn|def|sub|define)\s+\(?([\w-]+)"),
    re.compile(r"([\w.]+)\s*<-"),
    re.compile(r"([\w-]+)\s*\("),
)
"""What of a signature's line is the function's name, in order of preference."""
CLASS = re.compile(r"^.*\b(?:class|object)[ \t]+\w+[^{}\n]*\{", re.MULTILINE)
IMPORT = re.compile(r"^[ \t]*(?:import|using|#[ \t]*include|use|package)\b.*$", re.MULTILINE)
SKIPPED = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n]){1,4}'|`[^`]*`", re.DOTALL)
"""Comments and texts, whose braces do not count."""
GO_IMPORTS = re.compile(r"^import[ \t]*(?:\((?P<many>[^)]*)\)|(?P<one>.+))$", re.MULTILINE)


def find_name(prompt: str) -> str:
    """Return the function that a prompt ends with; "" if there is none."""
    lines = [line.strip() for line in prompt.splitlines() if line.strip()]
    for line in reversed(lines[-2:]):
        for pattern in SIGNATURES:
            if (found := pattern.search(line)) and found[1] not in ("my", "if", "for", "while"):
                return found[1]
    return ""


def replace_stub(text: str, problem: Problem, tags: Sequence[str]) -> tuple[str, str]:
    """Return the program of an answer up to its tests, and how it was found."""
    name = find_name(problem.prompt) or problem.entry_point
    blocks = [block for block in find_blocks(text, strings=False) if not block.tag or block.tag in tags]
    solving = [block for block in blocks if _find_definition(block.code, name) is not None]
    chosen = [block.code for block in solving or blocks]
    code = chosen[-1] if chosen else text
    why = f"defines {name}" if solving else "a block" if blocks else "no fence"
    if not problem.tests.lstrip().startswith("}"):
        return _complete(code, problem.prompt), why
    found = _find_definition(code, name)
    return (code, why) if found is None else (_open_function(code, found, problem.prompt), why)


def _open_function(code: str, found: tuple[int, int, int], prompt: str) -> str:
    """Return a program that ends inside the function, whose brace the tests close."""
    start, _, end = found
    head, function, tail = code[:start], code[start : end - 1].rstrip(), _drop_main(code[end:])
    wrapper = CLASS.search(prompt)
    if wrapper is None:
        kept = [line for line in IMPORT.findall(prompt) if line not in head]
        rest = tail if re.search(r"\{", tail) and not prompt.startswith("#!") else ""
        return "\n".join(filter(None, (*kept, _drop_main(head).rstrip(), rest.strip(), function)))
    own = CLASS.search(head)
    imports = [line for line in IMPORT.findall(head[: own.start()] if own else head) if line.strip() not in prompt]
    inner = head[own.end() :] if own else IMPORT.sub("", head)
    members = tail.rstrip().removesuffix("}") if own else tail
    beginning = prompt[: wrapper.end()]
    return "\n".join(filter(None, (*imports, beginning, _drop_main(inner).rstrip(), members.rstrip(), function)))


def _complete(code: str, prompt: str) -> str:
    """Return a block as a program, with what every program of its language begins with."""
    if prompt.startswith("<?php"):
        return code if code.lstrip().startswith("<?php") else f"<?php\n{code}"
    if prompt.startswith("#lang"):
        return code if code.lstrip().startswith("#lang") else f"#lang racket\n{code}"
    if prompt.startswith("package "):
        return _complete_go(_drop_main(code), prompt)
    return code


def _complete_go(code: str, prompt: str) -> str:
    head = prompt[: prompt.index(")") + 1] if ")" in prompt else prompt.splitlines()[0]
    wanted = set(re.findall(r'"[^"]+"', head))
    named: list[str] = []
    for found in GO_IMPORTS.finditer(code):
        lines = (found["many"] or found["one"]).splitlines()
        named += [line.strip() for line in lines if line.strip() and line.strip() not in wanted]
    body = re.sub(r"^package[ \t]+\w+[ \t]*$", "", GO_IMPORTS.sub("", code), flags=re.MULTILINE)
    return "\n".join([head, *(f"import {one}" for one in dict.fromkeys(named)), body.strip()])


def _drop_main(code: str) -> str:
    """Return code without a `main`, which the tests bring."""
    found = _find_definition(code, "main", end=r"\s*\(") or _find_definition(code, "Main", end=r"\s*\(")
    return code if found is None else code[: found[0]] + code[found[2] :]


def _find_definition(code: str, name: str, end: str = r"(?![\w-])") -> tuple[int, int, int] | None:
    """Return where a function's line starts, its body opens, and what follows it begins; None without one.

    A function without braces counts by the word before its name, or the sign after it: only the start is of use then.
    """
    if not name:
        return None
    plain = SKIPPED.sub(lambda text: re.sub(r"[^\n]", " ", text[0]), code)
    for found in re.finditer(rf"(?<![\w.]){re.escape(name)}{end}", plain):
        opened = plain.find("{", found.end())
        between = plain[found.end() : opened] if opened >= 0 else ""
        if opened < 0 or ";" in between or "}" in between:
            continue
        return code.rfind("\n", 0, found.start()) + 1, opened, _find_close(plain, opened)
    name = re.escape(name)
    stated = re.search(rf"(?:function|def|define|func)\s+\(?{name}(?![\w-])|(?<![\w.]){name}\s*(?:<-|=)", plain)
    return None if stated is None else (stated.start(), stated.start(), len(code))


def _find_close(plain: str, opened: int) -> int:
    """Return the position after the brace that closes the one at `opened`, or the end."""
    depth = 0
    for at in range(opened, len(plain)):
        depth += {"{": 1, "}": -1}.get(plain[at], 0)
        if depth == 0:
            return at + 1
    return len(plain)
