"""Generation beside a bare vLLM, scoring beside generation alone, and the whole job beside evalplus's.

stream: `tests.performance.stream`, in a process of its own. scoring, scoring-plus: `harness run` of HumanEval and
HumanEval+ against the same without scoring and report (`tests.performance.unscored`), whole commands in turn.
job: `harness run -b humaneval-plus` against `evalplus.codegen --backend vllm --greedy` and `evalplus.evaluate` after
it, both on the same checkpoint folder, as many answer tokens at most (768). Verdicts are never taken from the cache;
caches of expected values and of compiled code are warm. With --limit, evalplus.evaluate gets the references for the
other problems. `python -m tests.performance.generation [--rounds N] [--limit N] [NAME...]`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.models.builtin import build_checkpoint
from harness.registry import lookup

from .measure import Cost, compare, cost_of
from .peers import references

MODEL = "smollm2-135m-instruct"
CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What was asked for."""

    rounds: int
    limit: int | None
    max_tokens: int
    sandbox: str
    scratch: Path

    @property
    def limited(self) -> list[str]:
        return ["--limit", str(self.limit)] if self.limit else []

    def run(self, model: str, benchmark: str, out: str, *more: str) -> list[str]:
        """The command `harness run`."""
        judging = ["--sandbox", self.sandbox, "--no-cache"]
        command = [sys.executable, "-m", "harness", "run", model, "-b", benchmark, "--out", out]
        return [*command, *judging, *self.limited, *more]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A command that leaves a run folder, and what that says of it."""

    wall_s: float
    stages_s: Mapping[str, float]
    programs_s: float
    """CPU seconds of the programs that were judged."""

    @property
    def loaded_s(self) -> float:
        """Wall time without loading, which differs from start to start."""
        return self.wall_s - self.stages_s["load"]


def stream(settings: Settings) -> None:
    """In a process of its own: vLLM changes the one that loads it."""
    own = ["--rounds", str(settings.rounds), "--max-tokens", str(settings.max_tokens)]
    command = [sys.executable, "-m", "tests.performance.stream", *own, *settings.limited]
    subprocess.run(command, check=True)


def scoring(settings: Settings, benchmark: str = "humaneval") -> None:
    """A run with scoring against generation alone."""
    tokens = ["--max-tokens", str(settings.max_tokens)]

    def scored(out: str) -> list[str]:
        return settings.run(MODEL, benchmark, out, *tokens)

    def unscored(out: str) -> list[str]:
        command = [sys.executable, "-m", "tests.performance.unscored", MODEL, benchmark, out]
        return [*command, *tokens, *settings.limited]

    pairs = [(timed(scored), timed(unscored)) for _ in range(settings.rounds)]
    for number, pair in enumerate(pairs):
        told = "   ".join(f"{side.wall_s:6.2f} s, {side.loaded_s:6.2f} s without loading" for side in pair)
        print(f"round {number + 1}   {told}")
    sides = list(zip(*pairs, strict=True))
    wall = [statistics.median(one.wall_s for one in side) for side in sides]
    loaded = [statistics.median(one.loaded_s for one in side) for side in sides]
    programs = statistics.median(one.programs_s for one in sides[0])
    print(
        f"{benchmark:<16} scored {wall[0]:7.2f} s wall {loaded[0]:7.2f} s without loading   generation alone "
        f"{wall[1]:7.2f} s wall {loaded[1]:7.2f} s without loading   ratio {wall[0] / wall[1]:6.4f} wall "
        f"{loaded[0] / loaded[1]:6.4f} without loading; {loaded[0] - loaded[1]:5.2f} s more, the programs' own "
        f"CPU time {programs:5.2f} s on {CORES} cores"
    )
    print(f"  scored            {stages(sides[0])}")
    print(f"  generation alone  {stages(sides[1])}", flush=True)


def timed(command: Callable[[str], list[str]]) -> Timed:
    """Run it into a folder of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "run"
        cost = cost_of(command(str(out)))
        (session,) = json.loads((out / "run.json").read_text(encoding="utf-8"))["sessions"]
        verdicts = (out / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()
    programs_s = sum(json.loads(line)["cpu_time_s"] for line in verdicts)
    return Timed(wall_s=cost.wall_s, stages_s=session["stages_s"], programs_s=programs_s)


def stages(side: tuple[Timed, ...]) -> str:
    """The median of each stage."""
    names = dict.fromkeys(name for one in side for name in one.stages_s)
    medians = {name: statistics.median(one.stages_s.get(name, 0.0) for one in side) for name in names}
    return ", ".join(f"{name} {seconds:.2f} s" for name, seconds in medians.items())


def job(settings: Settings) -> None:
    """From a checkpoint folder to HumanEval+ scores."""
    checkpoint = build_checkpoint(MODEL).path
    data = settings.scratch / "HumanEvalPlus.jsonl"
    packed = Path(os.environ["HARNESS_DATA_DIR"]) / "HumanEvalPlus.jsonl.gz"
    data.write_bytes(gzip.decompress(packed.read_bytes()))
    peer = Peer(checkpoint, data, settings)
    peer.warm()
    compare("humaneval-plus job", lambda: our_job(settings), peer.job, settings.rounds, warm=False)


def our_job(settings: Settings) -> Cost:
    """One command. The builtin's name brings its recipe; its weights are the folder's."""
    with tempfile.TemporaryDirectory() as scratch:
        return cost_of(settings.run(MODEL, "humaneval-plus", f"{scratch}/run"))


class Peer:
    """evalplus's two commands, as its documentation gives them."""

    def __init__(self, checkpoint: Path, data: Path, settings: Settings) -> None:
        self._checkpoint = checkpoint
        self._settings = settings
        self._environment = {
            "HUMANEVAL_OVERRIDE_PATH": str(data),
            "XDG_CACHE_HOME": str(settings.scratch / "cache"),
            "HF_HUB_OFFLINE": "1",
            "VLLM_NO_USAGE_STATS": "1",
            # The cache of keys and values that ours has; without it vLLM takes nearly all memory.
            "VLLM_CPU_KVCACHE_SPACE": "2",
        }

    def warm(self) -> None:
        """Fill its caches: compiled code, and expected values."""
        self._evaluate(references("humaneval-plus", self._settings.scratch, 1))
        with tempfile.TemporaryDirectory() as out:
            self._generate(out, 1)

    def job(self) -> Cost:
        """Both commands."""
        with tempfile.TemporaryDirectory() as out:
            generated = self._generate(out, self._settings.limit)
            (samples,) = (path for path in Path(out).rglob("*.jsonl") if not path.name.endswith(".raw.jsonl"))
            if self._settings.limit:
                complete(samples)
            evaluated = self._evaluate(samples)
        return Cost(wall_s=generated.wall_s + evaluated.wall_s, cpu_s=generated.cpu_s + evaluated.cpu_s)

    def _generate(self, out: str, limit: int | None) -> Cost:
        command = [sys.executable, "-m", "evalplus.codegen", "--model", str(self._checkpoint), "--greedy"]
        command += ["--dataset", "humaneval", "--backend", "vllm", "--root", out]
        return cost_of([*command, *(["--id_range", f"[0,{limit}]"] if limit else [])], self._environment)

    def _evaluate(self, samples: Path) -> Cost:
        command = [sys.executable, "-m", "evalplus.evaluate", "--dataset", "humaneval", "--samples", str(samples)]
        return cost_of([*command, "--parallel", str(CORES)], self._environment)


def complete(samples: Path) -> None:
    """Add the references of the problems that have no sample, without which nothing is evaluated."""
    there = {json.loads(line)["task_id"] for line in samples.read_text(encoding="utf-8").splitlines()}
    with samples.open("a", encoding="utf-8") as file:
        for problem in lookup("benchmarks", "humaneval-plus")().problems():
            if problem.task_id not in there:
                row: dict[str, Any] = {"task_id": problem.task_id, "solution": problem.prompt + problem.reference}
                file.write(json.dumps(row) + "\n")


PARTS: dict[str, Callable[[Settings], None]] = {
    "stream": stream,
    "scoring": scoring,
    "scoring-plus": lambda settings: scoring(settings, "humaneval-plus"),
    "job": job,
}


def main() -> None:
    """Print the figures of the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, help="only the first so many problems")
    parser.add_argument("--max-tokens", type=int, default=512, help="of an answer; not in the job")
    parser.add_argument("--sandbox", default="docker")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(PARTS):
        parser.error(f"no such part: {', '.join(unknown)} (there are {', '.join(PARTS)})")
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(
            rounds=asked.rounds,
            limit=asked.limit,
            max_tokens=asked.max_tokens,
            sandbox=asked.sandbox,
            scratch=Path(scratch),
        )
        for name in asked.names or PARTS:
            print(f"== {name}", flush=True)
            PARTS[name](settings)


if __name__ == "__main__":
    main()
