"""One figure of one artifact, before and after, judged by how much worse it may be."""

from __future__ import annotations

from compressor.report.cases import artifact
from compressor.report.figures import Interval, Part
from compressor.report.schema import Answer, Row, place


class Change(Part):
    """What became of one figure.

    `value` is what was lost, in the unit of `expected`; positive is worse. `interval` is None where it is exact, or not
    known: `how` says which. `stage` to `runtime` are those of the row.
    """

    figure: str
    limit: str
    verdict: Answer
    network: str | None = None
    target: str
    artifact: str
    expected: str
    received: str
    before: float | None = None
    after: float | None = None
    value: float | None = None
    interval: Interval | None = None
    how: str | None = None
    message: str


def change(row: Row, figure: str, limit: str, verdict: Answer, expected: str, received: str) -> Change:
    """A change that is no number, such as that of a row that is gone."""
    where = f"{place(row.target, row.network)}: {artifact(row)}"
    return Change(
        figure=figure,
        limit=limit,
        verdict=verdict,
        network=row.network,
        target=row.target,
        artifact=artifact(row),
        expected=expected,
        received=received,
        message=f"{where}: {figure}: expected {expected}, received {received}",
    )


def judged(
    row: Row,
    figure: str,
    limit: tuple[str, float],
    lost: float,
    unit: str,
    *,
    before: float,
    after: float,
    shown: str = "{:.6g}",
    interval: Interval | None = None,
    how: str | None = None,
) -> Change:
    """A change by its limit: passed or failed where the whole interval says so, else undecided.

    Args:
        limit: name and value.
        lost: in `unit`; positive is worse.
        shown: how `before` and `after` are written.
    """
    name, most = limit
    low, high = (lost, lost) if interval is None else (interval.low, interval.high)
    # What is computed of decimal fractions is off by a rounding.
    margin = 1e-9 * max(1.0, abs(most))
    verdict: Answer = "passed" if high <= most + margin else "failed" if low > most + margin else "undecided"
    sure = "" if interval is None else f", 95 % interval {low:+.3g} to {high:+.3g}"
    aside = f"; {how}" if how else ""
    received = f"{lost:+.3g} {unit} ({shown.format(before)} → {shown.format(after)}{sure}{aside})"
    made = change(row, figure, name, verdict, f"at most {most:+g} {unit}", received)
    numbers = {"before": before, "after": after, "value": lost, "interval": interval, "how": how}
    return made.model_copy(update=numbers)
