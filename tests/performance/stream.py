"""Our stream beside a bare loop of vLLM's: one process, one engine, the same prompts, seeds and settings, in turn.

Bare is `vllm.LLM.generate` on token ids that are ready, n samples a request; seedless is the same without seeds, as a
peer's user asks, where vLLM need not keep a generator for each sample. Ours builds and renders the prompts, streams,
takes the code out and keeps every sample in a run folder. The prefix cache is emptied before each.
`python -m tests.performance.stream [--limit N] [--rounds N] [--n N] [--top-p P]`.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.config import RunConfig
from harness.evaluation.generation import Engine, Source
from harness.evaluation.pipeline import prepare_suites
from harness.progress import Quiet
from harness.store import RunFolder
from harness.tasks.suite import Suite, derive_seed
from harness.types import SamplingParams

Texts = dict[tuple[str, int], str]
"""By task id and index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One way's answers."""

    seconds: float
    tokens: int
    texts: Texts


class Side:
    """The ways of asking the one engine."""

    def __init__(self, config: RunConfig, suite: Suite, source: Source) -> None:
        self._config = config
        self._suite = suite
        self._params = suite.build_params(config)
        self._model: Any = source.open()
        self._llm = bare_llm(self._model._engine)

    def ours(self) -> Round:
        """As `harness run` generates."""
        self._llm.reset_prefix_cache()
        with tempfile.TemporaryDirectory() as out:
            start = time.monotonic()
            with RunFolder(Path(out) / "run", {"kind": "measurement"}) as folder:
                requests = self._suite.find_missing((), self._config)
                for generated in self._model.generate(requests, self._params):
                    folder.append_sample(self._suite.build_sample(generated))
                seconds = time.monotonic() - start
                samples = list(folder.samples.values())
        tokens = sum(sample.completion.completion_tokens or 0 for sample in samples)
        texts = {(sample.task_id, sample.index): sample.completion.text for sample in samples}
        return Round(seconds=seconds, tokens=tokens, texts=texts)

    def seedless(self) -> Round:
        """As vLLM's own front door does for who gives no seeds."""
        return self.bare(seeded=False)

    def bare(self, *, seeded: bool = True) -> Round:
        """As vLLM's own front door does."""
        self._llm.reset_prefix_cache()
        problems = self._suite.problems
        prompts = [
            {"prompt_token_ids": list(self._model.render(self._suite.build_prompt(one)).token_ids)}
            for one in problems.values()
        ]
        wanted = [
            vllm_params(self._params, derive_seed(self._config.seed, self._suite.name, task_id) if seeded else None)
            for task_id in problems
        ]
        start = time.monotonic()
        outputs = self._llm.generate(prompts, wanted, use_tqdm=False)
        seconds = time.monotonic() - start
        answers = {
            (task_id, answer.index): answer
            for task_id, output in zip(problems, outputs, strict=True)
            for answer in output.outputs
        }
        return Round(
            seconds=seconds,
            tokens=sum(len(answer.token_ids) for answer in answers.values()),
            texts={key: answer.text for key, answer in answers.items()},
        )


def bare_llm(engine: Any) -> Any:
    """`vllm.LLM` around an engine that runs already: its constructor can only start another one."""
    from vllm import LLM
    from vllm.utils.counter import Counter

    class Bare(LLM):
        def __init__(self) -> None:
            self.llm_engine = engine
            self.model_config = engine.model_config
            self.request_counter = Counter()
            self.default_sampling_params = None
            self.supported_tasks = engine.get_supported_tasks()
            self.runner_type = engine.model_config.runner_type
            self.renderer = engine.renderer
            self.input_processor = engine.input_processor

    return Bare()


def vllm_params(params: SamplingParams, seed: int | None) -> Any:
    """The same sampling in vLLM's words; it gives sample i the seed `seed + i`, as ours does."""
    from vllm import SamplingParams as VllmParams

    return VllmParams(
        n=params.n,
        temperature=params.temperature,
        top_p=params.top_p,
        max_tokens=params.max_tokens,
        stop=list(params.stop),
        seed=seed,
    )


def measure(side: Side, rounds: int) -> None:
    """All in turn, once unmeasured; the medians and their ratios."""
    ways: dict[str, Callable[[], Round]] = {"ours": side.ours, "bare": side.bare, "seedless": side.seedless}
    warm = {name: way() for name, way in ways.items()}
    same = sum(text == warm["bare"].texts[key] for key, text in warm["ours"].texts.items())
    print(f"answers with the same text on both sides: {same} of {len(warm['ours'].texts)}", flush=True)
    taken: dict[str, list[Round]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            taken[name].append(way())
        last = {name: found[-1] for name, found in taken.items()}
        told = "   ".join(f"{name} {one.seconds:7.2f} s {one.tokens:>7} tokens" for name, one in last.items())
        print(f"round {number + 1}   {told}", flush=True)
    seconds = {name: statistics.median(one.seconds for one in found) for name, found in taken.items()}
    rate = {name: statistics.median(one.tokens / one.seconds for one in found) for name, found in taken.items()}
    for name in ("bare", "seedless"):
        print(
            f"stream over {name:<8} ours {seconds['ours']:7.2f} s {rate['ours']:6.0f} tokens/s   "
            f"{name} {seconds[name]:7.2f} s {rate[name]:6.0f} tokens/s   "
            f"ratio {seconds['ours'] / seconds[name]:6.4f} wall {rate[name] / rate['ours']:6.4f} by token",
            flush=True,
        )


def main() -> None:
    """Load once and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--limit", type=int, help="problems")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--max-tokens", type=int, default=512)
    parser.add_argument("--n", type=int, default=4, help="samples of each problem")
    parser.add_argument("--top-p", type=float, default=1.0)
    asked = parser.parse_args()
    config = RunConfig(
        model=asked.model,
        benchmarks=("humaneval",),
        backend="vllm",
        n=asked.n,
        temperature=0.8,
        top_p=asked.top_p,
        limit=asked.limit,
        max_tokens=asked.max_tokens,
    )
    suites = prepare_suites(config)
    with ExitStack() as stack, tempfile.TemporaryDirectory() as scratch:
        engine = Engine(config, suites, stack)
        source = Source(engine, Path(scratch), Quiet())
        engine.load(Path(scratch) / "engine.log")
        measure(Side(config, suites[0], source), asked.rounds)
        stack.close()


if __name__ == "__main__":
    main()
