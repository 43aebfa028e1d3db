"""MultiPL-E: HumanEval's problems in eighteen other languages, judged as its authors do or as DeepSeek-Coder does.

Paper: Cassano et al. 2022, arXiv 2208.08227. Data: github.com/nuprl/MultiPL-E, in the version that StarCoder and
DeepSeek-Coder published with (older than its v3), as carried by github.com/deepseek-ai/DeepSeek-Coder. Its licence
forbids use as training data. The program is prompt + completion + newline + tests.

`multipl-e-cpp` is judged by MultiPL-E's own rules, `multipl-e-cpp@rule-set=deepseek` by those that DeepSeek-Coder and
Qwen2.5-Coder published with. Their scores are two metrics.
Limits: problems whose types do not translate are absent, so that languages have 154 to 161 problems; the tests come
from HumanEval's few; there are no reference solutions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..data import DataFile, read_rows
from ..errors import UsageError
from ..recipes import WIZARDCODER, Extraction, Recipe
from ..registry import format_variant
from ..sandboxes.languages import LANGUAGES, RULE_SETS
from ..types import BenchmarkFacts, CodeForm, Commands, Limits, Problem, Program, Status
from .multipl_e_canaries import LATER, list_canaries

NAME = "multipl-e"
OPTION = "rule-set"
ENVIRONMENT = "languages"
MEMORY_BYTES = 3 << 30

DATA: Mapping[str, tuple[int, str, tuple[str, ...]]] = {
    "cpp": (161, "3ecc4a8472fda352c99ee2a5b9f95f63e0f46e64325935e3d7c6206728da984b", ("\n}",)),
    "cs": (158, "1ddeb9245262746dcff77bb9fcde758a02ee965419e023f8b6b80687aeb867e5", ("\n    }\n",)),
    "d": (
        156,
        "cf444087db8651326b80f70391724e0ae741c3058a9f67df2399bcf52e28cab1",
        ("\n\n", "\nvoid", "\nbool", "\nint"),
    ),
    "go": (154, "c627a72c350d0c4f325debab9bd5d04699fc04ddb32ac2bdc716070b3c533e97", ("\nfunc", "struct", "\n// ")),
    "java": (158, "adb644b0b928fd9451a1270b90be84fa02c0e729398476cd600a4d0f72bb4b9f", ("\n    }\n",)),
    "jl": (159, "0d145b73d84cd837389c3d13313c301ae64d2beab6f79c110d73a23acf33a70c", ("\nfunction", "\nmacro", "\n\n")),
    "js": (
        161,
        "661b3073a1edce97b76795db80bba4e4297e38e5bfcfdf8f33587a7842a9b5c0",
        ("\nfunction ", "\n/*", "\n//", "\nconsole.log"),
    ),
    "lua": (
        161,
        "358651c56b922e7b6799300906f235a3f775cc12360d766cb5b03b47573a8e7a",
        ("\nlocal", "\nfunction", "\n--", "\n\n"),
    ),
    "php": (
        161,
        "2995d49b77dae5550676a90ef4b259eb2365f60a7e80c1beffb0a06a024d717f",
        ("\nfunction", "\n?>", "\n//", "\n#"),
    ),
    "pl": (161, "e5a74da7a90aae92b7eabe09591f93640271554c6fc253385231a662a9900e1b", ("\nsub", "\n#", "\n\n")),
    "r": (161, "55f2d708807ae84f616b5b91e90068ac64696c97cda862baeb5ba673f3b2c6b3", ("\n#", "\n```")),
    "rb": (
        161,
        "9504cbdff1c796df0c6bdead42f2e7c5c874edf9b11b117e5be1957b5aa586ab",
        ("\nclass", "\ndef", "\n#", "\n\n"),
    ),
    "rkt": (
        161,
        "fe54e6eeaeea60f09c54ccc29bd319a76792f3f8d3eefac7fbd65875003229a5",
        ("\n(define ", "\n#|", "\n;", "\n("),
    ),
    "rs": (156, "5941215d3a453fff68ffd4de2971826a6e282783df043d79393594022651eca3", ("\n}",)),
    "scala": (160, "7fb2e9c38ea23280ed16cdec153b95a9865473c2bcad40c809d9139a008f337a", ("\n    }\n",)),
    "sh": (158, "2351d333350efcf76dd5a52974b6e609dd2fa33c00ed4537c4e2d86366d4bb95", ("\n}",)),
    "swift": (158, "ad1a68ac2cfaf057156f43acc1fbb1554d8043434812f2dda23afc6e59363881", ("\n}",)),
    "ts": (
        159,
        "f0e489209c59d3756b48cabd82b5fcc231094a81b1aac89f2633ba24133efe1f",
        ("\nfunction ", "\n/*", "\n//", "\nclass"),
    ),
}
"""By language: number of problems, digest of the parsed rows, and the stop tokens that all of its rows have."""
PUBLISHED_AS = {"rs": "rust"}
"""Names of data files that are not the language's."""


