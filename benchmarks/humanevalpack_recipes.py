"""How HumanEvalPack's questions are put to a model: the authors' formats, and ours for chat models.

Source of all but "chat": bigcode-evaluation-harness, tasks/humanevalpack.py (Apache-2.0). `{instruction}` is the
question with its code after it, `{text}` with its code before it; the model goes on from `{prompt}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..recipes import CHAT, WIZARDCODER, Extraction, Recipe
from ..sandboxes.languages import LANGUAGES
from ..types import CodeForm

STOPS: Mapping[str, tuple[str, ...]] = {
    "python": ("\nclass", "\ndef", "\n#", "\n@", "\nprint", "\nif", "\nassert"),
    "go": ("\n//", "\nfunc main(", "struct", "\nfunc"),
}
OPEN_BRACES: Mapping[str, int] = {"python": 0, "java": 2}
"""Braces that a prompt leaves open, where that is not one."""
TOKENS = 1024


def build_recipes(language: str, title: str, continues: bool) -> Mapping[str, Recipe]:
    """Return the recipes of a language by general name; `continues` says that a bare prompt is a question."""
    stop = STOPS.get(language, ())
    cut = Extraction(
        name=f"humanevalpack-{language}",
        style="first-block",
        cut_at=stop,
        open_braces=OPEN_BRACES.get(language, 1),
    )

    def text(name: str, template: str, description: str) -> Recipe:
        return Recipe(
            name=f"humanevalpack-{name}-{language}",
            description=f"HumanEvalPack's format {description}",
            kind="text",
            template=template,
            stop=stop,
            max_tokens=TOKENS,
            extraction=cut,
        )

    instruct = text("instruct", "{text}\n\n{prompt}", '"instruct": the question, then the beginning of the function')
    lead, section, _ = WIZARDCODER.template.partition("### Instruction:\n")
    wizardcoder = text(
        "wizardcoder",
        f"{lead}{section}{{instruction}}\n\n{WIZARDCODER.response_marker}\n{{prompt}}",
        '"wizardcoder": the answer is begun with the beginning of the function',
    )
    return {
        "completion": text("continue", "{prompt}", '"continue": the bare prompt') if continues else instruct,
        "instruct": instruct,
        "octocoder": text("octocoder", "Question: {instruction}\n\nAnswer:\n{prompt}", '"octocoder"'),
        "wizardcoder": wizardcoder,
        "chat": _build_chat(language, title),
    }


def _build_chat(language: str, title: str) -> Recipe:
    fences = (*LANGUAGES[language].fences, language) if language in LANGUAGES else (language,)
    block = Extraction(
        name=f"humanevalpack-block-{language}",
        style="stub",
        form=CodeForm.SOLUTION,
        tags=fences,
        drop_carriage_returns=True,
    )
    return replace(
        CHAT,
        name=f"humanevalpack-chat-{language}",
        description=f"one user message that asks for the whole {title} function",
        template=(
            f"{{instruction}}\n\nAnswer with the complete {title} function in one markdown code block. "
            f"It begins like this:\n\n```{fences[0]}\n{{prompt}}\n```"
        ),
        max_tokens=TOKENS,
        extraction=CHAT.extraction if language == "python" else block,
    )
