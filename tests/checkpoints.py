"""Small checkpoints, made on the spot: real files that real loaders read."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

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
