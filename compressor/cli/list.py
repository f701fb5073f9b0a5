"""`compressor list`: what there is to name."""

from __future__ import annotations

from collections.abc import Callable

import click

from compressor.options import debug_option, json_option, print_json

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
        print_json(found)
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
    from compressor import names, registry

    return {target.name: target.summary for target in names.load_targets(registry.names("targets"))}


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
