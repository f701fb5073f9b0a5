"""`compressor measure`: one file on one runtime, in a guarded child of this process, without TensorFlow."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from compressor.options import debug_option, json_option, print_json, threads_option, timeout_option

if TYPE_CHECKING:
    from compressor.measurement import Measurement


@click.command(name="measure")
@click.argument("artifact", type=click.Path())
@click.option("--data", required=True, help="An .npz, whatever else `run` takes, or a .yaml file that describes it.")
@click.option(
    "--preprocess",
    multiple=True,
    metavar="KEY=VALUE",
    help="How the data is prepared, e.g. divide=255; may be given several times.",
)
@click.option("--trust", is_flag=True, help="Run Python code that is named, e.g. in --data package.module:function.")
@click.option("--runtime", help="Default: the first that opens the file.")
@click.option("--outputs", type=click.Path(), help="Also write every sample's outputs to this .npz.")
@click.option("--metric", help="Name of the metric; default is the one that suits labels and outputs.")
@click.option("--judged", help="Output that the labels belong to; default is the first.")
@threads_option
@timeout_option
@json_option
@debug_option
def COMMAND(
    artifact: str,
    data: str,
    preprocess: tuple[str, ...],
    trust: bool,
    runtime: str | None,
    metric: str | None,
    judged: str | None,
    outputs: str | None,
    threads: int,
    timeout: float,
    as_json: bool,
    debug: bool,
) -> None:
    """Measure accuracy, latency and memory of ARTIFACT, a .tflite or .onnx file.

    Needs no TensorFlow: it runs on the device itself.

    \b
    Example:
      compressor measure model_int8.tflite --data data.npz --threads 4
    """
    from compressor import guard

    guard.enter(artifact, data, runtime, timeout)
    from compressor import api, progress

    with progress.bar() as listener:
        found = api.measure(
            artifact,
            data,
            preprocess=preprocess,
            trust=trust,
            runtime=runtime,
            threads=threads,
            metric=metric,
            judged=judged,
            results=outputs,
            on_progress=listener,
        )
    if as_json:
        print_json(_as_dict(found))
        return
    click.echo(f"{artifact} on {found.runtime}, {found.host}, {threads} thread{'s' * (threads > 1)}")
    if found.value is not None:
        click.echo(f"  {found.metric:<12}{found.value:.4f} on {found.samples} samples")
    timed = found.latency
    click.echo(f"  {'latency':<12}p50 {timed.p50:.4f} ms, p90 {timed.p90:.4f}, p99 {timed.p99:.4f} ({timed.runs} runs)")
    if found.peak_rss_bytes:
        click.echo(f"  {'peak memory':<12}{found.peak_rss_bytes / 1e6:.1f} MB")


def _as_dict(found: Measurement) -> dict[str, Any]:
    return {
        "runtime": found.runtime,
        "host": found.host,
        "provenance": "measured",
        "samples": found.samples,
        "metric": None if found.value is None else {"name": found.metric, "value": found.value},
        "latency_ms": asdict(found.latency),
        "peak_rss_bytes": found.peak_rss_bytes,
        "inputs": [asdict(spec) for spec in found.inputs],
        "outputs": [asdict(spec) for spec in found.outputs],
    }
