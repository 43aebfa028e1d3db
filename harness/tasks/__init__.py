"""What is asked and how answers are read: recipes, extraction of code, benchmarks as a run uses them."""
