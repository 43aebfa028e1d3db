"""Methods of training, a module each: what their rows hold, and how TRL's trainer of them is built.

What all of them share (prompts, tokens, order, states, manifest) is in the modules above this folder. TRL would
tokenize texts by itself; its trainers are given token ids instead, so that every method trains on the ids that the
checkpoint is evaluated with.
"""

from __future__ import annotations

from collections.abc import Mapping

from .dpo import Dpo
from .grpo import Grpo
from .kto import Kto
from .method import Method
from .sft import Sft

METHODS: Mapping[str, Method] = {"sft": Sft(), "dpo": Dpo(), "kto": Kto(), "grpo": Grpo()}
