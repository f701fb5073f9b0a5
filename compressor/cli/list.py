"""`compressor list`: what there is to name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from compressor.options import debug_option, json_option, print_json

if TYPE_CHECKING:
    from compressor.target import Value

_KINDS = ("models", "files", "recipes", "targets", "steps", "formats", "runtimes", "metrics")


@click.command(name="list")
@click.argument("kind", type=click.Choice(_KINDS), required=False)
@json_option
@debug_option
def COMMAND(kind: str | None, as_json: bool, debug: bool) -> None:
    """List models, model files, recipes, targets, steps, formats, runtimes or metrics; all without an argument.

    \b
    Example:
      compressor list recipes
    """
    found = {each: _SUMMARIES[each]() for each in ([kind] if kind else _KINDS)}
    if as_json:
        print_json(found | (_devices() if kind == "targets" else {}))
        return
    if kind == "targets":
        _show_targets()
        return
    for each, entries in found.items():
        if kind is None:
            click.secho(each, bold=True)
        width = max(map(len, entries), default=0)
        for name, summary in entries.items():
            click.echo(f"  {name:<{width}}  {summary}")


def _models() -> dict[str, str]:
    from compressor import names, registry

    samples = {name: names.load_sample(name) for name in registry.names("sample_models")}
    return {name: f"{sample.summary}; {sample.expects}" for name, sample in samples.items()}


def _files() -> dict[str, str]:
    from compressor import model_files

    readers = {name: model_files.load_reader(name) for name in model_files.names()}
    return {name: reader.summary for name, reader in readers.items()}


def _recipes() -> dict[str, str]:
    from compressor import recipe

    return {name: recipe.load(name).summary for name in recipe.shipped()}


def _targets() -> dict[str, str]:
    from compressor import names

    return {name: target.summary for name, target in names.all_targets().items()}


def _devices() -> dict[str, Any]:
    """Families with the names of their variants, and every target's facts with their sources."""
    from compressor import names

    known = names.all_targets()
    return {
        "families": {
            name: [board.name for board in target.boards] for name, target in known.items() if not target.family
        },
        "facts": {name: {each: asdict(fact) for each, fact in target.facts.items()} for name, target in known.items()},
    }


def _show_targets() -> None:
    """Each family with its facts, below it each variant with what differs."""
    from compressor import names

    known = names.all_targets()
    for name, target in known.items():
        indent = "    " if target.family else "  "
        click.echo(f"{indent}{click.style(name, bold=True)}  {target.summary}")
        inherited = known[target.family].facts if target.family else {}
        for each, fact in target.facts.items():
            if fact != inherited.get(each):
                doubt = "" if fact.confirmed else ", not confirmed"
                click.echo(f"{indent}    {each}: {_told(fact.value)} ({fact.source}{doubt})")


def _told(value: Value) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _steps() -> dict[str, str]:
    from compressor import steps

    return {name: steps.load(name).summary for name in steps.names()}


def _formats() -> dict[str, str]:
    from compressor import formats

    return {name: formats.load(name).summary for name in formats.names()}


def _runtimes() -> dict[str, str]:
    from compressor import runtimes

    return {name: runtimes.load(name).summary for name in runtimes.names()}


def _metrics() -> dict[str, str]:
    from compressor import metrics

    return {name: metrics.load(name).summary for name in metrics.names()}


_SUMMARIES: dict[str, Callable[[], dict[str, str]]] = {
    "models": _models,
    "files": _files,
    "recipes": _recipes,
    "targets": _targets,
    "steps": _steps,
    "formats": _formats,
    "runtimes": _runtimes,
    "metrics": _metrics,
}
