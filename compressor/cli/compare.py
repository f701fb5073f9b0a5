"""`compressor compare`: a report against an earlier one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import click

from compressor.ci_options import CiOutputs, ci_options, leave
from compressor.options import debug_option, json_option, print_json

# Name, default and meaning of `RegressionLimits`, which takes pydantic to read; a test compares them.
LIMITS = {
    "max_size_growth": (1.0, "Percent of raw, deflated and packed bytes."),
    "max_accuracy_fall": (0.2, "Points of a metric that is a share."),
    "max_error_growth": (1.0, "Percent of a metric that is an error."),
    "max_db_fall": (0.5, "dB of a metric in dB."),
    "max_agreement_fall": (0.5, "Points of equal answers."),
    "max_latency_growth": (10.0, "Percent of compressed / float32, beyond the noise of both runs."),
    "max_memory_growth": (5.0, "Percent of memory."),
    "max_accelerated_share_fall": (0.0, "Points of the work that the device accelerates."),
}


def _limit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, (default, told) in reversed(LIMITS.items()):
        flag = f"--{name.replace('_', '-')}"
        command = click.option(flag, name, type=float, default=default, show_default=True, help=told)(command)
    return command


@click.command(name="compare")
@click.argument("old", type=click.Path())
@click.argument("new", type=click.Path())
@_limit_options
@click.option("--undecided", type=click.Choice(["fail", "pass"]), default="pass", show_default=True)
@ci_options
@json_option
@debug_option
def COMMAND(
    old: str,
    new: str,
    undecided: Literal["fail", "pass"],
    as_json: bool,
    debug: bool,
    ci: CiOutputs,
    **limits: float,
) -> int:
    """Gate NEW against OLD, both a run folder or a report.json; exit code 1 when something got worse than it may.

    Samples are paired where both folders hold outputs of the same data.

    \b
    Example:
      compressor compare runs/main runs/branch --max-accuracy-fall 0.5
      compressor compare main/report.json runs/branch --junit junit.xml
    """
    from pydantic import ValidationError

    from compressor.errors import BadInput
    from compressor.regression_limits import RegressionLimits
    from compressor.report import findings, terminal, terminal_comparison
    from compressor.sentences import sentences
    from compressor.verbs.compare import compare

    try:
        stated = RegressionLimits(**limits)
    except ValidationError as error:
        raise BadInput("; ".join(sentences(error, RegressionLimits))) from None
    found = compare(old, new, stated, undecided)
    path = Path(new)
    leave(ci, findings.of_comparison(found), path / "report.json" if path.is_dir() else path, as_json)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        terminal_comparison.show(found, terminal.console())
    return found.exit_code
