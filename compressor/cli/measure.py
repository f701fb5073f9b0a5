"""`compressor measure`: one file on one runtime, in a guarded child of this process, without TensorFlow.

Or on an emulated ARM core, or on a board: the same command, started there.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compressor.options import (
    Place,
    debug_option,
    json_option,
    place_options,
    print_json,
    threads_option,
    timeout_option,
)

if TYPE_CHECKING:
    from compressor.measurement import Measurement
    from compressor.measuring_process import Asked


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
@click.option("--samples", type=click.IntRange(1), help="Only so many of the evaluation samples, the first ones.")
@click.option("--no-latency", is_flag=True, help="Time nothing.")
@click.option("--against", type=click.Path(), help="A file, usually the float32 one: time both turn about.")
@click.option("--against-runtime", help="Runtime of that file; default is this one's.")
@place_options
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
    samples: int | None,
    no_latency: bool,
    against: str | None,
    against_runtime: str | None,
    place: Place,
    threads: int,
    timeout: float,
    as_json: bool,
    debug: bool,
) -> None:
    """Measure accuracy, latency and memory of ARTIFACT, a .tflite or .onnx file.

    Needs no TensorFlow: it runs on the device itself. With --host it does so over ssh; with --emulate on an emulated
    ARM core, which has no latency. With --against the ratio of two latencies has an interval, and the machine's noise
    is told: a ratio within it means nothing.

    \b
    Example:
      compressor measure model_int8.tflite --data data.npz --threads 4
      compressor measure model_int8.tflite --data data.npz --against model_float32.tflite
      compressor measure model_int8.tflite --data data.npz --host pi@raspberrypi.local
      compressor measure model_int8.tflite --data data.npz --emulate cortex-a72
    """
    from compressor.measuring_process import Asked

    if against is not None and (no_latency or place.emulate is not None):
        raise click.UsageError("--against compares latencies, and with --no-latency or --emulate there is none.")
    asked = Asked(
        artifact=Path(artifact),
        data=data,
        preprocess=preprocess,
        trust=trust,
        runtime=runtime,
        metric=metric,
        judged=judged,
        outputs=None if outputs is None else Path(outputs),
        samples=samples,
        threads=threads,
        timeout=timeout,
        against=None if against is None else Path(against),
        against_runtime=against_runtime,
    )
    found = _here(asked, timed=not no_latency) if place.here else _elsewhere(asked, place, timed=not no_latency)
    if as_json:
        print_json(found)
    else:
        _show(found, artifact, threads)


def _here(asked: Asked, timed: bool) -> dict[str, Any]:
    from compressor import guard

    guard.enter(str(asked.artifact), asked.runtime, asked.timeout)
    from compressor import api, progress

    with progress.bar() as listener:
        found = api.measure(
            asked.artifact,
            asked.data,
            preprocess=asked.preprocess,
            trust=asked.trust,
            runtime=asked.runtime,
            threads=asked.threads,
            metric=asked.metric,
            judged=asked.judged,
            results=asked.outputs,
            samples=asked.samples,
            timed=timed,
            against=asked.against,
            against_runtime=asked.against_runtime,
            on_progress=listener,
        )
    return _as_dict(found)


def _elsewhere(asked: Asked, place: Place, timed: bool) -> dict[str, Any]:
    from compressor import progress
    from compressor.board import Board
    from compressor.board import measure as on_board
    from compressor.emulator import running

    with progress.bar() as listener:
        if place.emulate is not None:
            listener(progress.Progress(f"measuring on an emulated {place.emulate}"))
            return running.measure(asked, place.emulate)
        listener(progress.Progress(f"measuring on {place.host}"))
        board = Board(str(place.host), place.port, place.identity, place.ssh_config, place.remote_python)
        return on_board(asked, board, timed)


def _show(found: dict[str, Any], artifact: str, threads: int) -> None:
    click.echo(f"{artifact} on {found['runtime']}, {found['host']}, {threads} thread{'s' * (threads > 1)}")
    if found["metric"] is not None:
        click.echo(f"  {found['metric']['name']:<12}{found['metric']['value']:.4f} on {found['samples']} samples")
    timed = found["latency_ms"]
    if timed is not None:
        told = f"p50 {timed['p50']:.4f} ms, p90 {timed['p90']:.4f}, p99 {timed['p99']:.4f} ({timed['runs']} runs)"
        click.echo(f"  {'latency':<12}{told}")
    compared = found.get("latency_ratio")
    if compared is not None:
        low, high = compared["interval"]["low"], compared["interval"]["high"]
        told = f"{compared['ratio']:.3f} × of the other's, 95 % between {low:.3f} and {high:.3f}"
        click.echo(f"  {'ratio':<12}{told}; noise {compared['noise']:.1%} ({compared['rounds']} rounds)")
    if found["peak_rss_bytes"]:
        over = (found.get("memory") or {}).get("over_baseline_bytes")
        told = "" if over is None else f", {over / 1e6:.1f} MB of it for the file"
        click.echo(f"  {'peak memory':<12}{found['peak_rss_bytes'] / 1e6:.1f} MB{told}")
    if not found.get("repeatable", True):
        click.echo("  not repeatable: the first sample is answered otherwise after the others; a state is not reset")
    for note in found.get("notes", ()):
        click.echo(f"  {note}")


def _as_dict(found: Measurement) -> dict[str, Any]:
    return {
        "runtime": found.runtime,
        "host": found.host,
        "provenance": "measured",
        "samples": found.samples,
        "metric": None if found.value is None else {"name": found.metric, "value": found.value},
        "latency_ms": None if found.latency is None else asdict(found.latency),
        "latency_ratio": None if found.latency_ratio is None else asdict(found.latency_ratio),
        "operator_times": [asdict(each) for each in found.operator_times],
        "peak_rss_bytes": found.peak_rss_bytes,
        "memory": asdict(found.memory),
        "repeatable": found.repeatable,
        "notes": list(found.notes),
        "inputs": [asdict(spec) for spec in found.inputs],
        "outputs": [asdict(spec) for spec in found.outputs],
    }
