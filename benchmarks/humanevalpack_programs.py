"""What HumanEvalPack's authors put around an answer, by language, so that it compiles with its tests.

Source: bigcode-evaluation-harness, tasks/humanevalpack.py, `process_results` (Apache-2.0).
"""

from __future__ import annotations

import re

from ..types import Problem

PYTHON_IMPORTS = (
    "import math\nimport re\nimport sys\nimport copy\nimport datetime\nimport itertools\nimport collections\n"
    "import heapq\nimport statistics\nimport functools\nimport hashlib\nimport numpy\nimport numpy as np\n"
    "import string\nfrom typing import *\nfrom collections import *\n"
)
CPP_IMPORTS = (
    "using namespace std;\n#include<stdlib.h>\n#include<algorithm>\n#include<cmath>\n#include<math.h>\n"
    "#include<numeric>\n#include<stdio.h>\n#include<vector>\n#include<set>\n#include<map>\n#include<queue>\n"
    "#include<stack>\n#include<list>\n#include<deque>\n#include<boost/any.hpp>\n#include<string>\n"
    "#include<climits>\n#include<cstring>\n#include<iostream>\n#include<sstream>\n#include<fstream>\n"
)
GO_PACKAGES = ("math", "strings", "fmt", "strconv", "time", "bytes", "regexp", "sort", "math/rand", "crypto/md5")
RUST_MAIN = "fn main()"
JAVA_STUB = "public class Main {\n    }"
OLD_RANGE = re.compile(r"gen_range\(([^,()]+), ([^()]+)\)")
"""A call of rand 0.4, which the authors pin; Debian has 0.8, whose `gen_range` takes a range."""


def build_program(language: str, code: str, problem: Problem) -> str:
    """Return the program up to its tests: `code` is a whole answer, the prompt that it goes on from included."""
    match language:
        case "cpp":
            return CPP_IMPORTS + code.partition("int main")[0]
        case "java":
            return _build_java(code.replace(JAVA_STUB, ""), problem)
        case "go":
            return _build_go(code, problem)
        case "rs":
            return _build_rust(code, problem)
    return code


def adapt_tests(language: str, tests: str) -> str:
    """Return the tests as the tools of the image take them."""
    return OLD_RANGE.sub(r"gen_range(\1..\2)", tests) if language == "rs" else tests


def _build_java(code: str, problem: Problem) -> str:
    """Add the declaration's imports; a class that is public would need a file of its own name."""
    lines = [line for line in problem.metadata["declaration"].split("\n") if line.startswith("import")]
    missing = "".join(f"{line}\n" for line in lines if line not in code)
    return missing + re.sub(r"\bpublic\s+class\s+Solution\b", "class Solution", code)


def _build_go(code: str, problem: Problem) -> str:
    """Add the tests' imports that an answer lacks, and those of packages that it or the tests use."""
    setup = problem.metadata["test_setup"]
    for line in map(str.strip, setup.split("\n")):
        if line.startswith('"') and line in code:
            setup = setup.replace(line, "")
    whole = f"{setup}\n{code}\n{problem.tests}"
    used = "\n".join(line for line in whole.split("\n") if not line.strip().startswith("//"))
    names = [name for name in GO_PACKAGES if f'"{name}"' not in whole and f"{name.rpartition('/')[2]}." in used]
    added = "".join(f'    "{name}"\n' for name in names)
    body = code.replace("package main", "")
    return f"{setup}\n" + (f"import (\n{added})\n" if added else "") + body


def _build_rust(code: str, problem: Problem) -> str:
    """Add an empty `main` and the lines of the declaration that an answer lacks, and cut it before a second `main`."""
    lines = [] if RUST_MAIN in code else [f"{RUST_MAIN}{{}}"]
    for line in map(str.strip, problem.metadata["declaration"].split("\n")):
        if line not in code and not (line.startswith("fn") and line.partition("(")[0] in code):
            lines.append(line)
    kept = RUST_MAIN.join(code.split(RUST_MAIN)[:2])
    return "".join(f"{line}\n" for line in lines) + kept
