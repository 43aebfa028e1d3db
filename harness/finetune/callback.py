"""Watch a training while it runs: report steps and losses, save states, and mark complete ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from ..errors import HarnessError
from .folder import COMPLETE, STATES

EVERY_S = 5.0
"""Seconds between two lines; the first, the last and those with a held-out loss are always reported."""
SAVE_EVERY_S = 300.0
SAVE_SHARE = 0.02
"""States are saved every five minutes, or less often if writing them would take more than this fraction of time."""
SHOWN = {
    "reward": "reward",
    "kl": "KL divergence",
    "rewards/margins": "reward margin",
    "eval_reward": "held-out reward",
    "eval_rewards/margins": "held-out reward margin",
}
"""Other figures in the lines about steps: TRL's key, and the name for people."""


def collect_losses(history: Sequence[dict[str, Any]]) -> dict[str, list[list[float]]]:
    """Return the [step, loss] pairs of "train" and "held_out" in the trainer's log, each step once."""
    return collect_curve(history, "loss")


def collect_curve(history: Sequence[dict[str, Any]], key: str) -> dict[str, list[list[float]]]:
    """Return the [step, value] pairs of what the trainer logs as `key`, in training and on the held-out rows."""
    curves = {}
    for name, logged in (("train", key), ("held_out", f"eval_{key}")):
        values = {entry["step"]: float(entry[logged]) for entry in history if entry.get(logged) is not None}
        curves[name] = [[step, value] for step, value in sorted(values.items()) if isfinite(value)]
    return curves


class NotFinite(HarnessError):
    """A loss that is no finite number."""


def make_callback(out: Path, tell: Callable[[str], None], *, main: bool, timed: bool) -> Any:
    """Return the callback of a trainer that writes to `out`; with `timed` it decides when a state is saved."""
    from transformers import TrainerCallback

    class Watching(TrainerCallback):  # type: ignore[misc, unused-ignore]
        """Callback that reports progress and marks complete states."""

        def __init__(self) -> None:
            self.started = self.said = self.saved = self.asked = time.monotonic()
            self.pause_s = SAVE_EVERY_S
            self.first_step = 0

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.started = self.saved = time.monotonic()
            self.first_step = state.global_step

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.asked = time.monotonic()
            if timed and self.asked - self.saved >= self.pause_s:
                control.should_save = True

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            logs = logs or {}
            _check_finite(state.global_step, logs.get("loss"))
            if not main or not ("loss" in logs or "eval_loss" in logs):
                return
            now = time.monotonic()
            ends = state.global_step in (self.first_step + 1, state.max_steps)
            if "eval_loss" in logs or ends or now - self.said >= EVERY_S:
                self.said = now
                tell(_format_line(state, logs, now - self.started, self.first_step))

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.saved = time.monotonic()
            self.pause_s = max(SAVE_EVERY_S, (self.saved - self.asked) / SAVE_SHARE)
            if main:
                (out / STATES / f"checkpoint-{state.global_step}" / COMPLETE).touch()

    return Watching()


def _check_finite(step: int, loss: float | None) -> None:
    if loss is not None and not loss < float("inf"):
        raise NotFinite(f"step {step}: the loss is {loss}; lower --learning-rate, or choose --dtype float32")


def _format_line(state: Any, logs: dict[str, Any], seconds: float, first_step: int) -> str:
    """Format step, losses, learning rate, speed since the start, and the remaining time at that speed."""
    parts = [f"step {state.global_step}/{state.max_steps}"]
    if "loss" in logs:
        parts.append(f"loss {float(logs['loss']):.4f}")
        parts.append(f"learning rate {float(logs.get('learning_rate', 0)):.2e}")
    if "eval_loss" in logs:
        parts.append(f"held-out loss {float(logs['eval_loss']):.4f}")
    parts += [f"{name} {logs[key]:.4f}" for key, name in SHOWN.items() if logs.get(key) is not None]
    if "num_tokens" in logs and seconds > 0:
        parts.append(f"{logs['num_tokens'] / seconds:.0f} tokens/s")
    done = state.global_step - first_step
    left = f", about {seconds / done * (state.max_steps - state.global_step):.0f} s left" if done else ""
    return ", ".join(parts) + f", {seconds:.0f} s{left}"
