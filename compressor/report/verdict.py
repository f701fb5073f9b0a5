"""The verdict of a report: every limit on every row, and what of it breaks the run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from compressor.report.figures import Interval, Part


class Violation(Part):
    """A limit that a row broke, or a row that failed (`limit` is then "finished")."""

    limit: str
    network: str | None = None
    target: str
    format: str
    precision: str
    runtime: str
    expected: str
    received: str
    message: str


Answer = Literal["passed", "failed", "undecided", "implausible"]


class Judgement(Part):
    """One limit applied to one row.

    `undecided`: the interval of the value straddles the limit; `more_samples` evaluation samples beyond those there
    would decide it, if all goes on as it did. `implausible`: better than the float32 file by more than chance allows.
    `value` and `interval` are in the unit of `expected`; the interval is None where the value is exact. `row` is a
    position in `Report.rows`.
    """

    limit: str
    verdict: Answer
    row: int
    expected: str
    received: str
    value: float | None = None
    interval: Interval | None = None
    more_samples: int | None = None
    message: str


class Verdict(Part):
    """Passed when nothing is violated; `not_judged` says which limit could not be applied where, and why.

    `judgements` has every limit on every row it applies to. Those that failed are violations, implausible ones too
    unless `implausible` is `pass`, and undecided ones where `undecided` is `fail`.
    """

    passed: bool
    violations: list[Violation]
    not_judged: list[str] = Field(default_factory=list)
    judgements: list[Judgement] = Field(default_factory=list)
    undecided: Literal["fail", "pass"] = "pass"
    implausible: Literal["fail", "pass"] = "fail"
