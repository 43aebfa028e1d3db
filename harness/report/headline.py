"""Name what a run evaluated, in the words that a reader looks for first; read from its manifest alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..digests import digest_json
from ..models.table import find_known
from .wording import name_subject, replace_unprintable

SHOWN = 8
"""Characters of a digest that are shown."""
ADDRESS = "@http"
"""Begins the address of a server in a model's name."""


def name_model(manifest: Mapping[str, Any]) -> str:
    """Return the last part of the model's or the samples file's path."""
    return shorten_name(name_subject(manifest))


def shorten_name(name: str) -> str:
    """Return the last part of a path or of a model's name, without a server's address."""
    return name.partition("?")[0].partition(ADDRESS)[0].rstrip("/").rpartition("/")[2] or name


def shorten_weights_digest(manifest: Mapping[str, Any]) -> str:
    """Return the beginning of the weights' digest; "" if it is not known."""
    digest = (manifest.get("model") or {}).get("weights_digest")
    return str(digest).rpartition(":")[2][:SHOWN] if digest else ""


def describe_benchmark(manifest: Mapping[str, Any], benchmark: str) -> str:
    """Return "humaneval (164 problems, data 1a2b3c4d)"."""
    return f"{benchmark} ({describe_problems(manifest, benchmark)})"


def describe_problems(manifest: Mapping[str, Any], benchmark: str) -> str:
    """Return "164 problems, data 1a2b3c4d", or which part of them the run has."""
    facts = manifest["identity"]["benchmarks"][benchmark]
    tasks = manifest["tasks"][benchmark]
    problems = f"{facts['problems']} problems"
    if len(tasks) < facts["problems"]:
        problems = f"{len(tasks)} of {problems}, set {digest_json(tasks)[:SHOWN]}"
    return f"{problems}, data {facts['data_digest'][:SHOWN]}"


def describe_recipe(manifest: Mapping[str, Any], benchmark: str) -> str:
    """Return "recipe chat 5e6f7a8b", with the extraction rule if it is not the recipe's own."""
    identity = manifest["identity"]
    recipe, extraction = (_format_recipe(identity.get(what, {}).get(benchmark)) for what in ("recipe", "extraction"))
    return f"recipe {recipe}" + ("" if recipe == extraction else f", extraction {extraction}")


def describe_sampling(manifest: Mapping[str, Any]) -> str:
    """Return "greedy, 512 tokens" or "temperature 0.2, top-p 0.95"."""
    sampling = manifest["identity"].get("sampling")
    if sampling is None:
        return "sampling not known"
    limit = f", {sampling['max_tokens']} tokens" if sampling.get("max_tokens") else ""
    limit += f", system message {digest_json(sampling['system'])[:SHOWN]}" if sampling.get("system") else ""
    if not sampling.get("temperature"):
        return f"greedy{limit}"
    return f"temperature {sampling['temperature']:g}, top-p {sampling.get('top_p', 1.0):g}{limit}"


def describe_run(manifest: Mapping[str, Any]) -> list[str]:
    """Return a line for each benchmark (version, recipe, sampling, samples of each problem), and one for the date."""
    n = manifest["config"].get("n", 1)
    each = [f"{n} samples each"] if n > 1 else []
    date = find_date(manifest)
    lines = [
        replace_unprintable(
            ", ".join(
                [
                    describe_benchmark(manifest, name),
                    describe_recipe(manifest, name),
                    describe_sampling(manifest),
                    *each,
                ]
            )
        )
        for name in manifest["tasks"]
    ]
    return [*lines, f"run on {date}"] if date else lines


def name_with_digest(manifest: Mapping[str, Any]) -> str:
    """Return "WizardCoder-15B-V1.0 1a2b3c4d"; the name alone if no digest is known."""
    return f"{name_model(manifest)} {shorten_weights_digest(manifest)}".rstrip()


def describe_published(manifest: Mapping[str, Any]) -> list[str]:
    """Return a line for each figure that was published about the model on a benchmark of the run."""
    known = find_known(name_subject(manifest))
    return [
        f"published: {score.benchmark} {score.metric} {score.percent:.1f} %"
        + (f", {score.how}" if score.how else "")
        + f" ({score.source})"
        for score in (known.published if known else ())
        if score.benchmark in manifest["tasks"] and not score.part
    ]


def find_date(manifest: Mapping[str, Any]) -> str:
    """Return the day on which the run last ended or started, as "2026-12-01"; "" if it is not recorded."""
    for session in reversed(manifest.get("sessions", [])):
        if when := session.get("ended_at") or session.get("started_at"):
            return str(when)[:10]
    return ""


def _format_recipe(recipe: Mapping[str, str] | None) -> str:
    return f"{recipe['name']} {recipe['digest'][:SHOWN]}" if recipe else "not known"
