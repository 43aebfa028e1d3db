"""Turn a prompt into the exact text and token ids that a checkpoint sees.

Every adapter with a tokenizer uses it, so that a preview shows an engine's exact input. Chat prompts
go through the checkpoint's own template, which writes its special tokens itself; finished texts get
those that the tokenizer adds.

The template may differ from the one that the checkpoint was trained with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import ModelError
from ..types import Prompt, RenderedPrompt
from .checkpoint import summarize_error
from .infilling import render_infilling
from .thinking import AS_TEMPLATE, TemplateSettings, find_open_mark, find_switches, has_effort

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json")
"""A tokenizer has at least one of these."""
EOS_NOTE = "the tokenizer appends EOS to a text; it is removed from the end of text prompts"


def load_tokenizer(folder: Path, *, trust_remote_code: bool = False) -> Any:
    """Load the tokenizer in `folder` with transformers.

    Raises:
        ModelError: it is missing or damaged, or needs code that is not trusted.
    """
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise ModelError(f"checkpoint {folder} has no tokenizer: none of {', '.join(TOKENIZER_FILES)} is there")
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=trust_remote_code, padding_side="left"
        )
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        if "trust_remote_code" in str(error):
            raise ModelError(
                f"checkpoint {folder} brings Python code of its own for its tokenizer; read it, and then run it with "
                "--trust-remote-code"
            ) from error
        raise ModelError(
            f"checkpoint {folder} has no tokenizer that can be loaded: {summarize_error(error)}"
        ) from error


def render_prompt(
    prompt: Prompt, tokenizer: Any, name: str, settings: TemplateSettings = AS_TEMPLATE
) -> RenderedPrompt:
    """Return the exact input for `prompt`, which ends in EOS only if its text does.

    Raises:
        ModelError: no chat template, one that refuses these messages or has no switch that the settings need, more
            than one BOS token, or no infilling tokens for a prompt with a suffix.
    """
    if prompt.text is not None and prompt.suffix is not None:
        rendered = render_infilling(prompt.text, prompt.suffix, encode_beginning("", tokenizer), tokenizer, name)
        return replace(
            _check_bos(rendered.text, list(rendered.token_ids or ()), tokenizer, name), end_ids=rendered.end_ids
        )
    if prompt.text is not None:
        return _check_bos(prompt.text, encode_beginning(prompt.text, tokenizer), tokenizer, name)
    args = settings.build_args(_read_template(tokenizer, name), name)
    text = _apply_template(prompt, tokenizer, name, args) + prompt.prefill
    return _check_bos(text, tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer, name)


def encode_beginning(text: str, tokenizer: Any) -> list[int]:
    """Return the ids of `text` with the special tokens that the tokenizer adds, but for EOS at the end.

    A tokenizer that appends EOS (`add_eos_token`, or a post-processor) would ask a model to go on after the end.
    """
    ids: list[int] = tokenizer(text)["input_ids"]
    eos = tokenizer.eos_token_id
    if eos is None or not ids or ids[-1] != eos:
        return ids
    own = _count_trailing(tokenizer(text, add_special_tokens=False)["input_ids"], eos)
    appended = _count_trailing(ids, eos) - own
    return ids[: len(ids) - appended] if appended > 0 else ids


def appends_eos(tokenizer: Any) -> bool:
    """Tell whether `encode_beginning` removes an EOS that the tokenizer appends."""
    return len(encode_beginning("x", tokenizer)) < len(tokenizer("x")["input_ids"])


def describe_mending(tokenizer: Any) -> dict[str, str]:
    """Return the manifest's note about prompts that are mended; empty if none is."""
    return {"prompt_note": EOS_NOTE} if appends_eos(tokenizer) else {}


def _count_trailing(ids: list[int], token: int) -> int:
    return next((count for count, other in enumerate(reversed(ids)) if other != token), len(ids))


def may_reason(prompt: Prompt, tokenizer: Any, name: str, settings: TemplateSettings) -> bool:
    """Tell whether the model may reason before its answer to a chat `prompt`, as far as the chat template says.

    It may if the prompt ends in an opened reasoning, if the template's switch is on, by itself or by the settings, or
    if the template takes an effort.

    Raises:
        ModelError: as `render_prompt`.
    """
    template = _read_template(tokenizer, name)
    args = settings.build_args(template, name)
    text = _apply_template(prompt, tokenizer, name, args)
    if find_open_mark(text + prompt.prefill) or has_effort(template):
        return True
    switches = find_switches(template)
    on = {**args, **dict.fromkeys(switches, True)}
    return bool(switches) and _apply_template(prompt, tokenizer, name, on) == text


def _read_template(tokenizer: Any, name: str) -> str:
    if not getattr(tokenizer, "chat_template", None):
        raise ModelError(
            f'model "{name}" has no chat template; choose a recipe with a text prompt (completion, alpaca, wizardcoder)'
        )
    # A tokenizer may have several, and chooses itself.
    return str(tokenizer.get_chat_template())


def _apply_template(prompt: Prompt, tokenizer: Any, name: str, args: Mapping[str, Any]) -> str:
    from jinja2 import TemplateError

    messages = [{"role": role, "content": content} for role, content in prompt.messages]
    try:
        return str(tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False, **args))
    except (TemplateError, ValueError, TypeError) as error:
        raise ModelError(f'model "{name}": its chat template refuses the messages: {summarize_error(error)}') from error


def _check_bos(text: str, ids: list[int], tokenizer: Any, name: str) -> RenderedPrompt:
    """Refuse more than one BOS token in front.

    Only the leading run counts: some templates (ChatML) use the BOS token to open every message.
    """
    bos = tokenizer.bos_token_id
    leading = 0
    while bos is not None and leading < len(ids) and ids[leading] == bos:
        leading += 1
    if leading > 1:
        raise ModelError(
            f'model "{name}": the prompt begins with {leading} BOS tokens, ids {ids[: leading + 3]}...; '
            "remove the BOS text from the recipe or the template, the tokenizer adds it"
        )
    return RenderedPrompt(text=text, token_ids=tuple(ids))
