"""Languages other than Python: how a program of each is built, run and judged, as one table.

Sources: the evaluators of MultiPL-E (github.com/nuprl/MultiPL-E, evaluation/src) for the rule set "multipl-e", and
DeepSeek-Coder's fork of human-eval (Evaluation/HumanEval/human_eval/execution.py), which Qwen2.5-Coder published with
too, for "deepseek". Those of "humanevalpack" are code_eval_octopack's (huggingface.co/spaces/Muennighoff), without the
minutes that it gives compilers. A limit is CPU time here and wall time there, so that verdicts do not depend on a
machine's load.

A program's last act is to write a mark that is drawn anew for each program, so that one that ends early does not pass.
The mark stands in the program's own text: it stops early exits and no forger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from .inside.compilers import ARGUMENT
from .inside.execution import MARK_PATH, MARK_TOKEN
from .marks import append, append_php, before_brace, before_cpp_end, before_last, leave, replace_last, write_go_main
from .toolchains import (
    BUILD_CRATES,
    CRATES,
    FETCH_JULIA,
    FETCH_SWIFT,
    GOPATH,
    HEADER,
    PRECOMPILE_HEADER,
    ROOT,
    TUPLES,
    WARM_GO,
)

RULE_SETS = ("multipl-e", "deepseek")
PACK = "humanevalpack"
"""The rule set of HumanEvalPack's own programs, which are others than MultiPL-E's."""
BUILD_TIME_S = 60.0
"""CPU seconds of a compiler. The rules' 10 to 45 s of wall time fail programs on a busy machine for that alone."""
JAVA = ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-ea")
"""The flags before -ea halve the start of the machine and change no result."""
TSC = ("node", f"{ROOT}/package/lib/tsc.js")

Command = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How one rule set decides about a program of a language; paths are relative to the program's own folder."""

    builds: tuple[Command, ...] = ((),)
    """Ways to build it, each tried when a program that was built by the one before fails. (): nothing is built."""
    run: Command
    time_s: float = 10.0
    """CPU seconds of the program."""
    silent: str = ""
    """Streams that must stay empty: "", "stderr" or "output" (both)."""
    refused: str = ""
    """A regular expression that must not be found in what it prints to either stream."""
    exit_code: bool = True
    """Whether it must end with exit code 0."""
    mark: Callable[[str], str] | None = None
    """Puts the writing of the mark elsewhere than `Language.mark` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """A compiler that stays and compiles one program after another; it runs none."""

    source: str
    """File in `images/`."""
    command: Command
    """Its command, to which the options of a build are added."""
    instead_of: Command
    """What a build begins with that it does as well."""

    def options(self, build: Command, file: str) -> Command:
        """Return the options of a build that it takes."""
        return tuple(part for part in build[len(self.instead_of) :] if part not in (file, "-d", "."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """One language."""

    title: str
    file: str
    """Name of the file that holds a program."""
    rules: Mapping[str, Rules]
    mark: Callable[[str], str]
    """Puts the writing of the mark into a whole program."""
    tools: tuple[str, ...]
    """Commands and files that must be there."""
    packages: tuple[str, ...] = ()
    """Debian's packages that bring them; empty: Debian has none."""
    fences: tuple[str, ...] = ()
    """What models write after a fence's backticks, beside its name."""
    managed: bool = True
    """Whether it reserves far more addresses than memory: what it really takes is limited then."""
    paths: tuple[str, ...] = ()
    """Patterns of what its tools read beside commands and shared libraries, for the process sandbox."""
    lines: str = ""
    """Dockerfile lines that bring it, where Debian has none; or that finish it."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Those whose value is a path count only where that exists."""
    resident: Resident | None = None
    header: tuple[str, str] | None = None
    """What a program includes, and the copy of it that an image has compiled already."""
    extra_file: Callable[[str], tuple[str, str]] | None = None
    """Name and text of a file beside the program."""


