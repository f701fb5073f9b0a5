"""The command line: one verb per file, found by file name; each defines `COMMAND`.

Results go to stdout, everything else to stderr. Exit codes: 0 passed, 1 a limit is broken or a stage failed,
2 bad input, 3 a tool or device is missing, 130 interrupted.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import Any, NoReturn

import click

from compressor import __version__, registry
from compressor.errors import BadInput, CompressorError, missing, out_of_memory

_INTERRUPTED, _TERMINATED = 130, 143


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(registry.names(__name__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in registry.names(__name__):
            return None
        command: click.Command = registry.load(__name__, cmd_name, "COMMAND", "command")
        return command


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="compressor")
def cli() -> None:
    """Compress Keras models for the edge, export them for each device, and prove the result.

    Example: compressor run digits_cnn --recipe int8 --target host --target coral
    """


def main() -> NoReturn:
    """Run the command line; every failure ends in one message and an exit code."""
    for sent in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sent, _terminate)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a sign shows another one, and the run still counts.
            stream.reconfigure(errors="replace")
    try:
        sys.exit(_run())
    except (click.Abort, KeyboardInterrupt):
        _say(f"interrupted; nothing was left behind{_goes_on()}")
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # The reader (head, a pager) went away: that is no failure of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _run() -> int:
    try:
        with cli.make_context("compressor", sys.argv[1:]) as context:
            code = cli.invoke(context)
            if sys.stdout is not None:
                sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show(sys.stderr)
        return BadInput.exit_code
    except BrokenPipeError:
        raise
    except (CompressorError, ModuleNotFoundError, OSError, MemoryError) as error:
        if "--debug" in sys.argv:
            raise
        told = _told(error)
        _say(f"error: {told}")
        if "--github" in sys.argv:
            _annotate(str(told))
        return told.exit_code


def _told(error: CompressorError | ModuleNotFoundError | OSError | MemoryError) -> CompressorError:
    if isinstance(error, CompressorError):
        return error
    if isinstance(error, ModuleNotFoundError):
        return missing(error)
    if isinstance(error, MemoryError):
        return out_of_memory(error)
    return BadInput(": ".join(filter(None, (error.strerror or str(error), str(error.filename or "")))))


def _terminate(*_: Any) -> NoReturn:
    _say(f"terminated; nothing was left behind{_goes_on()}")
    sys.exit(_TERMINATED)


def _goes_on() -> str:
    """Checkpoints in the cache are no part of what a command leaves."""
    trains = sys.argv[1:2] in (["train"], ["run"])
    return "; training goes on after its last epoch when the same command is given again" if trains else ""


def _annotate(message: str) -> None:
    from compressor.report.annotations import error

    _say(error(message))


def _say(message: str) -> None:
    click.echo(message, err=True)
