"""Evol-Instruct: harder training data out of simple data, with a journal of every request.

Papers: Xu et al. 2023, arXiv 2304.12244 (WizardLM); Luo et al. 2023, arXiv 2306.08568 (WizardCoder). The algorithm
is theirs, the wording of the templates is ours.

    seeds -> rounds of (operator, rewrite, judge, answer, elimination) -> merge -> duplicates -> contamination -> files

What a model calls harder need not be harder; `statistics` shows what can be counted.
"""