_GCC = ("g++", "main.cpp", "-o", "main", "-std=c++17")
_OPENSSL = ("-Wl,--as-needed", "-lcrypto", "-lssl")
_JAVAC = ("javac", "-encoding", "UTF8", "-cp", TUPLES, "-d", ".", "Main.java")
_RUN_JAVA = (*JAVA, "-cp", f".:{TUPLES}", "Problem")
_RUST_TEST = (
    *("rustc", "--edition", "2021", "--test", "main.rs", "-o", "main", "-L", f"{ROOT}/rust"),
    *(part for crate in CRATES for part in ("--extern", crate)),
)
_MCS = ("mcs", "-d:DEBUG", "-r:System.Numerics.dll", "main.cs", "-out:main.exe")
_GO = ("main_test.go", "mark_test.go")
_MONO_FAIL = r"System\.Diagnostics\.DefaultTraceListener\.Fail|Unhandled Exception"
_WRITE_JS = f"require('node:fs').writeFileSync('{MARK_PATH}', '{MARK_TOKEN}');"
_WRITE_CPP = (
    f'if (std::FILE* mark_ = std::fopen("{MARK_PATH}", "w")) {{ std::fputs("{MARK_TOKEN}", mark_); '
    "std::fclose(mark_); }"
)
_WRITE_JAVA = (
    f'try (java.io.FileWriter mark_ = new java.io.FileWriter("{MARK_PATH}")) {{ mark_.write("{MARK_TOKEN}"); }} '
    "catch (java.io.IOException mark_) { }"
)
_WRITE_RUST = f'std::fs::write("{MARK_PATH}", "{MARK_TOKEN}").unwrap();'
_WRITE_LUA = (
    "local mark_ = lu.LuaUnit.run()\n"
    f'if mark_ == 0 then local f_ = io.open("{MARK_PATH}", "w"); f_:write("{MARK_TOKEN}"); f_:close() end\n'
    "os.exit(mark_)"
)
LUA_END = "os.exit(lu.LuaUnit.run())"


def _both(first: Rules, second: Rules, pack: Rules | None = None) -> Mapping[str, Rules]:
    return {**dict(zip(RULE_SETS, (first, second), strict=True)), **({PACK: pack} if pack else {})}


def _only(rules: Rules, pack: Rules | None = None) -> Mapping[str, Rules]:
    """Return the rules of a language that DeepSeek does not have."""
    return {RULE_SETS[0]: rules, **({PACK: pack} if pack else {})}


