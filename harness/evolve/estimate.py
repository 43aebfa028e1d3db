"""Estimate what a run costs, before anything is asked: requests, tokens, time, money.

Every attempt is counted as surviving, so the requests are the most there can be. Tokens are characters by four; an
answer is taken to be as long as the seeds' own answers on average, or `UNKNOWN_ANSWER` tokens where they have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean

from .calibration import read_pairs
from .ledger import estimate_tokens
from .prompts import TESTS_TEMPLATE, format_judge_prompt
from .records import JUDGE_SAMPLING, EvolveConfig
from .seeds import Seeds

UNKNOWN_ANSWER = 300
GROWTH = 20
"""Tokens that a round adds to an instruction: 10 to 20 words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The most that a run may take."""

    requests: int
    prompt_tokens: int
    completion_tokens: int
    seeds: int
    operators: int

    def compute_seconds(self, tokens_per_s: float) -> float:
        """Return the generation time in seconds, given a throughput."""
        return self.completion_tokens / tokens_per_s

    def compute_cost(self, price_in: float, price_out: float) -> float:
        """Return the price, given the prices of a million tokens."""
        return (self.prompt_tokens * price_in + self.completion_tokens * price_out) / 1e6


def estimate_cost(config: EvolveConfig, seeds: Seeds) -> Estimate:
    """Estimate the cost of all rounds of `config`; nothing is loaded and nothing is asked."""
    answers = [estimate_tokens(seed.output) for seed in seeds.seeds if seed.output]
    answer = min(config.max_tokens, round(mean(answers)) if answers else UNKNOWN_ANSWER)
    frames = {one.name: estimate_tokens(one.render_prompt("")) for one in config.operators}
    weights = sum(one.weight for one in config.operators)
    frame = round(sum(frames[one.name] * one.weight for one in config.operators) / weights)
    judging = estimate_tokens(format_judge_prompt("", ""))
    bare = [seed for seed in seeds.seeds if not seed.output]
    requests = len(bare)
    prompts, completions = sum(estimate_tokens(seed.whole) for seed in bare), len(bare) * answer
    if config.calibrates:
        pairs = read_pairs()
        requests += len(pairs)
        prompts += sum(estimate_tokens(format_judge_prompt(one.first, one.second)) for one in pairs)
        completions += len(pairs) * JUDGE_SAMPLING.max_tokens // 4
    for number in range(config.rounds):
        for seed in seeds.seeds:
            before = estimate_tokens(seed.whole) + GROWTH * number
            after = before + GROWTH
            requests += 3
            prompts += (frame + before) + (judging + before + after) + after
            completions += after + JUDGE_SAMPLING.max_tokens // 4 + answer
            if config.verify:
                requests += 1
                prompts += estimate_tokens(TESTS_TEMPLATE) + after
                completions += answer
    return Estimate(
        requests=requests,
        prompt_tokens=prompts,
        completion_tokens=completions,
        seeds=len(seeds.seeds),
        operators=len(config.operators),
    )
