"""Training data from finished runs: answers that were verified, and pairs of answers that passed and failed."""
