"""`compressor diagnose`: the tensors inside of a compressed file against those of its float32 file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from compressor.options import debug_option, json_option, print_json, timeout_option

if TYPE_CHECKING:
    from rich.console import Console

    from compressor.diagnosis.ablation import Ablation
    from compressor.verbs.diagnose import Diagnosed


@click.command(name="diagnose")
@click.argument("model", type=click.Path())
@click.argument("artifact", type=click.Path(), required=False)
@click.option("--data", help="Whatever `run` takes; default is the run's own.")
@click.option("--preprocess", multiple=True, metavar="KEY=VALUE", help="How the data is prepared, e.g. divide=255.")
@click.option("--trust", is_flag=True, help="Run Python code that is named, e.g. in --data package.module:function.")
@click.option("--samples", type=click.IntRange(1), default=32, show_default=True, help="How many are run.")
@click.option("--runtime", help="Of the compressed file; default is the first that opens it.")
@click.option("--no-keras", is_flag=True, help="Do not compare the float32 file with the Keras model.")
@click.option("--nodes", type=click.Path(), metavar="FILE", help="Also write node data for Google's Model Explorer.")
@click.option(
    "--ablation",
    type=click.FloatRange(0.1, 1e6),
    metavar="SECONDS",
    help="Also try each layer alone as in the compressed file, and alone float, for so long (TFLite).",
)
@timeout_option
@json_option
@debug_option
def COMMAND(
    model: str,
    artifact: str | None,
    data: str | None,
    preprocess: tuple[str, ...],
    trust: bool,
    samples: int,
    runtime: str | None,
    no_keras: bool,
    nodes: str | None,
    ablation: float | None,
    timeout: float,
    as_json: bool,
    debug: bool,
) -> int:
    """Say where ARTIFACT leaves its float32 file, layer by layer, and what is out of order.

    MODEL is a run folder, of which ARTIFACT is one compressed file (default: all); or a float32 .tflite or .onnx file;
    or a Keras model, which is converted first. Exit code 1 when something is out of order.

    \b
    Example:
      compressor diagnose runs/digits_cnn-int8
      compressor diagnose model_float32.tflite model_int8.tflite --data data.npz --nodes nodes.json
    """
    from compressor import guard

    guard.enter(artifact or model, runtime, timeout)
    from compressor import progress
    from compressor.verbs.diagnose import diagnose

    with progress.bar() as listener:
        found = diagnose(
            model,
            artifact,
            data=data,
            preprocess=preprocess,
            trust=trust,
            samples=samples,
            runtime=runtime,
            keras=not no_keras,
            nodes=nodes,
            ablation=ablation,
            on_progress=listener,
        )
    if as_json:
        print_json([each.as_dict() for each in found])
    else:
        _show(found)
    return 1 if any(each.faults for each in found) else 0


def _show(found: tuple[Diagnosed, ...]) -> None:
    from rich.markup import escape

    from compressor.report.terminal import console
    from compressor.report.terminal_layers import table

    to = console()
    for each in found:
        part = each.layers
        to.print(f"[bold]{escape(str(each.file))}[/] on {part.runtime} against {escape(each.float_file.name)}")
        for told in each.faults:
            to.print(f"[red]out of order:[/] {escape(told)}")
        if not each.faults:
            to.print(f"[green]nothing is out of order[/] on {part.samples} samples")
        if each.conversion_note is not None:
            to.print(f"[dim]Keras and the float32 file were not compared: {escape(each.conversion_note)}[/]")
        to.print(table(part), soft_wrap=False)
        if each.ablation is not None:
            _show_ablation(each.ablation, to)


def _show_ablation(found: Ablation, to: Console) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    made.add_column("layer")
    for header in ("only this layer compressed", "only this layer float"):
        made.add_column(header, justify="right", no_wrap=True)
    for each in found.layers:
        made.add_row(escape(each.layer), f"{each.only_compressed:.4f}", f"{each.only_float:.4f}")
    to.print(
        f"{found.metric} on {found.samples} samples: no layer compressed {found.as_float:.4f}, "
        f"every layer {found.as_compressed:.4f}"
    )
    to.print(made, soft_wrap=False)
    if found.left_out:
        to.print(f"[dim]no time was left for {escape(', '.join(found.left_out))}[/]")
