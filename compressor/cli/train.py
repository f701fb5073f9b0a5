"""`compressor train`: a sample from scratch, or a Keras model on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from compressor.options import data_options, debug_option, json_option, print_json, training_flags

if TYPE_CHECKING:
    pass


@click.command(name="train")
@click.argument("model")
@click.option("--epochs", type=click.IntRange(1), help="Default is the sample's, and 2 for a file.")
@click.option("--learning-rate", type=float, help="At the start; default is the sample's, and 0.0001 for a file.")
@training_flags
@data_options
@click.option("--custom-objects", help="package.module that defines the model's own layers; needs --trust.")
@click.option("--out", type=click.Path(), help="Folder; default is runs/MODEL-train.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of every random choice.")
@json_option
@debug_option
def COMMAND(as_json: bool, **arguments: Any) -> int:
    """Train MODEL and leave it as Keras files.

    MODEL is a sample's name, trained from scratch, or a Keras model file, trained on. Killed and
    started again, training goes on from its last epoch and ends with the same weights.

    \b
    Example:
      compressor train digits_cnn
      compressor train my.keras --data my.npz --epochs 10 --early-stopping 3
      compressor train mnist_cnn --device gpu --mixed-precision --batch-size auto
    """
    from compressor import progress
    from compressor.verbs import train as train_verb

    with progress.bar() as listener:
        trained = train_verb.train(**arguments, on_progress=listener)
    if as_json:
        print_json(trained.record)
        return 0
    for line in _lines(trained.record):
        click.echo(line)
    first, *others = trained.record["files"]
    others += [name for name in ("loss.svg", "tensorboard") if (trained.folder / name).exists()]
    click.echo(f"model: {trained.folder / first}; beside it {', '.join(others)}")
    return 0


def _lines(record: dict[str, Any]) -> list[str]:
    from compressor import curve
    from compressor.report.layout import number

    done, data, metric = record["training"], record["data"], record["metric"]
    losses = done["history"].get("loss", [])
    cached = ", from the cache" if done.get("cached") else ""
    lines = [
        f"{record['model']} on {', '.join(record['devices'])}: {data['train']} samples of {data['name']}, "
        f"batches of {done['batch_size']}, {done['epochs']} epochs in {done['seconds']} s{cached}",
        f"loss {curve.blocks(losses)} {number(losses[0])} → {number(losses[-1])}",
    ]
    if metric is not None:
        before = "" if metric["before"] is None else f" (before: {number(metric['before'])})"
        lines.append(f"{metric['name']} {number(metric['value'])} on {data['evaluation']} samples{before}")
    return [*lines, *(f"warning: {told}" for told in record["warnings"])]
