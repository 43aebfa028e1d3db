"""Find rows that repeat a benchmark's problem in text or in code, in three layers; `execution` is the fourth.

substring    the words of a problem's text or solution, one after the other, case and punctuation aside
n-grams      the share of a text's runs of 13 words (Brown et al. 2020) that the row has as well
similarity   MinHash over the structure of functions: names, layout, comments and annotations do not count

A paraphrase of a task, or a solution with another control flow, is not found by texts; that is what
running the code is for. Texts of fewer than `LEAST_WORDS` words and functions of fewer than `LEAST_NODES` nodes are
left out, for they say too little.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..extraction.syntax import parse_shallow
from ..tasks.suite import Suite
from ..types import Benchmark, Problem
from .blocks import parse_blocks
from .records import InstructionRow
from .similarity import MinHashIndex, Shingles, hash_shingles
from .structure import list_nodes

GRAM = 13
SHARE = 0.5
SIMILAR = 0.8
LEAST_WORDS = 8
LEAST_NODES = 20
SHINGLE = 4
BASE = np.uint64(0x9E3779B97F4A7C15)

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContaminationThresholds:
    """Thresholds from which a likeness counts; None disables the layer."""

    ngram_share: float = SHARE
    similarity: float | None = SIMILAR


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One row that repeats one problem."""

    row_id: str
    layer: str
    """substring, n-grams, similarity or execution."""
    benchmark: str
    task_id: str
    likeness: float = 1.0

    @property
    def problem(self) -> str:
        """Return the problem's benchmark and task id, separated by a space."""
        return f"{self.benchmark} {self.task_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedText:
    """One text of a problem: its words, and the hashes of its runs of words."""

    problem: tuple[str, str]
    words: str
    grams: frozenset[int]


class TextIndex:
    """The texts and solutions of benchmarks; `find_hits` compares rows with them.

    Raises:
        UsageError: datasketch is not installed, and similarity is asked for.
    """

    def __init__(self, suites: Iterable[Suite], thresholds: ContaminationThresholds | None = None) -> None:
        self._thresholds = thresholds or ContaminationThresholds()
        self._words = Vocabulary()
        self._texts: list[ComparedText] = []
        self._starts: dict[int, list[int]] = {}
        self._grams: dict[int, list[int]] = {}
        self._owners: dict[Hashable, tuple[str, str]] = {}
        similarity = self._thresholds.similarity
        self._functions = MinHashIndex(similarity) if similarity is not None else None
        for suite in suites:
            for problem in suite.problems.values():
                self._add(suite.benchmark, problem)
        self._known_starts = _sort_hashes(self._starts)
        self._known_grams = _sort_hashes(self._grams)

    def find_hits(self, row: InstructionRow) -> list[Hit]:
        """Return what the row repeats, at most one hit for each layer and problem."""
        hits = {(hit.layer, hit.problem): hit for hit in self._match_words(row)}
        hits |= {(hit.layer, hit.problem): hit for hit in self._match_structure(row)}
        return list(hits.values())

    def _add(self, benchmark: Benchmark, problem: Problem) -> None:
        name = (benchmark.name, problem.task_id)
        for text in dict.fromkeys(list_texts(benchmark, problem)):
            words, ids = self._words.encode(text)
            if len(ids) < LEAST_WORDS:
                continue
            number = len(self._texts)
            grams = frozenset(map(int, hash_runs(ids, GRAM)))
            self._texts.append(ComparedText(problem=name, words=words, grams=grams))
            self._starts.setdefault(int(hash_runs(ids[:LEAST_WORDS], LEAST_WORDS)[0]), []).append(number)
            for gram in grams:
                self._grams.setdefault(gram, []).append(number)
        if self._functions is not None:
            for number, tree in enumerate(list_solution_trees(problem)):
                key = f"{benchmark.name} {problem.task_id} {number}"
                self._owners[key] = name
                self._functions.add(key, hash_structure(tree))

    def _match_words(self, row: InstructionRow) -> Iterator[Hit]:
        words, ids = self._words.encode(f"{row.whole}\n{row.output}")
        for start in _intersect_hashes(hash_runs(ids, LEAST_WORDS), self._known_starts):
            for text in (self._texts[number] for number in self._starts[start]):
                if text.words in words:
                    yield _build_hit(row, "substring", text.problem)
        shared: Counter[int] = Counter()
        for gram in _intersect_hashes(hash_runs(ids, GRAM), self._known_grams):
            shared.update(self._grams[gram])
        for number, count in shared.items():
            text = self._texts[number]
            if (share := count / len(text.grams)) >= self._thresholds.ngram_share:
                yield _build_hit(row, "n-grams", text.problem, share)

    def _match_structure(self, row: InstructionRow) -> Iterator[Hit]:
        if self._functions is None:
            return
        for tree in parse_blocks(row.output):
            for part in list_functions(tree):
                if found := self._functions.find_nearest(hash_structure(part)):
                    key, likeness = found
                    yield _build_hit(row, "similarity", self._owners[key], likeness)


