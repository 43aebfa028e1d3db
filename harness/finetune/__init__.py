"""Fine-tuning by TRL, PEFT and accelerate; this package adds the data, the prompt, the manifest and the curves.

torch and the libraries that need it are imported only inside functions of `engine`, `methods`, `lora`, `callback`,
`machine`, `memory` and `merge`.
"""
