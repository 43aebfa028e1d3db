"""A run from prompts to verdicts: planning, generating, scoring, resuming."""
