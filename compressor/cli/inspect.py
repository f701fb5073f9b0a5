"""`compressor inspect`: what of a file a target accelerates, without TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from compressor.options import debug_option, json_option, print_json, timeout_option

if TYPE_CHECKING:
    from compressor.inspection import Inspection, UseCompiler


@click.command(name="inspect")
@click.argument("file", type=click.Path())
@click.option("--target", required=True, help="The device; `compressor list targets` has all.")
@click.option(
    "--require-accelerated",
    "required",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Exit with 1 when a smaller share of multiply-accumulates is accelerated, 0 to 1.",
)
@click.option(
    "--compiler",
    type=click.Choice(["auto", "never", "required"]),
    default="auto",
    show_default=True,
    help="Compare with the vendor's compiler: when it is on PATH, never, or exit with 3 when it is not.",
)
@timeout_option
@json_option
@debug_option
def COMMAND(
    file: str,
    target: str,
    required: float | None,
    compiler: UseCompiler,
    timeout: float,
    as_json: bool,
    debug: bool,
) -> int:
    """Say where each operator of FILE, .tflite or .onnx, would run on a device, why, and what to change.

    \b
    Example:
      compressor inspect model_int8.tflite --target coral --require-accelerated 0.95
      compressor inspect model_int8.onnx --target jetson_orin_nano
    """
    from compressor import api
    from compressor.errors import BadInput

    found = api.inspect(file, target, compiler=compiler, timeout=timeout)
    if as_json:
        print_json(found.as_dict())
    if found.mistakes:
        raise BadInput(f"{target} takes nothing of {file}:" + "".join(f"\n  {told}" for told in found.mistakes))
    if not as_json:
        _show(found)
    if required is None or found.accelerated_macs_share >= required:
        return 0
    click.echo(f"accelerated share {found.accelerated_macs_share:.4f} is below {required:g}", err=True)
    return 1


def _show(found: Inspection) -> None:
    """The table, what to change, and what the vendor's compiler said."""
    from rich.markup import escape

    from compressor.report.terminal import console
    from compressor.report.terminal_inspection import table

    to = console()
    to.print(table(found), soft_wrap=False)
    total = sum(each.macs for each in found.operators)
    of = f"{total:,} multiply-accumulates" if total else "its operators"
    on, left = found.accelerator_ops, found.cpu_ops
    to.print(f"{on} operators on the accelerator, {left} not; {found.accelerated_macs_share:.1%} of {of} accelerated")
    for each in found.operators:
        if each.change:
            to.print(f"[yellow]to change:[/] operator {each.index} ({escape(each.op)}): {escape(each.change)}")
    for warning in found.warnings:
        to.print(f"[yellow]warning:[/] {escape(warning)}")
    if found.compiler:
        to.print(escape(_of_compiler(found)))


def _of_compiler(found: Inspection) -> str:
    from compressor.report.figures import EstimateValue
    from compressor.report.layout import estimated

    told = found.compiler
    if "skipped" in told:
        return f"by the rules alone: {told['skipped']}"
    said = f"{told['tool']} {told['version']} {'agrees' if told['agrees'] else 'differs'}"
    if told.get("estimate") is not None:
        share = told["accelerated_ops"] / len(found.operators)
        return f"{said}: {estimated(EstimateValue(**told['estimate'], accelerated_ops_share=share))}"
    return said if told["per_operator"] else ": ".join((said, "; ".join(told["statuses"])))
