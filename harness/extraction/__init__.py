"""What of a completion is the answer, and what of the answer is code: reasoning, fences, Python programs, rules."""
