"""Build requests to an OpenAI-compatible server, and parse its answers and errors.

Format: OpenAI's API reference, /completions and /chat/completions; `top_k`, `min_p` and the continuation of a reply
are extensions of vLLM, TGI and llama.cpp, and are sent only if they are set.
"""

from __future__ import annotations

import re
from typing import Any

from ..errors import INFRASTRUCTURE, ModelError
from ..types import Completion, Prompt, SamplingParams
from .checkpoint import summarize_error

TOO_LONG = re.compile(
    r"maximum context length|context length exceeded|context size|exceeds? the available context", re.I
)
CONTEXT = re.compile(r"maximum context length is (\d+) tokens", re.I)
PROMPT = re.compile(r"(\d+) (?:tokens? )?(?:in|from) (?:the |your )?(?:messages|prompt|input)", re.I)


def build_args(model: str, prompt: Prompt, params: SamplingParams, *, seed: int, max_tokens: int) -> dict[str, Any]:
    """Build the arguments of `completions.create` for a text prompt, or of `chat.completions.create`."""
    given: dict[str, Any] = {"model": model, "max_tokens": max_tokens, "temperature": params.temperature}
    extra: dict[str, Any] = {}
    if params.temperature > 0:
        given |= {"top_p": params.top_p, "seed": seed}
        extra |= {} if params.top_k is None else {"top_k": params.top_k}
        extra |= {} if params.min_p is None else {"min_p": params.min_p}
    if params.stop:
        given["stop"] = list(params.stop)
    if prompt.text is not None:
        given["prompt"] = prompt.text
    else:
        given["messages"] = [{"role": role, "content": content} for role, content in prompt.messages]
        if prompt.prefill:
            given["messages"].append({"role": "assistant", "content": prompt.prefill})
            extra |= {"add_generation_prompt": False, "continue_final_message": True}
    return {**given, "extra_body": extra} if extra else given


def parse_completion(response: Any, *, chat: bool, seed: int) -> Completion:
    """Return the first choice of a server's response.

    Raises:
        ModelError: the response is none of OpenAI's format.
    """
    choices = getattr(response, "choices", None)
    if not choices:
        raise ModelError(f"the server's response has no choices: {summarize_error(ValueError(response))[:100]}")
    first, usage = choices[0], getattr(response, "usage", None)
    return Completion(
        text=(first.message.content if chat else first.text) or "",
        finish_reason=first.finish_reason,
        prompt_tokens=getattr(usage, "prompt_tokens", None),
        completion_tokens=getattr(usage, "completion_tokens", None),
        seed=seed,
    )


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
        case openai.APIStatusError() if "chat template" in str(error):
            return build_error("the server has no chat template for it; choose a recipe with a text prompt")
        case openai.APIStatusError(status_code=status):
            return build_error(f"the server at {url} refuses the request with {status}: {summarize_error(error)}")
    return build_error(f"the server at {url} cannot be understood: {summarize_error(error)}")
