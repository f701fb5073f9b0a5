"""Options of the verbs that end with a verdict: what they leave for CI."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from compressor.report.findings import Findings

_Command = Callable[..., Any]
_STDOUT = "-"


@dataclass(frozen=True, slots=True)
class CiOutputs:
    """What is asked for: `junit` and `summary` are files (`summary` may be `-`, stdout), `github` a workflow's step."""

    junit: Path | None
    summary: str | None
    github: bool


_OPTIONS = (
    click.option(
        "--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit XML for Jenkins, GitLab."
    ),
    click.option(
        "--summary", type=click.Path(), metavar="FILE", help="Write Markdown for a pull request; - is stdout."
    ),
    click.option(
        "--github",
        is_flag=True,
        help="In a GitHub workflow: annotations, the step's summary, and its outputs verdict and report.",
    ),
)


def ci_options(command: _Command) -> _Command:
    """Add what says what is left for CI; the command gets one `ci`."""

    @functools.wraps(command)
    def collected(**arguments: Any) -> Any:
        outputs = CiOutputs(**{field.name: arguments.pop(field.name) for field in fields(CiOutputs)})
        if outputs.summary == _STDOUT and arguments.get("as_json"):
            raise click.UsageError("--json and --summary - both want stdout: give --summary a file.")
        return command(**arguments, ci=outputs)

    wrapped: _Command = collected
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def leave(outputs: CiOutputs, findings: Findings, report: Path, as_json: bool) -> None:
    """Write what was asked for, whatever the verdict is.

    Args:
        report: where the report lies.
        as_json: stdout is taken; GitHub reads annotations on stderr as well.

    Raises:
        BadInput: a file that cannot be replaced.
        OSError: a folder that cannot be written.
    """
    from compressor.files import write_text
    from compressor.report import annotations, junit, workflow

    if outputs.junit is not None:
        write_text(outputs.junit, junit.render(findings.cases, findings.properties, findings.name))
    if outputs.summary == _STDOUT:
        click.echo(findings.markdown, nl=False)
    elif outputs.summary is not None:
        write_text(Path(outputs.summary), findings.markdown)
    if outputs.github:
        for line in annotations.lines(findings.cases, findings.warnings, findings.sentence):
            click.echo(line, err=as_json)
        workflow.append_summary(findings.markdown)
        workflow.append_outputs({"verdict": "passed" if findings.passed else "failed", "report": str(report)})