class MultiPLE:
    """MultiPL-E in one language; `data` is an explicit path of the data file, `options` may have a "rule-set".

    Raises:
        UsageError: the language has no such rule set.
    """

    name: str
    language: str
    options: Mapping[str, str]
    file: DataFile
    recipes: Mapping[str, Recipe]
    environment = ENVIRONMENT
    hub_dataset = "nuprl/MultiPL-E"

    def __init__(self, data: Path | None = None, options: Mapping[str, str] | None = None) -> None:
        self._data = data
        known = list_rule_sets(self.language)
        self.rules = (options or {}).get(OPTION, RULE_SETS[0])
        if self.rules not in known:
            raise UsageError(
                f'benchmark "{self.name}" has no rule set "{self.rules}"; choose one of {", ".join(known)}'
            )
        self.name = format_variant(self.name, {OPTION: "" if self.rules == RULE_SETS[0] else self.rules})

    def problems(self) -> Sequence[Problem]:
        """Return all problems of the language in the file's order."""
        return [
            Problem(
                task_id=row["name"],
                prompt=row["prompt"],
                entry_point="_".join(row["name"].split("_")[2:]),
                reference="",
                tests=row["tests"],
            )
            for row in read_rows(self.file, self._data)
        ]

    def instruction(self, problem: Problem) -> str:
        """Return the prompt itself; its comment is the task."""
        return problem.prompt

    def judge(self, problem: Problem) -> Commands:
        """Return the tests, which close the function where the language needs it."""
        return Commands(language=self.language, rules=self.rules, tests=problem.tests)

    def program(self, problem: Problem, code: str, form: CodeForm) -> Program:
        """Return prompt + completion, the code in place of the prompt, or the whole program as it ran elsewhere."""
        return Program(
            source=problem.prompt + code if form is CodeForm.COMPLETION else code,
            environment=self.environment,
            group=self.language,
            limits=self._limits,
            has_tests=form is CodeForm.PROGRAM,
        )

    def canaries(self) -> Mapping[Status, tuple[Problem, str]]:
        """Implement `HasCanaries`."""
        first = self.problems()[LATER.get(self.language, 0)]
        bodies = list_canaries(self.language)
        return {status: (first, f"{first.prompt}\n{body}\n") for status, body in bodies.items()}

    @property
    def _limits(self) -> Limits:
        time_s = LANGUAGES[self.language].rules[self.rules].time_s
        return Limits(cpu_time_s=time_s, wall_time_s=3 * time_s, memory_bytes=MEMORY_BYTES)


def list_rule_sets(language: str) -> list[str]:
    """Return MultiPL-E's rule sets that a language has."""
    return [name for name in RULE_SETS if name in LANGUAGES[language].rules]


def _make_recipes(language: str, stops: tuple[str, ...]) -> Mapping[str, Recipe]:
    """Return the recipes of one language."""
    title = LANGUAGES[language].title
    completion = Recipe(
        name=f"multipl-e-{language}",
        description=f"the bare prompt of {title} without white space around it; stops at the rows' stop tokens",
        kind="text",
        template="{prompt}",
        strip_problem=True,
        stop=stops,
        max_tokens=512,
        extraction=Extraction(name=f"multipl-e-{language}", style="verbatim", cut_at=stops),
    )
    block = Extraction(
        name=f"stub-{language}",
        style="stub",
        form=CodeForm.SOLUTION,
        tags=(language, *LANGUAGES[language].fences),
        drop_carriage_returns=True,
    )
    fence = (*LANGUAGES[language].fences, language)[0]
    chat = Recipe(
        name=f"chat-{language}",
        description=f"one user message that asks for the whole {title} function, which takes the stub's place",
        kind="chat",
        template=(
            f"Complete the following {title} function. Answer with the complete function in one markdown code block."
            f"\n\n```{fence}\n{{prompt}}\n```"
        ),
        strip_problem=True,
        max_tokens=768,
        extraction=block,
    )
    wizardcoder = replace(
        WIZARDCODER,
        name=f"wizardcoder-{language}",
        description=f"WizardCoder's format with {title} in place of Python; ours, the authors' own is not published",
        template=WIZARDCODER.template.replace("Python", title),
        extraction=block,
    )
    return {"completion": completion, "chat": chat, "wizardcoder": wizardcoder}


def _make(language: str) -> type[MultiPLE]:
    """Return the benchmark of one language."""
    size, digest, stops = DATA[language]
    title = LANGUAGES[language].title
    path = f"humaneval-{PUBLISHED_AS.get(language, language)}.jsonl"
    fields = {
        "__doc__": f"MultiPL-E in {title}.",
        "name": f"{NAME}-{language}",
        "facts": BenchmarkFacts(
            problems=str(size),
            judge="Commands",
            trust="in-process",
            licence="BSD with a clause against use as training data",
            published="pass@1 at 0.2 by language; the rule set decides which figures are met",
        ),
        "language": language,
        "options": {OPTION: f"{' or '.join(list_rule_sets(language))} (default: {RULE_SETS[0]})"},
        "recipes": _make_recipes(language, stops),
        "file": DataFile(
            name=f"multipl-e/humaneval-{language}.jsonl.gz",
            sha256=digest,
            digest_of="rows",
            origin="github.com/nuprl/MultiPL-E, as carried by github.com/deepseek-ai/DeepSeek-Coder",
            url=f"https://raw.githubusercontent.com/deepseek-ai/DeepSeek-Coder/main/Evaluation/HumanEval/data/{path}",
        ),
    }
    return type(f"MultiPLE_{language}", (MultiPLE,), fields)


# the registry names each of these classes
globals().update({f"MultiPLE_{language}": _make(language) for language in DATA})
