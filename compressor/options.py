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
    from compressor.limits import Limits, Policy, Treatment

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


_LIMITS: dict[str, tuple[type, str]] = {
    "max_accuracy_drop": (float, "Largest accuracy drop, in points (dB for PSNR)."),
    "max_error_rise": (float, "Largest rise of an error or of perplexity, in percent."),
    "min_agreement": (float, "Smallest share of equal answers, 0 to 1."),
    "max_abs_error": (float, "Largest difference of any value of any output."),
    "min_sqnr_db": (float, "Smallest signal-to-quantization-noise ratio, in dB."),
    "max_size_ratio": (float, "Largest compressed bytes / float32 bytes."),
    "max_bytes": (int, "Largest compressed file."),
    "max_deflated_ratio": (float, "Largest size ratio after deflate."),
    "max_packed_ratio": (float, "Largest size ratio of the packed files."),
    "max_latency_ratio": (float, "Largest compressed p50 / float32 p50."),
    "max_ram_bytes": (int, "Most memory that running the file may take."),
    "max_flash_bytes": (int, "Most flash that the file may take on its device."),
    "min_accelerated_share": (float, "Smallest share of the work on the target's accelerator, 0 to 1."),
}
_TREATMENT = click.Choice(["fail", "pass"])


@dataclass(frozen=True, slots=True)
class Gating:
    """What a run is judged by: limits in their order, and what becomes of doubtful verdicts; None where unsaid."""

    limits: Limits
    undecided: Treatment | None
    implausible: Treatment | None

    @property
    def policy(self) -> Policy:
        """With the usual treatment where none was said."""
        from compressor.limits import Policy

        said = {name: told for name in ("undecided", "implausible") if (told := getattr(self, name)) is not None}
        return Policy(**said)


def gating_options(command: _Command) -> _Command:
    """Add a file of limits, one option per limit, and the treatment of doubtful verdicts, as one `gating`."""

    @functools.wraps(command)
    def collected(**arguments: Any) -> Any:
        single = {name: arguments.pop(name) for name in _LIMITS}
        file = arguments.pop("limits_file")
        told = {name: arguments.pop(name) for name in ("undecided", "implausible")}
        return command(**arguments, gating=Gating(_limits(file, single), **told))

    wrapped: _Command = collected
    wrapped = click.option("--implausible", type=_TREATMENT, help="A gain beyond chance; usually fail.")(wrapped)
    wrapped = click.option("--undecided", type=_TREATMENT, help="Too few samples to tell; usually pass.")(wrapped)
    for name, (kind, told) in reversed(_LIMITS.items()):
        wrapped = click.option(f"--{name.replace('_', '-')}", name, type=kind, help=told)(wrapped)
    file = click.option("--limits", "limits_file", type=click.Path(), metavar="FILE", help="A YAML file of limits.")
    return file(wrapped)


def _limits(file: str | None, single: Mapping[str, float | None]) -> Limits:
    """The limits of the file, each overridden by the one that was given on the command line.

    Raises:
        BadInput: a file that cannot be read, or limits out of their ranges.
    """
    from compressor import names
    from compressor.limits import Limits

    given = names.checked_limits({name: value for name, value in single.items() if value is not None})
    return (Limits() if file is None else names.load_limits(file)).overridden_by(given)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, indent=2))
