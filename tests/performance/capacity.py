"""`harness plan` beside what it predicts: small parts of two runs, the prediction from each, and the whole runs.

greedy: HumanEval, one sample; from its first 60 problems. sampled: HumanEval, four samples at 0.8; from its first 60,
too. Scoring is predicted from the programs' own time, and compared with judging the same samples again by one worker.
A few programs that run into their limit, each as long as hundreds of others, decide what that takes: it is said whether
the measured hours lie in the predicted interval, and what the prediction is where the whole run's long ones are known.
`python -m tests.performance.capacity [NAME...]`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.planning.capacity import LONG_S, forecast_capacity, read_figures
from harness.store import SAMPLES, VERDICTS, read_verdicts

from .cluster import run

MODEL = "smollm2-135m-instruct"
RUNS: Mapping[str, tuple[int, list[str]]] = {
    "greedy": (1, []),
    "sampled": (4, ["--n", "4", "--temperature", "0.8"]),
}
"""Samples, flags."""
LIMIT = 60
"""Problems of the part."""


def measure(name: str, scratch: Path, max_tokens: int) -> None:
    """The part, the prediction, the whole, and how far they are apart."""
    n, flags = RUNS[name]
    command = ["run", MODEL, "-b", "humaneval", "--sandbox", "process", "--no-cache", "--no-page"]
    command += ["--no-verify", "--max-tokens", str(max_tokens), "--batch-size", "32", *flags]
    small, whole = scratch / f"{name}-small", scratch / f"{name}-whole"
    run([*command, "--limit", str(LIMIT)], small)
    (part,) = forecast_capacity(MODEL, ["humaneval"], n=n, gpus=0, runs=[small]).parts
    found = run(command, whole)
    samples = whole / SAMPLES
    again = scratch / f"{name}-scored"
    judged = ["score", str(_solutions(samples)), "-b", "humaneval", "--sandbox", "process", "--no-cache"]
    # By one worker, so that no core waits beside the last program.
    scored = run([*judged, "--no-page", "--workers", "1"], again)
    scoring_hours = scored.stages_s["score"] / 3600
    (figures,) = read_figures(small)
    verdicts = read_verdicts(again).values()
    long = sum(verdict.cpu_time_s >= LONG_S for verdict in verdicts)
    known_s = figures.scoring.compute_mean_s(long / len(verdicts))
    measured = {
        "prompt tokens": (part.prompt_tokens, found.session["prompt_tokens"]),
        "answer tokens": (part.completion_tokens, found.session["completion_tokens"]),
        "engine hours": (part.engine_hours, found.stages_s["generate"] / 3600),
        "scoring core hours": (part.scoring_cpu_hours, scoring_hours),
        "long ones known": (part.samples * known_s / 3600, scoring_hours),
        "bytes on disk": (part.disk_bytes, sum((whole / file).stat().st_size for file in (SAMPLES, VERDICTS))),
    }
    for what, (predicted, real) in measured.items():
        error = 100 * (predicted / real - 1)
        print(f"{name:<8} {what:<19} predicted {predicted:14.5f}   measured {real:14.5f}   {error:+6.1f} %", flush=True)
    low, high = part.scoring_cpu_hours_interval
    print(
        f"{name:<8} long programs: {part.long_share:.1%} of the part's, {long} of {len(verdicts)} of all; "
        f"scoring predicted between {low:.5f} and {high:.5f}, "
        f"{'as it was' if low <= scoring_hours <= high else 'which it was NOT'}",
        flush=True,
    )


def _solutions(samples: Path) -> Path:
    """A run's code as a samples file."""
    rows: list[dict[str, Any]] = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    file = samples.with_name("code.jsonl")
    text = "".join(json.dumps({"task_id": row["task_id"], row["form"]: row["code"]}) + "\n" for row in rows)
    file.write_text(text, encoding="utf-8")
    return file


def main() -> None:
    """Measure what is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(RUNS))
    parser.add_argument("--max-tokens", type=int, default=128)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="capacity-") as scratch:
        for name in asked.names:
            measure(name, Path(scratch), asked.max_tokens)


if __name__ == "__main__":
    main()
