"""A run on Ray nodes beside the same run without Ray, and what more nodes, replicas and samples change.

scoring: `harness score` of 16,400 HumanEval samples on one core: plain, on a one-core node, on two one-core nodes. The
first node carries the cluster's head and the driver as well, so that each side has exactly its cores (taskset).
generation: `harness run` of a checkpoint on one and on two one-core CPU replicas; the greedy answers must be equal.
memory: the driver's peak at 10,000, 50,000 and 100,000 replayed samples, beside the plain pipeline's.
Verdicts are never taken from the cache. Wants two cores. `python -m tests.performance.cluster [NAME...]`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.benchmarks.humaneval import HumanEval
from tests.cluster.nodes import LocalCluster
from tests.commands import COMMAND, read_rows, write_rows

FIRST, SECOND = (["taskset", "-c", str(core)] for core in sorted(os.sched_getaffinity(0))[:2])
QUIET = ("--sandbox", "process", "--no-cache", "--no-page")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A command that ended: what it took, and what it said of itself."""

    wall_s: float
    peak_memory_bytes: int
    session: dict[str, Any]

    @property
    def stages_s(self) -> dict[str, float]:
        found: dict[str, float] = self.session["stages_s"]
        return found


def run(arguments: Sequence[str], out: Path, prefix: Sequence[str] = ()) -> Run:
    """`harness ARGUMENTS`, with its own peak of memory, workers not counted (getrusage)."""
    begun = time.monotonic()
    process = subprocess.Popen(
        [*prefix, *COMMAND, *arguments, "--out", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    errors = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)} exited with {process.returncode}: {errors[-1500:]}")
    session = json.loads((out / "run.json").read_text(encoding="utf-8"))["sessions"][-1]
    return Run(wall_s=wall_s, peak_memory_bytes=usage.ru_maxrss << 10, session=session)


@contextmanager
def nodes(count: int) -> Iterator[LocalCluster]:
    """A cluster of one or two one-core nodes, the first with the head."""
    with LocalCluster(cpus=1, prefix=FIRST) as cluster:
        if count == 2:
            cluster.add("second", cpus=1, prefix=SECOND)
        yield cluster


def samples(path: Path, each: int) -> Path:
    """`each` samples of every problem, a third of them wrong."""
    rows = []
    for problem in HumanEval().problems():
        for number in range(each):
            body = "    return 'wrong'\n" if number % 3 == 0 else problem.reference
            rows.append({"task_id": problem.task_id, "completion": f"{body}# {number}\n"})
    return write_rows(path, rows)


def scoring(scratch: Path, each: int, sides: Sequence[str]) -> None:
    """Plain, one node, two nodes; the verdicts of all must be equal."""
    file = samples(scratch / "samples.jsonl", each)
    command = ["score", str(file), "-b", "humaneval", *QUIET]
    taken: dict[str, Run] = {}
    verdicts = []
    for side in sides:
        out = scratch / side.replace(" ", "-")
        if side == "plain":
            taken[side] = run([*command, "--workers", "1"], out, FIRST)
        else:
            with nodes(2 if side == "two nodes" else 1) as cluster:
                taken[side] = run([*command, "--cluster", cluster.address], out, FIRST)
        found = taken[side]
        rate = 164 * each / found.stages_s["score"]
        print(
            f"{side:<10} {164 * each} trials: {found.wall_s:7.2f} s the whole command, "
            f"{found.stages_s['score']:7.2f} s scoring, {rate:6.1f} verdicts/s",
            flush=True,
        )
        verdicts.append({(row["task_id"], row["index"]): row["status"] for row in read_rows(out / "verdicts.jsonl")})
    print(f"verdicts equal: {all(one == verdicts[0] for one in verdicts)} ({len(verdicts[0])} on each side)")
    if "plain" in taken and "one node" in taken:
        _ratio("overhead of one node over plain", taken["one node"], taken["plain"])
    if "two nodes" in taken and "one node" in taken:
        _ratio("speed-up of two nodes over one", taken["one node"], taken["two nodes"])


