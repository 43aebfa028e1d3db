"""Rewards of reinforcement learning from verdicts that a program cannot forge.

from harness.rewards import Verdicts

GRPOTrainer(reward_funcs=Verdicts("mbpp-train"), train_dataset=rows_with_a_column_task_id, ...)
"""

from .verdicts import Verdicts

__all__ = ["Verdicts"]
