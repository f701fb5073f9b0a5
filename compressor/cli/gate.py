"""`compressor gate`: limits applied to a report of an earlier run."""

from __future__ import annotations

from pathlib import Path

import click

from compressor.ci_options import CiOutputs, ci_options, leave
from compressor.options import Gating, debug_option, gating_options, json_option, print_json


@click.command(name="gate")
@click.argument("report", type=click.Path())
@gating_options
@ci_options
@json_option
@debug_option
def COMMAND(report: str, as_json: bool, debug: bool, ci: CiOutputs, gating: Gating) -> int:
    """Apply limits to REPORT, a report.json or a run folder; exit code 1 when one is broken.

    Without options the limits of the run's own recipe are applied; a file overrides them, and each option one of both.

    \b
    Example:
      compressor gate runs/digits_cnn-int8 --max-accuracy-drop 0.5 --max-size-ratio 0.3
      compressor gate runs/digits_cnn-int8 --limits limits.yaml --undecided fail
      compressor gate runs/digits_cnn-int8 --junit junit.xml --summary summary.md
    """
    from compressor import api
    from compressor.report import findings, terminal

    judged = api.gate(report, gating.limits, undecided=gating.undecided, implausible=gating.implausible)
    path = Path(report)
    leave(ci, findings.of_report(judged), path / "report.json" if path.is_dir() else path, as_json)
    if as_json:
        kept = judged.recipe.limits.model_dump(exclude_none=True)
        print_json({"limits": kept, "verdict": judged.verdict.model_dump(mode="json")})
    else:
        terminal.show_verdict(judged, terminal.console())
    return judged.exit_code
