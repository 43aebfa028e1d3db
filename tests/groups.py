"""Which tests run one after another in one process where several processes share the suite, and what begins first.

A group's tests run in one process, in order. A file is a group, so that its costly fixtures are made once. Wider and
narrower groups are named here, and the long ones, which begin first, so that none is left to run alone at the end.
pytest-xdist's own mark for groups is not used: 3.8 writes it into node ids, which pytest 9.2 no longer lets it.
"""

from __future__ import annotations

import os

ENGINES = (
    "tests/cluster/",
    "tests/models/test_vllm",
    "tests/models/test_backends_agree.py",
    "tests/finetune/test_merge.py",
    "tests/evolve/test_checkpoint.py",
    "tests/compare/test_gate_checkpoint.py",
)
"""One vLLM engine at a time: each takes its share of all memory. Ray's nodes ask for ports that are free beforehand."""

JUDGED = (
    "tests/benchmarks/test_ds1000.py",
    "tests/benchmarks/test_function_benchmarks.py",
    "tests/sandboxes/test_trust.py",
)
"""Files whose tests look at the same verdicts."""

APART = (
    "tests/test_conformance.py",
    "tests/checks/test_verify.py",
)
"""Files whose tests share nothing that costs much: each test is a group."""

LONG = (
    "engines",
    "judged",
    "tests/test_docs.py",
    "tests/loop/test_whole.py",
    "tests/test_conformance.py",
    "tests/sandboxes/test_attacks.py",
    "tests/test_faults.py",
    "tests/models/test_transformers.py",
    "tests/checks/test_verify.py",
    "tests/cli/test_main.py",
    "tests/finetune/",
    "tests/service/",
    "tests/models/test_builtin.py",
    "tests/evolve/",
    "tests/sandboxes/",
    "tests/test_killed_sampling.py",
    "tests/report/",
    "tests/view/",
)
"""The beginnings of the longest groups' names, the longest first."""

MOST_WORKERS = 8


def workers() -> int:
    """As many as there are processors to use, up to a number: most tests keep several busy, and memory is shared."""
    return min(len(os.sched_getaffinity(0)), MOST_WORKERS)


def group_of(node_id: str) -> str:
    """The group of a test."""
    if node_id.startswith(ENGINES):
        return "engines"
    if node_id.startswith(JUDGED):
        return "judged"
    if node_id.startswith(APART):
        return node_id
    return node_id.partition("::")[0]


def rank_of(group: str) -> int:
    """When a group begins: its place among the long ones, or after all of them."""
    return next((at for at, beginning in enumerate(LONG) if group.startswith(beginning)), len(LONG))
