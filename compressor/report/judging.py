"""Rows as the gate sees them: with their baseline, and the words in which a limit on them is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compressor.report.figures import Interval
from compressor.report.schema import Answer, Judgement, Row

# Rows of a device that is not here.
NOT_HERE = ("skipped", "estimated")


@dataclass(frozen=True, slots=True)
class Judged:
    """One row before its judges.

    Attributes:
        place: in the report's rows.
        baseline: the float32 row that it is compared with, for its size and latency.
        stood_in_for: the device is not here, and a runtime on this host speaks for it.
        trained: the recipe trains, so that a gain is no wonder.
    """

    row: Row
    place: int
    baseline: Row | None
    stood_in_for: bool
    trained: bool

    def judged(
        self,
        limit: str,
        verdict: Answer,
        expected: str,
        received: str,
        *,
        value: float | None = None,
        interval: Interval | None = None,
        more_samples: int | None = None,
        aside: str = "",
    ) -> Judgement:
        """The judgement of a limit on this row."""
        told = f"{self.row.title}: {limit}: expected {expected}, received {received}"
        return Judgement(
            limit=limit,
            verdict=verdict,
            row=self.place,
            expected=expected,
            received=received,
            value=value,
            interval=interval,
            more_samples=more_samples,
            message=f"{told}: {aside}" if aside else told,
        )


def received(value: float, interval: Interval | None) -> str:
    """A number, and how sure it is."""
    return f"{value:.6g}" + (f" (95 %: {interval.low:.4g} to {interval.high:.4g})" if interval else "")


def undecided(more_samples: int | None) -> str:
    """What would help, as part of a sentence."""
    if more_samples is None:
        return "undecided, and no number of samples would decide it: the value lies on the limit"
    return f"undecided, about {more_samples:,} more samples would decide it"


def only_timed(row: Row) -> bool:
    """The device's own tool told how fast the file is, and nothing of its answers."""
    untold = (row.agreement, row.metric, row.peak_rss_bytes)
    return row.provenance == "measured" and row.latency_ms is not None and untold == (None, None, None)


def lacks_labels(row: Row) -> bool:
    """A measured row has a metric whenever there are labels."""
    return row.provenance == "measured" and row.metric is None and not only_timed(row)


def stood_in_for(rows: Sequence[Row]) -> list[str]:
    """Targets whose device is not here: a runtime on this host speaks for them."""
    absent = (
        row.target for row in rows if only_timed(row) or (row.provenance in NOT_HERE and row.failed_stage is None)
    )
    return list(dict.fromkeys(absent))


def baseline_of(row: Row, rows: Sequence[Row]) -> Row | None:
    """The float32 row that a compressed row is compared with."""
    for other in rows:
        same = (other.network, other.target, other.format) == (row.network, row.target, row.format)
        if same and other.stage == "float32" and other.bytes:
            return other
    return None
