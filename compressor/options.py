"""Options and output shared by the verbs of the command line."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from compressor.limits import Limits

_Command = Callable[..., Any]

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
debug_option = click.option("--debug", is_flag=True, help="Show tracebacks and keep partial folders.")
targets_option = click.option(
    "--target",
    "targets",
    multiple=True,
    default=("host",),
    show_default=True,
    help="A device; may be given several times.",
)
threads_option = click.option(
    "--threads", type=click.IntRange(1, 1024), default=1, show_default=True, help="Threads while latency is timed."
)

_DATA = (
    click.option(
        "--data",
        help="An .npz, .csv or text file, a folder of images, package.module:function, a YAML data spec, or a sample's "
        "name; default is the sample's own.",
    ),
    click.option(
        "--preprocess", multiple=True, metavar="KEY=VALUE", help="How data is read, e.g. divide=255; several times."
    ),
    click.option("--metric", help="Name of a metric, or package.module:function; default is chosen by labels."),
    click.option("--trust", is_flag=True, help="Run the Python code that other options name."),
)


def data_options(command: _Command) -> _Command:
    """Add what says where samples come from and how they are judged."""
    for option in reversed(_DATA):
        command = option(command)
    return command


def _finite(_: click.Context, parameter: click.Parameter, value: float) -> float:
    if value != value:
        raise click.BadParameter("must be a number", param=parameter)
    return value


timeout_option = click.option(
    "--timeout",
    type=click.FloatRange(1, 1e7),
    callback=_finite,
    default=1800.0,
    show_default=True,
    help="Seconds for one conversion or one measurement.",
)

_TRAINING = (
    click.option(
        "--device", default="auto", show_default=True, help="Where training happens: auto, cpu, gpu or gpu:N, the N-th."
    ),
    click.option("--memory-limit", type=click.IntRange(1), metavar="MIB", help="Of each GPU; default grows as needed."),
    click.option("--mixed-precision", is_flag=True, help="Train in half precision where the device is fast with it."),
    click.option("--batch-size", metavar="N|auto", help="Samples per training step; auto finds the most that fit."),
    click.option("--eager", is_flag=True, help="Train without graphs, to debug."),
    click.option("--xla", is_flag=True, help="Compile training by XLA."),
    click.option(
        "--strategy",
        default="none",
        show_default=True,
        help="Spread training: none, mirrored (GPUs), multiworker (machines, by TF_CONFIG) or tpu.",
    ),
    click.option("--replicas", type=click.IntRange(1), help="GPUs of mirrored; without GPUs, parts of the CPU."),
    click.option(
        "--early-stopping",
        type=click.IntRange(1),
        metavar="EPOCHS",
        help="Stop once the loss on held-out training samples has not fallen for so long.",
    ),
    click.option("--tensorboard", is_flag=True, help="Leave event files in the folder tensorboard of the run."),
)


def training_flags(command: _Command) -> _Command:
    """Add what says where and how training happens; the command gets one `training`."""

    @functools.wraps(command)
    def collected(**arguments: Any) -> Any:
        from compressor.training.options import TrainingOptions

        asked = {field.name: arguments.pop(field.name) for field in fields(TrainingOptions)}
        size = asked["batch_size"]
        if size is not None and size.isdecimal():
            asked["batch_size"] = int(size)
        return command(**arguments, training=TrainingOptions(**asked))

    wrapped: _Command = collected
    for option in reversed(_TRAINING):
        wrapped = option(wrapped)
    return wrapped


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file is measured: here, on an emulated core, or on a board that ssh reaches."""

    emulate: str | None
    host: str | None
    port: int | None
    identity: Path | None
    ssh_config: Path | None
    remote_python: str

    @property
    def here(self) -> bool:
        """In this process's own machine."""
        return self.emulate is None and self.host is None


_PLACES = (
    click.option("--emulate", metavar="CPU", help="An emulated ARM core, e.g. cortex-a72; see `compressor emulator`."),
    click.option("--host", metavar="USER@BOARD", help="A board that ssh reaches by key, with this package."),
    click.option("--port", type=click.IntRange(1, 65535), help="Of ssh on the board."),
    click.option("--identity", type=click.Path(path_type=Path), metavar="FILE", help="Private key for ssh."),
    click.option("--ssh-config", type=click.Path(path_type=Path), metavar="FILE", help="Instead of ~/.ssh/config."),
    click.option(
        "--remote-python",
        default="python3",
        show_default=True,
        metavar="PATH",
        help="Python on the board; a relative path starts in the home folder there, and so does ~/.",
    ),
)


def place_options(command: _Command) -> _Command:
    """Add what says where a file is measured; the command gets one `place`."""

    @functools.wraps(command)
    def collected(**arguments: Any) -> Any:
        place = Place(**{field.name: arguments.pop(field.name) for field in fields(Place)})
        if place.emulate is not None and place.host is not None:
            raise click.UsageError("--emulate and --host are two places: give one of them.")
        if place.host is None and (place.port or place.identity or place.ssh_config):
            raise click.UsageError("--port, --identity and --ssh-config say how ssh reaches a board: give its --host.")
        return command(**arguments, place=place)

    wrapped: _Command = collected
    for option in reversed(_PLACES):
        wrapped = option(wrapped)
    return wrapped


_LIMITS = {
    "max_accuracy_drop": "Largest accuracy drop, in points (dB for PSNR).",
    "max_error_rise": "Largest rise of an error or of perplexity, in percent.",
    "min_agreement": "Smallest share of equal answers, 0 to 1.",
    "max_size_ratio": "Largest compressed bytes / float32 bytes.",
    "max_latency_ratio": "Largest compressed p50 / float32 p50.",
}


def limit_options(command: _Command) -> _Command:
    """Add one option per limit; each overrides the recipe's own."""
    for name, told in reversed(_LIMITS.items()):
        command = click.option(f"--{name.replace('_', '-')}", name, type=float, help=told)(command)
    return command


def limits_from(options: Mapping[str, float | None]) -> Limits:
    """The limits that were given on the command line.

    Raises:
        BadInput: a limit out of its range.
    """
    from pydantic import ValidationError

    from compressor.errors import BadInput
    from compressor.limits import Limits
    from compressor.sentences import sentences

    try:
        return Limits(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        raise BadInput("; ".join(sentences(error, Limits))) from None


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, indent=2))
