"""Ask models and read their answers: recipes, extraction of code, benchmarks as a run uses them."""
