"""`compressor run`: the whole job."""

from __future__ import annotations

import click

from compressor.options import (
    debug_option,
    json_option,
    limit_options,
    limits_from,
    print_json,
    targets_option,
    threads_option,
)


def _finite(_: click.Context, parameter: click.Parameter, value: float) -> float:
    if value != value:
        raise click.BadParameter("must be a number", param=parameter)
    return value


@click.command(name="run")
@click.argument("model")
@click.option("--recipe", default="int8", show_default=True, help="A shipped recipe's name or a YAML file.")
@targets_option
@click.option(
    "--data", type=click.Path(), help="An .npz file, or a sample's name for its data; default is the sample's own."
)
@click.option("--out", type=click.Path(), help="Run folder; default is runs/MODEL-RECIPE.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of every random choice.")
@click.option(
    "--timeout",
    type=click.FloatRange(1, 1e7),
    callback=_finite,
    default=1800.0,
    show_default=True,
    help="Seconds for one conversion or one measurement.",
)
@threads_option
@limit_options
@json_option
@debug_option
def COMMAND(
    model: str,
    recipe: str,
    targets: tuple[str, ...],
    data: str | None,
    out: str | None,
    seed: int,
    timeout: float,
    threads: int,
    as_json: bool,
    debug: bool,
    **limits: float | None,
) -> int:
    """Compress MODEL, export it for each target, and prove the result.

    MODEL is a sample's name or the path of a .h5 or .keras file. Exit code 1 says that a limit is
    broken or a file could not be made.

    \b
    Example:
      compressor run digits_cnn --recipe int8 --target host --target coral
      compressor run my.h5 --recipe qat_int8 --data my.npz --max-accuracy-drop 0.5
    """
    from compressor import api, progress
    from compressor.report import terminal

    checked = limits_from(limits)
    with progress.bar() as listener:
        report, folder = api.run_into(
            model, recipe, targets, data, out, checked, threads, seed, timeout, listener, debug
        )
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        terminal.show(report, folder, terminal.console())
    return report.exit_code
