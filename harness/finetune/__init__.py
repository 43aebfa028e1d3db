"""Fine-tuning by TRL, PEFT and accelerate; ours are the data, the prompt, the manifest and the curves.

Each module says what it needs; torch and what stands on it are imported only inside functions of `engine`,
`adapting`, `machine`, `memory`, `watching` and `merge`.
"""
