"""Fine-tuning by TRL, PEFT and accelerate; ours are the data, the prompt, the manifest and the curves.

Each module says what it needs; only `engine`, `tokens`, `watching` and `merge` import torch and what stands on it,
and only when they are called.
"""
