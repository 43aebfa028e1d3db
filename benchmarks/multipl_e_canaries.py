"""Bodies that must fail as the first problem's function, in each language: MultiPL-E has no reference solutions.

The first problem of every language is HumanEval/23, the length of a string. A body closes what the tests do not.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..types import Status

ORDER = (Status.WRONG_ANSWER, Status.RUNTIME_ERROR, Status.TIMEOUT, Status.MEMORY)
"""A wrong answer; an early exit or a crash; an endless loop; a memory hog."""

LATER = {"php": 1}
"""Place of another problem where nothing can pass the first: PHP has a `strlen` of its own."""

BODIES: Mapping[str, tuple[str, str, str, str]] = {
    "cpp": (
        "return -1;",
        "exit(0);",
        'while (true) { asm volatile(""); }',
        "std::vector<std::string> v; while (true) v.push_back(std::string(1 << 24, 'x'));",
    ),
    "cs": (
        "return -1L;",
        "Environment.Exit(0); return 0L;",
        "while (true) { }",
        "var v = new List<byte[]>(); while (true) { v.Add(new byte[1 << 24]); v[v.Count - 1][0] = 1; }",
    ),
    "d": (
        "{ return -1; }",
        "{ import core.stdc.stdlib; exit(0); return 0; }",
        "{ while (true) {} }",
        "{ ubyte[][] v; while (true) v ~= new ubyte[1 << 24]; }",
    ),
    "go": (
        "return -1\n}",
        'panic("canary")\n}',
        "for {\n}\n}",
        "v := [][]byte{}\nfor {\nv = append(v, make([]byte, 1<<24))\nfor i := range v[len(v)-1] {\n"
        "v[len(v)-1][i] = 1\n}\n}\n}",
    ),
    "java": (
        "return -1L;",
        "System.exit(0); return 0L;",
        "while (true) { }",
        "List<byte[]> v = new ArrayList<>(); while (true) v.add(new byte[1 << 24]);",
    ),
    "js": (
        "return -1 }",
        "process.exit(0) }",
        "while (true) {} }",
        "const v = []; while (true) v.push(new Array(1 << 21).fill(1.5)) }",
    ),
    "lua": (
        "return -1\nend",
        "error('canary')\nend",
        "while true do end\nend",
        "local v = {}; while true do v[#v + 1] = string.rep('x', 1 << 24) .. #v end\nend",
    ),
    "php": (
        "return -1; }",
        "exit(0); }",
        "while (true) {} }",
        "$v = []; while (true) { $v[] = str_repeat('x', 1 << 24); } }",
    ),
    "pl": ("return -1; }", "exit 0; }", "while (1) {} }", "my @v; push @v, ('x' x (1 << 24)) . @v while 1; }"),
    "r": (
        "-1 }",
        "quit(status = 0) }",
        "while (TRUE) {} }",
        "v <- list(); repeat v[[length(v) + 1]] <- numeric(2^22) }",
    ),
    "rb": ("-1\nend", "exit!(0)\nend", "loop {}\nend", "v = []; loop { v << 'x' * (1 << 24) }\nend"),
    "rkt": (
        "-1)",
        "(exit 0))",
        "(let loop () (loop)))",
        "(let loop ([v '()]) (loop (cons (make-bytes 16777216 1) v))))",
    ),
    "rs": (
        "return -1;",
        "std::process::exit(0);",
        "loop {}",
        "let mut v: Vec<Vec<u8>> = Vec::new(); loop { v.push(vec![1; 1 << 24]); }",
    ),
    "scala": (
        "-1L",
        "sys.exit(0)",
        "while (true) {}; 0L",
        "var v = List[Array[Byte]](); while (true) v = new Array[Byte](1 << 24) :: v; 0L",
    ),
    "sh": ("echo -1", "kill -9 $$", "while true; do :; done", "v=x; while true; do v=$v$v; done"),
    "ts": (
        "return -1 }",
        "require('node:process').exit(0); return 0 }",
        "while (true) {} }",
        "const v: number[][] = []; while (true) v.push(new Array(1 << 21).fill(1.5)) }",
    ),
}


ENDS = {"cpp": "\n}", "java": "\n    }\n}", "rs": "\n}"}
"""What MultiPL-E's tests close of a body."""


def list_canaries(language: str, *, whole: bool = False) -> Mapping[Status, str]:
    """Return the bodies by the status that each must get; none for a language that was never tried here.

    `whole` ones are for tests that close nothing, and functions that return an int where MultiPL-E's return a long.
    """
    bodies: tuple[str, ...] = BODIES.get(language, ())
    if whole:
        bodies = tuple(body.replace("1L;", "1;").replace("0L;", "0;") + ENDS.get(language, "") for body in bodies)
    return dict(zip(ORDER, bodies, strict=False))
