"""What a recipe's steps cost instead of paying: files that grew, files that are slower, gains in stored bytes alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compressor.report.exact_limits import deflated_ratio, packed_ratio, size_ratio
from compressor.report.judging import baseline_of, stood_in_for
from compressor.report.schema import Row

# They change values and leave every shape as it was: the weights are as many, of as many bytes.
_VALUES_ALONE = ("prune", "cluster")
# What is stored is smaller than the raw bytes tell by so much at least.
_TELLING = 0.95


def sentences(rows: Sequence[Row], steps: Sequence[str], precision: str) -> tuple[str, ...]:
    """One sentence for each way in which a compressed file does not pay, each once.

    Args:
        rows: of the report.
        steps: names of the recipe's steps.
        precision: of the recipe.
    """
    recipe = ", ".join(dict.fromkeys((*steps, precision)))
    valued = [step for step in dict.fromkeys(steps) if step in _VALUES_ALONE]
    told: list[str] = []
    for row in rows:
        baseline = baseline_of(row, rows)
        if row.stage == "compressed" and row.provenance == "measured" and baseline is not None:
            told += (f"{recipe}: {each}" for each in _grown(row, baseline))
            if row.target not in stood_in_for(rows):
                told += (f"{recipe}: {each}" for each in _slower(row))
            told += _stored(row, baseline, valued)
    return tuple(dict.fromkeys(told))


def _grown(row: Row, baseline: Row) -> Iterator[str]:
    for ratio, kind, before, after in (
        (size_ratio(row, baseline), "", baseline.bytes, row.bytes),
        (packed_ratio(row, baseline), "packed ", baseline.bytes_packed, row.bytes_packed),
    ):
        if ratio is not None and ratio > 1:
            yield f"the {kind}{row.format} file is {_times(ratio)} the bytes of float32 ({before:,} to {after:,})"


def _slower(row: Row) -> Iterator[str]:
    """As `compressor.measurement.slowness` has it; why is told with the row."""
    found = row.latency_ratio
    if found is not None and found.interval.low > 1 and found.ratio - 1 > found.noise:
        yield f"the {row.format} file takes {_times(found.ratio)} as long as float32 on {row.runtime}"


def _stored(row: Row, baseline: Row, steps: Sequence[str]) -> Iterator[str]:
    """Steps after which the file is as large as without them, and smaller once stored."""
    raw = size_ratio(row, baseline)
    stored = {"deflated": deflated_ratio(row, baseline), "packed": packed_ratio(row, baseline)}
    less = {kind: ratio for kind, ratio in stored.items() if ratio is not None and raw and ratio < _TELLING * raw}
    if steps and raw is not None:
        who = f"{', '.join(steps)}: no raw byte of the {row.format} file is saved by it ({raw:.2f} of float32)"
        gained = " or ".join(f"{kind} ({ratio:.2f})" for kind, ratio in less.items())
        yield f"{who}; it pays only when stored {gained}" if gained else f"{who}, nor when stored"


def _times(ratio: float) -> str:
    return f"{ratio:.3f} times" if ratio < 1.01 else f"{ratio:.2f} times"
