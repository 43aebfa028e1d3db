"""Build requests to an OpenAI-compatible server, and parse its answers and errors.

Format: OpenAI's API reference, /completions and /chat/completions; `top_k`, `min_p`, `chat_template_kwargs` and the
continuation of a reply are extensions of vLLM, SGLang, TGI and llama.cpp, and are sent only if they are set. So are
`reasoning_content` and `reasoning` in an answer, by which vLLM, SGLang, DeepSeek and OpenRouter keep a model's
reasoning apart.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..errors import INFRASTRUCTURE, ModelError
from ..types import Completion, Prompt, SamplingParams
from .checkpoint import summarize_error
from .thinking import TemplateSettings

TOO_LONG = re.compile(
    r"maximum context length|context length exceeded|context size|exceeds? the available context", re.I
)
CONTEXT = re.compile(r"maximum context length is (\d+) tokens", re.I)
PROMPT = re.compile(r"(\d+) (?:tokens? )?(?:in|from) (?:the |your )?(?:messages|prompt|input)", re.I)

REFUSED = re.compile(
    r"unsupported (?:parameter|value): '(\w+)'|'(\w+)' (?:is not supported|does not support)"
    r"|unrecognized request argument supplied: (\w+)",
    re.I,
)
REFUSALS = {
    "chat_template_kwargs": "the server fills in no chat template; leave --thinking and --chat-template-arg out",
    "continue_final_message": "the server cannot go on with a reply; leave --thinking-budget out",
    "chat template": "the server has no chat template for it; choose a recipe with a text prompt",
}
"""What is in a server's refusal -> what is said about it."""
REASONING_FIELDS = ("reasoning_content", "reasoning")
OMISSIONS = {
    "max_tokens": "the token limit goes to the server as max_completion_tokens, because it refuses max_tokens",
    "temperature": "temperature 1 is not sent, because the server refuses the setting and always uses 1",
    "top_p": "top-p 1 is not sent, because the server refuses the setting",
    "stop": "stop strings are not sent, because the server refuses them; answers are cut at them here",
    "seed": "no seed is sent, because the server refuses it; sampled answers cannot be drawn again",
}
"""Setting of a request that can be left out without changing what is asked for -> what is said about it."""


class RequestBuilder:
    """Builds the requests for one model; settings that its server refused are left out from then on."""

    def __init__(self, model: str, template: TemplateSettings) -> None:
        self._model, self._template = model, template
        self.omitted: dict[str, str] = {}
        """Setting that is left out -> what is said about it, in the order of refusals."""

    def build(self, prompt: Prompt, params: SamplingParams, *, seed: int, max_tokens: int) -> dict[str, Any]:
        """Build the arguments of `completions.create` for a text prompt, or of `chat.completions.create`."""
        given: dict[str, Any] = {"model": self._model, "max_tokens": max_tokens, "temperature": params.temperature}
        extra: dict[str, Any] = {}
        if params.temperature > 0:
            given |= {"top_p": params.top_p, "seed": seed}
            extra |= {} if params.top_k is None else {"top_k": params.top_k}
            extra |= {} if params.min_p is None else {"min_p": params.min_p}
        if params.stop:
            given["stop"] = list(params.stop)
        if prompt.text is not None:
            given |= {"prompt": prompt.text} | ({} if prompt.suffix is None else {"suffix": prompt.suffix})
        else:
            given["messages"] = [{"role": role, "content": content} for role, content in prompt.messages]
            extra |= {"chat_template_kwargs": self._template.server_args} if self._template.server_args else {}
            if prompt.prefill:
                given["messages"].append({"role": "assistant", "content": prompt.prefill})
                extra |= {"add_generation_prompt": False, "continue_final_message": True}
        if "max_tokens" in self.omitted:
            given["max_completion_tokens"] = max_tokens
        given = {key: value for key, value in given.items() if key not in self.omitted}
        return {**given, "extra_body": extra} if extra else given

    def omit_refused(self, error: Exception, params: SamplingParams, given: Mapping[str, Any]) -> bool:
        """Leave out the setting that `error` refuses; return False if sending the request again would not help.

        Raises:
            ModelError: without the setting, the server would answer another question than was asked.
        """
        name = find_omission(str(error), params, model=self._model)
        if name is None or name not in given:
            return False
        self.omitted[name] = OMISSIONS[name]
        return True