class Vocabulary:
    """Texts as words in lower case and as numbers, the same number for the same word."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def encode(self, text: str) -> tuple[str, Hashes]:
        """Return the words, with one space between and around them, and their numbers."""
        words = re.findall(r"[^\W_]+", text.lower())
        ids = self._ids
        numbers = [ids.setdefault(word, len(ids) + 1) for word in words]
        return f" {' '.join(words)} ", np.array(numbers, dtype=np.uint64)


def hash_runs(ids: Hashes, size: int) -> Hashes:
    """Return a 64-bit hash of every run of `size` words; none if there are fewer words."""
    count = len(ids) - size + 1
    if count < 1:
        return np.empty(0, dtype=np.uint64)
    total = np.zeros(count, dtype=np.uint64)
    for offset in range(size):
        total = total * BASE + (ids[offset : offset + count] + np.uint64(1)) * np.uint64(0xD6E8FEB86659FD93)
        total ^= total >> np.uint64(32)
    return total


def list_texts(benchmark: Benchmark, problem: Problem) -> Iterator[str]:
    """Yield the texts of a problem that a row may repeat: prompt, instruction, task in words, solution."""
    yield problem.prompt
    yield benchmark.instruction(problem)
    for tree in filter(None, [parse_shallow(problem.prompt), parse_shallow(f"{problem.prompt}\n    pass\n")]):
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and (docstring := ast.get_docstring(node)):
                yield re.split(r">>>|\n\s*assert\b|\n\s*Examples?\b|\n\s*For example", docstring)[0]
    yield problem.reference


def list_solution_trees(problem: Problem) -> list[ast.AST]:
    """Return the solution's functions that are large enough, or the whole solution if it has none."""
    tree = parse_shallow(problem.prompt + problem.reference) or parse_shallow(problem.reference)
    return [] if tree is None else list(list_functions(tree))


def list_functions(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield a module's functions, methods included, or the module if it has none, if they are large enough."""
    functions: list[ast.AST] = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    for part in functions or [tree]:
        if len(list_nodes(part)) >= LEAST_NODES:
            yield part


def hash_structure(tree: ast.AST) -> Shingles:
    """Return the hashes of a tree's runs of nodes."""
    return hash_shingles(list_nodes(tree), SHINGLE)


def _build_hit(row: InstructionRow, layer: str, problem: tuple[str, str], likeness: float = 1.0) -> Hit:
    return Hit(row_id=row.id, layer=layer, benchmark=problem[0], task_id=problem[1], likeness=likeness)


def _sort_hashes(known: Iterable[int]) -> Hashes:
    return np.sort(np.fromiter(known, dtype=np.uint64))


def _intersect_hashes(hashes: Hashes, known: Hashes) -> Sequence[int]:
    """Return the distinct hashes of `found` that are in `known`, which is sorted."""
    if not len(hashes) or not len(known):
        return ()
    places = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    common: list[int] = np.unique(hashes[known[places] == hashes]).tolist()
    return common
