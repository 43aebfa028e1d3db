"""From seeds to a gate: evolve, fine-tune, learn from verdicts, evaluate, compare, decide; each stage is done once.

config            the TOML file
stages            records of finished stages, by the digest of what decides them
training_process  training in a subprocess
lessons           sample, select, prefer and reinforce, which learn from verdicts
workshop          trainings and evaluations, each done once
develop           Evol Stop's trainings
standalone_stop   Evol Stop for `harness evolve` alone
ablation          checkpoints of rounds 0, 0 to 1, 0 to 2, ... on equal numbers of tokens
run, page         the loop itself and its page
"""
