"""A greedy run that only generates: loads, asks, takes the code out and keeps it, as `harness run` does, and no more.

`python -m tests.performance.unscored MODEL BENCHMARK FOLDER [--limit N] [--max-tokens N]`.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path

from harness.config import RunConfig
from harness.evaluation.generation import Engine, Source
from harness.evaluation.pipeline import prepare_suites
from harness.evaluation.plans import build_identity
from harness.evaluation.session import Session
from harness.progress import Quiet
from harness.store import RunFolder


def main() -> None:
    """Fill the folder with samples; run.json has the time per stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("benchmark")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--max-tokens", type=int)
    asked = parser.parse_args()
    config = RunConfig(model=asked.model, benchmarks=(asked.benchmark,), limit=asked.limit, max_tokens=asked.max_tokens)
    suites = prepare_suites(config)
    with ExitStack() as stack:
        source = Source(Engine(config, suites, stack), asked.folder, Quiet())
        source.open()
        opened = RunFolder(asked.folder, build_identity(config, suites, "none"))
        with opened as folder, Session(folder, Quiet(), [], source.clock) as session:
            source.load(folder)
            for sample in source.generate_samples(session, suites[0], suites[0].find_missing(folder.samples, config)):
                folder.append_sample(sample)


if __name__ == "__main__":
    main()