LANGUAGES: Mapping[str, Language] = {
    "cpp": Language(
        title="C++",
        file="main.cpp",
        rules=_both(
            Rules(builds=(_GCC,), run=("./main",), time_s=15),
            Rules(builds=((*_GCC, *_OPENSSL),), run=("./main",)),
            pack=Rules(builds=((*_GCC, *_OPENSSL),), run=("./main",)),
        ),
        mark=partial(before_cpp_end, _WRITE_CPP),
        tools=("g++",),
        packages=("g++", "libssl-dev", "libboost-dev"),
        lines=PRECOMPILE_HEADER,
        header=("bits/stdc++.h", HEADER),
        fences=("c++", "cc", "cxx"),
        managed=False,
        paths=("/usr/include", "/usr/lib/gcc*", "/usr/local/include"),
    ),
    "cs": Language(
        title="C#",
        file="main.cs",
        rules=_both(
            Rules(builds=(_MCS,), run=("mono", "main.exe"), time_s=5, refused=_MONO_FAIL),
            Rules(builds=(_MCS,), run=("mono", "main.exe"), refused="Fail", exit_code=False),
        ),
        mark=partial(before_brace, 2, f'System.IO.File.WriteAllText("{MARK_PATH}", "{MARK_TOKEN}");'),
        tools=("mcs", "mono"),
        packages=("mono-mcs", "mono-runtime", "libmono-system-numerics4.0-cil", "libmono-system-core4.0-cil"),
        fences=("csharp", "c#"),
        paths=("/usr/lib/mono", "/etc/mono"),
        variables={"MONO_TRACE_LISTENER": "Console.Error"},
    ),
    "d": Language(
        title="D",
        file="main.d",
        rules=_only(Rules(builds=(("gdc", "-funittest", "main.d", "-o", "main"),), run=("./main",), time_s=15)),
        mark=partial(before_brace, 2, f'{{ static import std.file; std.file.write("{MARK_PATH}", "{MARK_TOKEN}"); }}'),
        tools=("gdc",),
        packages=("gdc",),
        fences=("dlang",),
        managed=False,
        paths=("/usr/lib/gcc*",),
    ),
    "go": Language(
        title="Go",
        file="main_test.go",
        rules=_both(
            Rules(run=("go", "test", *_GO), time_s=30, refused=r"\[setup failed\]|\[build failed\]|FAIL"),
            Rules(run=("go", "test", "-timeout=10s", *_GO), time_s=30),
            pack=Rules(run=("go", "test", "-timeout=20s", *_GO), time_s=30),
        ),
        mark=leave,
        tools=("go",),
        packages=("golang-go", "golang-github-stretchr-testify-dev"),
        lines=WARM_GO,
        fences=("golang",),
        paths=("/usr/lib/go*", "/usr/share/go*"),
        variables={
            **{"GO111MODULE": "off", "GOFLAGS": "-count=1", "GOPROXY": "off", "GOTELEMETRY": "off"},
            **{"GOPATH": GOPATH, "GOCACHE": f"{ROOT}/go"},
        },
        extra_file=write_go_main,
    ),
    "java": Language(
        title="Java",
        file="Main.java",
        rules=_both(
            Rules(builds=(_JAVAC,), run=_RUN_JAVA, time_s=15),
            Rules(builds=(_JAVAC,), run=_RUN_JAVA),
            pack=Rules(builds=(_JAVAC,), run=(*_RUN_JAVA[:-1], "Main")),
        ),
        mark=partial(before_brace, 2, _WRITE_JAVA),
        tools=("javac", "java", TUPLES),
        packages=("openjdk-17-jdk-headless", "libjavatuples-java"),
        paths=("/usr/lib/jvm", "/etc/java-*", "/usr/share/java"),
        resident=Resident(
            source="Compiler.java",
            command=("java", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx1g", ARGUMENT),
            instead_of=("javac",),
        ),
    ),
    "jl": Language(
        title="Julia",
        file="main.jl",
        rules=_only(Rules(run=("julia", "main.jl"), time_s=15)),
        mark=partial(append, f'write("{MARK_PATH}", "{MARK_TOKEN}");'),
        tools=("julia",),
        fences=("julia",),
        lines=FETCH_JULIA,
        paths=("/opt/julia*",),
    ),
    "js": Language(
        title="JavaScript",
        file="main.js",
        rules=_both(
            Rules(run=("node", "main.js"), time_s=5),
            Rules(run=("node", "main.js"), silent="output"),
            pack=Rules(run=("node", "main.js"), silent="output"),
        ),
        mark=partial(append, _WRITE_JS),
        tools=("node",),
        packages=("nodejs",),
        fences=("javascript", "node"),
        paths=("/usr/share/nodejs",),
    ),
    "lua": Language(
        title="Lua",
        file="main.lua",
        rules=_only(Rules(run=("lua5.3", "main.lua"), time_s=15)),
        mark=partial(replace_last, LUA_END, _WRITE_LUA),
        tools=("lua5.3", "/usr/share/lua/5.3/luaunit.lua"),
        packages=("lua5.3", "lua-unit"),
        managed=False,
        paths=("/usr/share/lua",),
    ),
    "php": Language(
        title="PHP",
        file="main.php",
        rules=_both(
            Rules(run=("php", "main.php"), time_s=15, refused="PHP Parse error"),
            Rules(run=("php", "-f", "main.php")),
        ),
        mark=partial(append_php, f"file_put_contents('{MARK_PATH}', '{MARK_TOKEN}');"),
        tools=("php",),
        packages=("php8.2-cli",),
        managed=False,
        paths=("/etc/php", "/usr/lib/php", "/usr/share/php"),
    ),
    "pl": Language(
        title="Perl",
        file="main.pl",
        rules=_only(Rules(run=("perl", "main.pl"), time_s=15, refused="ERROR")),
        mark=partial(append, f"open(my $mark_, '>', '{MARK_PATH}'); print {{$mark_}} '{MARK_TOKEN}'; close($mark_);"),
        tools=("perl", "/usr/share/perl5/Test/Deep.pm"),
        packages=("perl", "libtest-deep-perl"),
        fences=("perl",),
        managed=False,
        paths=("/usr/share/perl*", "/usr/lib/*/perl*", "/etc/perl"),
    ),
    "r": Language(
        title="R",
        file="main.r",
        rules=_only(Rules(run=("Rscript", "main.r"), time_s=5)),
        mark=partial(append, f"cat('{MARK_TOKEN}', file = '{MARK_PATH}')"),
        tools=("Rscript",),
        packages=("r-base-core",),
        managed=False,
        paths=("/usr/lib/R", "/usr/share/R", "/etc/R"),
    ),
    "rb": Language(
        title="Ruby",
        file="main.rb",
        rules=_only(Rules(run=("ruby", "main.rb"), time_s=5)),
        mark=partial(before_last, r"  end\s+end\s*\Z", f"File.write('{MARK_PATH}', '{MARK_TOKEN}')"),
        tools=("ruby",),
        packages=("ruby", "ruby-test-unit"),
        fences=("ruby",),
        managed=False,
        paths=("/usr/lib/ruby", "/var/lib/gems", "/usr/share/rubygems-integration", "/usr/share/ruby*"),
    ),
    "rkt": Language(
        title="Racket",
        file="main.rkt",
        rules=_only(Rules(run=("racket", "main.rkt"), time_s=15, silent="stderr")),
        mark=partial(
            append,
            f'(call-with-output-file "{MARK_PATH}" #:exists \'append (lambda (mark) (display "{MARK_TOKEN}" mark)))',
        ),
        tools=("racket",),
        packages=("racket",),
        fences=("racket",),
        paths=("/usr/share/racket", "/usr/lib/racket", "/etc/racket"),
    ),
    "rs": Language(
        title="Rust",
        file="main.rs",
        rules=_only(
            Rules(builds=(("rustc", "main.rs", "-o", "main"),), run=("./main",), time_s=5),
            pack=Rules(builds=(_RUST_TEST,), run=("./main",), mark=partial(before_brace, 2, _WRITE_RUST)),
        ),
        mark=partial(before_brace, 1, _WRITE_RUST),
        tools=("rustc",),
        packages=("rustc", "cargo", "librust-md5-dev", "librust-rand-dev", "librust-regex+default-dev"),
        lines=BUILD_CRATES,
        fences=("rust",),
        managed=False,
        paths=("/usr/lib/rustlib", "/usr/lib/gcc*"),
    ),
    "scala": Language(
        title="Scala",
        file="main.scala",
        rules=_only(
            Rules(
                builds=(("scalac", "-d", ".", "main.scala"),),
                run=("scala", "-cp", ".", "Problem"),
                time_s=15,
                silent="stderr",
            )
        ),
        mark=partial(
            before_brace,
            2,
            f'java.nio.file.Files.write(java.nio.file.Paths.get("{MARK_PATH}"), "{MARK_TOKEN}".getBytes)',
        ),
        tools=("scalac", "scala"),
        packages=("scala", "openjdk-17-jdk-headless"),
        paths=("/usr/lib/jvm", "/etc/java-*", "/usr/share/java", "/usr/share/scala*"),
    ),
    "sh": Language(
        title="Bash",
        file="main.sh",
        rules=_both(Rules(run=("bash", "main.sh"), time_s=15), Rules(run=("bash", "main.sh"))),
        mark=partial(append, f"printf %s '{MARK_TOKEN}' > '{MARK_PATH}'"),
        tools=("bash",),
        packages=("bash",),
        fences=("bash", "shell"),
        managed=False,
    ),
    "swift": Language(
        title="Swift",
        file="main.swift",
        rules=_only(Rules(builds=(("swiftc", "main.swift", "-o", "main"),), run=("./main",), time_s=5)),
        mark=partial(
            append,
            f'import Foundation\ntry! "{MARK_TOKEN}".write(toFile: "{MARK_PATH}", atomically: false, encoding: .utf8)',
        ),
        tools=("swiftc",),
        fences=("swift",),
        lines=FETCH_SWIFT,
        paths=("/usr/lib/swift*", "/usr/include"),
    ),
    "ts": Language(
        title="TypeScript",
        file="main.ts",
        rules=_both(
            Rules(builds=((*TSC, "--target", "esnext", "main.ts"),), run=("node", "main.js"), time_s=15),
            Rules(
                builds=((*TSC, "main.ts", "--target", "ES2015", "--lib", "ES2015,DOM"), (*TSC, "main.ts")),
                run=("node", "main.js"),
            ),
        ),
        mark=partial(append, _WRITE_JS),
        tools=("node", TSC[1]),
        packages=("nodejs",),
        fences=("typescript",),
        paths=("/usr/share/nodejs",),
        resident=Resident(
            source="compiler.js",
            command=("node", ARGUMENT, f"{ROOT}/package/lib/typescript.js"),
            instead_of=TSC,
        ),
    ),
}
"""By MultiPL-E's own short names."""

ABSENT = tuple(name for name, language in LANGUAGES.items() if not language.packages)
"""Those that Debian does not have."""
