"""Rewards through a sandbox of this process's own and a server; TRL's own trainer with a model that can cheat."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError, UsageError
from harness.rewards import Verdicts
from harness.rewards.client import JudgeClient
from harness.sandboxes import open_sandbox
from harness.sandboxes.judges.own import build_tests
from harness.service.requests import VerdictsRequest
from harness.types import Program, Status, Trust
from tests.commands import write_rows
from tests.service.servers import HONEST, TESTS, TOKEN, WRONG, Server, item, serving

EQUALS = (
    "class Equal(int):\n    def __eq__(self, other):\n        return True\n    __hash__ = int.__hash__\n\n\n"
    "def add_one(n):\n    return Equal(0)\n"
)
EXITS = "import os\n\n\ndef add_one(n):\n    os._exit(0)\n"


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of problems: a function, a script, and tests whose reference fails."""
    rows = [
        {"id": "add", "problem": TESTS},
        {"id": "script", "problem": {"kind": "cases", "cases": [{"input": "1\n", "output": "2\n"}]}},
        {"id": "broken", "problem": {**TESTS, "reference": WRONG}},
    ]
    return write_rows(tmp_path_factory.mktemp("rewards") / "problems.jsonl", rows)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as started:
        yield started


@pytest.fixture(params=["local", "server"])
def reward(request: pytest.FixtureRequest, problems: Path) -> Iterator[Verdicts]:
    """Through a sandbox here, and through a server."""
    if request.param == "server":
        url = request.getfixturevalue("server").url
        yield Verdicts(problems=problems, url=url, token=TOKEN)
        return
    found = Verdicts(problems=problems, sandbox="process", workers=1)
    yield found
    found.close()


def fenced(code: str) -> str:
    return f"Here it is:\n\n```python\n{code}```\n"


def test_completions_are_rewarded_by_their_code(reward: Verdicts) -> None:
    """Texts and chat messages; tampering and time-outs are told apart, and both are worth nothing."""
    logged: dict[str, float] = {}
    answers = [
        fenced(HONEST),
        HONEST,
        [{"role": "assistant", "content": fenced(HONEST)}],
        WRONG,
        EXITS,
        EQUALS,
        "def add_one(n):\n    while True: pass\n",
        "",
    ]

    found = reward(completions=answers, task_id=["add"] * 8, prompts=[""] * 8, log_metric=logged.__setitem__)
    script = reward(completions=["print(int(input()) + 1)", "print(3)"], task_id=["script"] * 2)

    assert found == [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert script == [1.0, 0.0]
    assert logged == {"verdicts/timeout": 1 / 8, "verdicts/tampered": 0.0, "verdicts/infrastructure": 0.0}


def test_rows_that_name_no_tests_end_the_training(reward: Verdicts) -> None:
    """In a line, with the row and the value; so do tests that fail on their own reference."""
    with pytest.raises(UsageError, match='row 1: task_id is "sub", which names no problem that has tests'):
        reward(completions=["", ""], task_id=["add", "sub"])
    with pytest.raises(UsageError, match='no column "task_id"'):
        reward(completions=[""])
    with pytest.raises(UsageError, match="the reference fails its own tests"):
        reward(completions=[HONEST], task_id=["broken"])


def test_a_share_is_the_share_of_the_tests(problems: Path) -> None:
    """Of two asserts one."""
    reward = Verdicts(problems=problems, score="share", sandbox="process", workers=1)
    try:
        assert reward(completions=[HONEST, WRONG, EXITS], task_id=["add"] * 3) == [1.0, 0.5, 0.0]
    finally:
        reward.close()


@pytest.mark.data
def test_a_benchmarks_problems_by_task_id() -> None:
    """A problem whose tests use the candidate's class can only be judged beside it: no reward, and a line."""
    said: list[str] = []
    reward = Verdicts("mbpp-train", sandbox="process", workers=1, tell=said.append)
    from harness.benchmarks.mbpp import MbppTrain

    known = {problem.task_id: problem for problem in MbppTrain().problems()}
    apart = next(key for key, problem in known.items() if not problem.metadata["has_classes"])
    beside = next(key for key, problem in known.items() if problem.metadata["has_classes"])
    try:
        found = reward(
            completions=[fenced(known[apart].reference), "pass", fenced(known[beside].reference)],
            task_id=[apart, apart, beside],
        )
    finally:
        reward.close()

    assert found == [1.0, 0.0, None]
    assert said == [f"some completions have no reward: the tests cannot be parted from the program of {beside}"]


def test_a_judge_that_fails_gives_no_reward(problems: Path) -> None:
    """None and not 0, while the server is away; the trainer goes on."""
    said: list[str] = []
    reward = Verdicts(problems=problems, url="http://127.0.0.1:9", tell=said.append)
    reward._client = JudgeClient("http://127.0.0.1:9", patience_s=0.1)

    assert reward(completions=[HONEST, WRONG], task_id=["add"] * 2) == [None, None]
    assert "http://127.0.0.1:9/v1/verdicts does not answer" in said[0]


def test_a_wrong_token_is_the_users_to_correct(server: Server) -> None:
    """Trying again would not help."""
    request = VerdictsRequest.model_validate({"items": [item(TESTS, HONEST)]})

    with pytest.raises(UsageError, match=r"refuses the request \(401\): the token is missing or wrong"):
        JudgeClient(server.url, "wrong").judge(request)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", 'line 1 is no object with "id" and "problem"'),
        ('{"id": "a"}', "line 1 is no object"),
        ('{"id": "a", "problem": {"kind": "tests"}}', "line 1: problem.tests"),
        ('{"id": 1, "problem": ' + json.dumps(TESTS) + "}", "the id 1 must be a text"),
    ],
)
def test_files_of_problems_that_do_not_fit(tmp_path: Path, row: str, message: str) -> None:
    """The line and what is wrong with it."""
    (tmp_path / "problems.jsonl").write_text(row + "\n")

    with pytest.raises(DataError, match=message):
        Verdicts(problems=tmp_path / "problems.jsonl")


