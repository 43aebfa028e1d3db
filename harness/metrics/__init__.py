"""Scores and how sure they are: pass@k, noise between greedy runs, effects of time limits and extraction rules."""
