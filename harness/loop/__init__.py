"""From seeds to a gate: evolve, fine-tune, evaluate beside the base, compare, decide; each stage done once.

config      the TOML file
stages      what is done already, by the digest of what decides it
apart       training in a process of its own
workshop    trainings and evaluations, whoever asks for them
develop     Evol Stop's trainings
ablation    equal tokens of round 0, 0 to 1, 0 to 2, ...
run, page   the loop itself, and what it shows in the end
"""