def _ratio(what: str, above: Run, below: Run) -> None:
    scored = above.stages_s["score"] / below.stages_s["score"]
    print(f"{what}: {above.wall_s / below.wall_s:5.3f} the whole command, {scored:5.3f} scoring", flush=True)


def generation(scratch: Path, limit: int, max_tokens: int) -> None:
    """One replica, two replicas; one core each, scoring left to what they leave."""
    command = ["run", "smollm2-135m-instruct", "-b", "humaneval", "--limit", str(limit), "--no-verify", *QUIET]
    command += ["--max-tokens", str(max_tokens), "--backend", "vllm", "--dtype", "float32"]
    texts, rates = [], []
    for count in (1, 2):
        out = scratch / f"replicas-{count}"
        with nodes(count) as cluster:
            found = run([*command, "--cluster", cluster.address, "--replicas", str(count)], out)
        session = found.session
        rates.append(session["tokens_per_s"])
        texts.append({row["task_id"]: row["raw"] for row in read_rows(out / "samples.jsonl")})
        print(
            f"{count} replica{'s' * (count > 1)}: {session['generated']} completions, "
            f"{session['completion_tokens']} tokens in {found.stages_s['generate']:.1f} s, "
            f"{session['tokens_per_s']:.1f} tokens/s",
            flush=True,
        )
    same = sum(texts[0][task_id] == text for task_id, text in texts[1].items())
    print(f"equal greedy completions: {same} of {len(texts[0])}; tokens/s of two over one: {rates[1] / rates[0]:.2f}")


def memory(scratch: Path, counts: Sequence[int]) -> None:
    """The driver's peak, replaying; every program is a trivial one, so that it is the driver that is looked at."""
    for count in counts:
        file = scratch / f"{count}.jsonl"
        problems = HumanEval().problems()[:50]
        each = count // len(problems)
        write_rows(
            file,
            (
                {"task_id": problem.task_id, "completion": f"    return {number}\n"}
                for problem in problems
                for number in range(each)
            ),
        )
        command = ["run", f"replay:{file}", "-b", "humaneval", "--limit", "50", "--n", str(each), "--no-verify", *QUIET]
        plain = run([*command, "--workers", "2"], scratch / f"plain-{count}")
        with LocalCluster(cpus=2) as cluster:
            found = run([*command, "--cluster", cluster.address], scratch / f"cluster-{count}")
        print(
            f"{count:>7} samples: driver's peak {found.peak_memory_bytes / (1 << 20):6.0f} MiB on the cluster, "
            f"{plain.peak_memory_bytes / (1 << 20):6.0f} MiB plain; {found.wall_s:6.1f} s and {plain.wall_s:6.1f} s",
            flush=True,
        )


def main() -> None:
    """Measure what is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["scoring", "generation", "memory"])
    parser.add_argument("--each", type=int, default=100, help="scoring: samples of each problem")
    parser.add_argument("--sides", default="plain,one node,two nodes", help="scoring: which")
    parser.add_argument("--limit", type=int, default=64, help="generation: problems")
    parser.add_argument("--max-tokens", type=int, default=128, help="generation: of an answer")
    parser.add_argument("--counts", default="10000,50000,100000", help="memory: samples")
    asked = parser.parse_args()
    print(f"Python {sys.version.split()[0]}, cores {sorted(os.sched_getaffinity(0))}", flush=True)
    with tempfile.TemporaryDirectory(prefix="cluster-") as scratch:
        if "scoring" in asked.names:
            scoring(Path(scratch), asked.each, asked.sides.split(","))
        if "generation" in asked.names:
            generation(Path(scratch), asked.limit, asked.max_tokens)
        if "memory" in asked.names:
            memory(Path(scratch), [int(count) for count in asked.counts.split(",")])


if __name__ == "__main__":
    main()
