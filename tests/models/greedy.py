"""A program that prints the greedy answers of one checkpoint under one backend as a line of JSON.

`python -m tests.models.greedy SPEC BACKEND`; a process of its own, as vLLM changes the one that loads it.
"""

from __future__ import annotations

import json
import sys

from harness.models.loading import open_model
from harness.models.options import ModelOptions
from harness.types import Prompt, Request, SamplingParams

PROMPTS = (
    "def add(x, y):\n",
    "x",
    "class Stack:\n    def push(self, item):\n        ",
    "import os\n\nprint(",
    "for i in range(10):\n",
    "    return [",
)
CONTEXT = 256


def greedy(spec: str, backend: str = "auto") -> list[str]:
    """The answers to `PROMPTS`, in their order."""
    # Exact sums, so that an answer does not depend on what else is in the batch.
    options = ModelOptions(dtype="float32", max_model_len=CONTEXT)
    requests = [Request(request_id=text, prompt=Prompt(text=text)) for text in PROMPTS]
    with open_model(spec, backend=backend, options=options) as model:
        answers = {
            found.request_id: found.completion.text for found in model.generate(requests, SamplingParams(max_tokens=24))
        }
    return [answers[text] for text in PROMPTS]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(greedy(*sys.argv[1:])) + "\n")
