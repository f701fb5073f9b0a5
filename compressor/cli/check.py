"""`compressor check`: recipe × targets, without TensorFlow."""

from __future__ import annotations

import click

from compressor.options import debug_option, json_option, print_json, targets_option


@click.command(name="check")
@click.option("--recipe", required=True, help="A shipped recipe's name or a YAML file.")
@targets_option
@click.option("--model", help="Also say whether it can be done to this model: a sample's name or a path.")
@json_option
@debug_option
def COMMAND(recipe: str, targets: tuple[str, ...], model: str | None, as_json: bool, debug: bool) -> None:
    """Say whether a recipe can be run for the targets; all mistakes at once, exit code 2.

    \b
    Example:
      compressor check --recipe int8 --target coral --target jetson
      compressor check --recipe prune50_int8 --model network.onnx
    """
    from compressor import api, names
    from compressor.errors import BadInput

    try:
        plan = api.check(recipe, targets, model)
    except BadInput as error:
        if as_json:
            print_json({"passed": False, "mistakes": _listed(str(error))})
        raise
    networks = names.networks_of(model) if model else ()
    if as_json:
        files = [{"stage": str(job.stage), "format": job.format, "precision": str(job.precision)} for job in plan.jobs]
        rows = [{"target": row.target.name, "format": row.job.format, "runtime": row.runtime} for row in plan.rows]
        told = {"passed": True, "recipe": api.load_recipe(recipe).as_dict(), "files": files, "rows": rows}
        print_json(told | ({"networks": list(networks)} if networks else {}))
        return
    each = f" for each of {' and '.join(networks)}" if networks else ""
    click.echo(f"ok: recipe '{recipe}' for {', '.join(targets)} writes{each}")
    for job in plan.jobs:
        click.echo(f"  {job.format} {job.precision} ({job.stage})")


def _listed(message: str) -> list[str]:
    """The mistakes alone, without the headline above them."""
    first, *rest = (line.strip() for line in message.splitlines())
    return rest if first.endswith(":") else [" ".join([first, *rest])]