def find_omission(message: str, params: SamplingParams, *, model: str) -> str | None:
    """Return the setting that a server's `message` refuses; None if it refuses something else.

    Raises:
        ModelError: without the setting, the server would answer another question than was asked.
    """
    match = REFUSED.search(message)
    name: str | None = next(filter(None, match.groups()), None) if match else None
    if name not in OMISSIONS:
        return None
    if name == "temperature" and params.temperature != 1:
        greedy = (
            "is 0, greedy decoding, which it" if params.temperature == 0 else f"is {params.temperature:g}, which it"
        )
        raise ModelError(
            f'model "{model}": the temperature {greedy} refuses ({summarize_error(ValueError(message), 160)}); '
            "sample with --temperature 1"
        )
    if name == "top_p" and params.top_p != 1:
        raise ModelError(f'model "{model}": it refuses top-p, which is {params.top_p:g}; leave --top-p out')
    return name


def read_reasoning(message: Any) -> str:
    """Return the reasoning that a message or a piece of one holds apart from its content; "" if there is none."""
    return next((text for name in REASONING_FIELDS if isinstance(text := getattr(message, name, None), str)), "")


def join_pieces(choices: Iterable[Any]) -> Iterator[str]:
    """Yield the texts of a stream's choices; reasoning that comes apart stands between think marks."""
    thinking = False
    for choice in choices:
        delta = getattr(choice, "delta", None)
        if thought := read_reasoning(delta):
            yield thought if thinking else f"<think>\n{thought}"
            thinking = True
        if text := (choice.text if delta is None else delta.content) or "":
            yield f"\n</think>\n\n{text}" if thinking else text
            thinking = False


def parse_completion(response: Any, *, chat: bool, seed: int) -> Completion:
    """Return the first choice of a server's response.

    Raises:
        ModelError: the response is none of OpenAI's format.
    """
    choices = getattr(response, "choices", None)
    if not choices:
        raise ModelError(f"the server's response has no choices: {summarize_error(ValueError(response))[:100]}")
    first, usage = choices[0], getattr(response, "usage", None)
    details = getattr(usage, "completion_tokens_details", None)
    return Completion(
        text=(first.message.content if chat else first.text) or "",
        finish_reason=first.finish_reason,
        prompt_tokens=getattr(usage, "prompt_tokens", None),
        completion_tokens=getattr(usage, "completion_tokens", None),
        seed=seed,
        reasoning=read_reasoning(first.message) if chat else "",
        # Servers say 0 for models that do not reason.
        reasoning_tokens=getattr(details, "reasoning_tokens", None) or None,
    )


def cut_at_stop(completion: Completion, stop: Collection[str]) -> Completion:
    """Cut an answer at its first stop string, for a server that was not sent them."""
    places = [place for text in stop if (place := completion.text.find(text)) >= 0]
    return replace(completion, text=completion.text[: min(places)], finish_reason="stop") if places else completion


def find_room_for_answer(message: str) -> int | None:
    """Return the tokens left for an answer if `message` refuses a prompt for its length; 0 if none are.

    Return None if the server refused for another reason.
    """
    if not TOO_LONG.search(message):
        return None
    context, prompt = CONTEXT.search(message), PROMPT.search(message)
    return max(0, int(context[1]) - int(prompt[1])) if context and prompt else 0


def explain_error(error: Exception, *, model: str, url: str, key: str | None) -> ModelError:
    """Explain an error of the `openai` client in one line that never contains the key."""
    import openai

    def build_error(text: str, exit_code: int | None = None) -> ModelError:
        return ModelError(f'model "{model}": {text}'.replace(key or "\0", "[key]"), exit_code=exit_code)

    match error:
        case openai.APIConnectionError():
            reason = summarize_error(error.__cause__ or error)
            return build_error(
                f"no server answers at {url} ({reason}); start it or correct the address", INFRASTRUCTURE
            )
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            # Servers quote parts of the key.
            what = "refuses the key in OPENAI_API_KEY" if key else "wants a key; set OPENAI_API_KEY"
            return build_error(f"the server at {url} {what} (status {error.status_code})")
        case openai.APIStatusError(status_code=status) if status == 429 or status >= 500:
            return build_error(
                f"the server at {url} goes on answering {status} ({summarize_error(error)}); "
                "give the same command again later, with a smaller --batch-size",
                INFRASTRUCTURE,
            )
        case openai.APIStatusError() if said := next(
            (said for sign, said in REFUSALS.items() if sign in str(error)), ""
        ):
            return build_error(said)
        case openai.APIStatusError(status_code=status):
            return build_error(f"the server at {url} refuses the request with {status}: {summarize_error(error)}")
    return build_error(f"the server at {url} cannot be understood: {summarize_error(error)}")
