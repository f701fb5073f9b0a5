"""Figures as a reader of the page wants them: short, with their unit."""

from __future__ import annotations

from compressor.report.figures import Interval
from compressor.report.layout import ABSENT
from compressor.report.schema import Row

_STEPS = ((1e9, "GB"), (1e6, "MB"), (1e3, "KB"))


def size(count: float | None) -> str:
    """Bytes in the largest unit that leaves a number above one."""
    if count is None:
        return ABSENT
    for step, unit in _STEPS:
        if abs(count) >= step:
            return f"{count / step:.1f} {unit}"
    return f"{count:.0f} B"


def percent(share: float | None, digits: int = 1) -> str:
    """A share of one as percent."""
    return ABSENT if share is None else f"{share * 100:.{digits}f} %"


def drop(row: Row) -> str:
    """The drop; positive is worse. Points go without their unit."""
    unit = {"percent": " %", "dB": " dB"}.get(row.drop_unit or "", "")
    return ABSENT if row.drop is None else f"{row.drop:+.2f}{unit}".replace("-", "−")


def interval(value: Interval | None, form: str = "{:.2f}") -> str:
    """A 95 % interval, or nothing."""
    return "" if value is None else f"{form.format(value.low)} to {form.format(value.high)}".replace("-", "−")


def milliseconds(value: float | None) -> str:
    """A duration with three digits that count."""
    return ABSENT if value is None else f"{value:.3g} ms"


def times(ratio: float | None) -> str:
    """A ratio."""
    return ABSENT if ratio is None else f"{ratio:.2f}×"


def counted(count: int, word: str) -> str:
    """A count and its noun."""
    plural = word[:-1] + "ies" if word.endswith("y") else word + "s"
    return f"{count:,} {word if count == 1 else plural}"


def listed(words: list[str]) -> str:
    """Words as part of a sentence."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