def test_settings_that_do_not_fit(tmp_path: Path) -> None:
    """Each in a line."""
    with pytest.raises(UsageError, match="name a benchmark or a file of problems"):
        Verdicts()
    with pytest.raises(UsageError, match='score is "half"'):
        Verdicts("humaneval", score="half")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r'extractor "fencd" is not known\. Did you mean "fenced"'):
        Verdicts("humaneval", extractor="fencd")
    with pytest.raises(DataError, match="cannot be read: No such file"):
        Verdicts(problems=tmp_path / "none.jsonl")


def write_cheat(folder: Path) -> Path:
    """A model of one layer whose every token is a whole program: two that cheat, a wrong one, and an honest one."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = ["<s>", "</s>", "<unk>", "Write", "add_one", EXITS, EQUALS, WRONG, HONEST]
    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="</s>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=1,
        max_position_embeddings=64, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def judge_in_process(programs: list[str]) -> dict[str, bool]:
    """Whether each passes where tests and program share an interpreter, as most trainers judge."""
    judge = build_tests(tests=str(TESTS["tests"]), exposes=["add_one"])
    work = [(source, Program(source=source, environment="core"), judge) for source in programs]
    with open_sandbox("process", environment="core", workers=1, trust=Trust.IN_PROCESS) as sandbox:
        return {source: outcome.status is Status.PASSED for source, outcome in sandbox.run(work)}


def test_grpo_never_pays_a_model_that_cheats(problems: Path, tmp_path: Path) -> None:
    """TRL's own trainer: an object that equals everything is worth 0, and 1 where it is judged in its own process."""
    pytest.importorskip("trl", reason="the package trl is not installed")
    pytest.importorskip("torch", reason="the package torch is not installed")
    seen: dict[str, set[float | None]] = {}
    verdicts = Verdicts(problems=problems, sandbox="process", workers=1)

    def reward(completions: list[str], **columns: Any) -> list[float | None]:
        found = verdicts(completions=completions, **columns)
        for completion, one in zip(completions, found, strict=True):
            seen.setdefault(completion, set()).add(one)
        return found

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from datasets import Dataset
        from trl import GRPOConfig, GRPOTrainer

        config = GRPOConfig(
            output_dir=str(tmp_path / "out"), max_steps=3, per_device_train_batch_size=16, num_generations=16,
            max_completion_length=1, temperature=2.0, beta=0.04, use_cpu=True, bf16=False, report_to="none",
            save_strategy="no", logging_steps=1, disable_tqdm=True, seed=0,
        )  # fmt: skip
        trainer = GRPOTrainer(
            model=str(write_cheat(tmp_path / "cheat")),
            reward_funcs=reward,
            args=config,
            train_dataset=Dataset.from_list([{"prompt": "Write add_one", "task_id": "add"}] * 8),
        )
        try:
            trainer.train()
        finally:
            verdicts.close()
    logged = [row for row in trainer.state.log_history if "rewards/reward/mean" in row]
    paid = judge_in_process([EXITS, EQUALS, HONEST])

    assert len(logged) == 3
    assert seen[EXITS] == seen[EQUALS] == {0.0}
    assert seen[HONEST] == {1.0}
    assert paid == {EXITS: False, EQUALS: True, HONEST: True}
