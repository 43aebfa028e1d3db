"""A program that asks one vLLM engine several things and prints what it saw as one line of JSON.

A process of its own: vLLM changes the environment and the signals of the process that loads it.
`python -m tests.models.vllm_session FOLDER report` for the checkpoint in FOLDER; with `endless` in place of `report`
it names the engine's processes and generates until it is killed.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from harness.errors import ModelError
from harness.models.loading import open_model
from harness.models.options import ModelOptions
from harness.models.vllm import VllmModel
from harness.tasks.thinking import complete
from harness.types import Generated, Model, Prompt, Request, SamplingParams

PROMPTS = [
    "def add(x, y):\n",
    "x",
    "class Stack:\n    def push(self, item):\n        ",
    "import os\n\nprint(",
    "for i in range(10):\n",
    "# sorts a list\n",
    "while True:\n    ",
    "return [",
    "a = 1\nb = 2\n",
    "if __name__ == '__main__':\n",
]
GREEDY = SamplingParams(max_tokens=24)
DRAWN = SamplingParams(max_tokens=16, temperature=1.0)
NARROW = {
    "top_k": SamplingParams(max_tokens=24, temperature=1.0, top_k=1),
    "min_p": SamplingParams(max_tokens=24, temperature=1.0, min_p=0.999),
}
"""Each leaves the likeliest token alone."""
CONTEXT = 512
BATCH = 2
"""The adapter reads a few batches ahead, so a small one shows that it does not read all."""


def opened(folder: str, log: Path | None = None) -> Model:
    # Exact sums, so that an answer does not depend on what else is in the batch.
    options = ModelOptions(dtype="float32", max_model_len=CONTEXT, batch_size=BATCH, log_file=log)
    return open_model(folder, backend="vllm", options=options)


def request(key: str, text: str, **more: int) -> Request:
    return Request(request_id=key, prompt=Prompt(text=text), **more)


def shown(answers: Iterator[Generated]) -> list[dict[str, Any]]:
    """The answers as JSON, in the order of requests and samples."""
    rows = [
        {
            "key": generated.request_id,
            "index": generated.index,
            "text": generated.completion.text,
            "tokens": generated.completion.completion_tokens,
            "finish_reason": generated.completion.finish_reason,
        }
        for generated in answers
    ]
    return sorted(rows, key=lambda row: (row["key"], row["index"]))


def processes() -> list[psutil.Process]:
    """The engine's, and what watches over them; the resource tracker is this process's own."""
    started = psutil.Process().children(recursive=True)
    return [process for process in started if "resource_tracker" not in " ".join(process.cmdline())]


def streamed(model: Model) -> dict[str, Any]:
    """Greedy answers, and how many requests had been read when the first of them came."""
    read: list[str] = []

    def requests() -> Iterator[Request]:
        for key, text in enumerate(PROMPTS):
            read.append(text)
            yield request(str(key), text)

    answers = model.generate(requests(), GREEDY)
    first = next(answers)
    read_at_first = len(read)
    return {"read_at_first": read_at_first, "greedy": shown(itertools.chain([first], answers))}


def asked(model: Model) -> dict[str, Any]:
    """Everything that is asked of the one engine."""
    report = streamed(model)
    drawn = [request("r", PROMPTS[0], count=3, seed=7)]
    report["samples"] = shown(model.generate(drawn, DRAWN))
    report["again"] = shown(model.generate(drawn, DRAWN))
    report["third"] = shown(model.generate([request("r", PROMPTS[0], start=2, seed=9)], DRAWN))
    text = report["greedy"][0]["text"]
    report["stop"] = text[len(text) // 2 :][:4]
    stopping = SamplingParams(max_tokens=24, stop=("never there", report["stop"]))
    report["stopped"] = shown(model.generate([request("0", PROMPTS[0])], stopping))
    assert isinstance(model, VllmModel)
    report["pieces"] = list(model.answer(Prompt(text=PROMPTS[0]), GREEDY))
    report["halves"] = list(model.answer(Prompt(text=PROMPTS[0]), stopping))
    left: Any = model.answer(Prompt(text=PROMPTS[1]), GREEDY)
    next(left)
    left.close()
    thinking = [Request(request_id="t", prompt=Prompt(text=f"{PROMPTS[0]}<think>\n"), count=2, seed=7)]
    report["thought"] = [
        {"text": one.completion.text, "counts": (one.completion.reasoning_tokens, one.completion.completion_tokens)}
        for _ in range(2)
        for one in sorted(complete(model, thinking, DRAWN, budget=6), key=lambda one: one.index)
    ]
    for name, narrow in NARROW.items():
        report[name] = shown(model.generate([request("0", PROMPTS[0], seed=7)], narrow))
    long, full = "x\n" * 240, "x\n" * 300
    report["room"] = CONTEXT - len(model.render(Prompt(text=long)).token_ids or ())
    report["crowded"] = shown(
        model.generate([request("long", long), request("full", full)], SamplingParams(max_tokens=CONTEXT))
    )
    left_early: Any = model.generate([request(f"early {key}", text) for key, text in enumerate(PROMPTS)], GREEDY)
    next(left_early)
    left_early.close()
    report["after"] = shown(model.generate([request(str(key), text) for key, text in enumerate(PROMPTS)], GREEDY))
    report["facts"] = dict(model.describe())
    return report


def refused(folder: str) -> dict[str, Any]:
    """What is said of a checkpoint whose architecture nobody knows."""
    with tempfile.TemporaryDirectory() as scratch:
        strange = Path(scratch) / "strange"
        shutil.copytree(folder, strange)
        (strange / "config.json").write_text('{"model_type": "no_such_thing"}', encoding="utf-8")
        try:
            with opened(str(strange), Path(scratch) / "log"):
                return {}
        except ModelError as error:
            return {"message": str(error), "exit_code": error.exit_code, "processes": len(processes())}


def bare(folder: str, prompts: list[list[int]]) -> list[dict[str, Any]]:
    """The same token ids through vLLM's own front door, in this process, which is loaded faster."""
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    from vllm import LLM
    from vllm import SamplingParams as VllmParams

    engine = LLM(
        folder,
        dtype="float32",
        max_model_len=CONTEXT,
        enforce_eager=True,
        kv_cache_memory_bytes=1 << 28,
        gpu_memory_utilization=0.5,
        distributed_executor_backend="uni",
    )
    wanted: list[Any] = [{"prompt_token_ids": ids} for ids in prompts]
    outputs = engine.generate(wanted, VllmParams(temperature=0, max_tokens=GREEDY.max_tokens), use_tqdm=False)
    return [{"text": output.outputs[0].text, "tokens": len(output.outputs[0].token_ids)} for output in outputs]


def tell(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def report(folder: str) -> None:
    seen: dict[str, Any] = {"refused": refused(folder)}
    with tempfile.TemporaryDirectory() as temporary:
        tempfile.tempdir = temporary
        with opened(folder) as model:
            running = processes()
            seen["processes"] = len(running)
            seen["files"] = len(list(Path(temporary).iterdir()))
            seen |= asked(model)
            prompts = [list(model.render(Prompt(text=text)).token_ids or ()) for text in PROMPTS]
        seen["files_left"] = [file.name for file in Path(temporary).iterdir()]
        tempfile.tempdir = None
    seen["left"] = [process.pid for process in running if process.is_running()]
    # Everything above is printed by the harness alone; what vLLM prints from here on is its own affair.
    tell(seen)
    tell({"bare": bare(folder, prompts)})


def endless(folder: str) -> None:
    with opened(folder) as model:
        requests = (request(str(key), PROMPTS[0]) for key in itertools.count())
        for number, _ in enumerate(model.generate(requests, GREEDY)):
            if number == 0:
                tell([process.pid for process in processes()])


if __name__ == "__main__":
    {"report": report, "endless": endless}[sys.argv[2]](sys.argv[1])
