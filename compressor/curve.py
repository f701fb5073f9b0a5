"""Numbers over epochs, to look at: a picture, and a line of blocks for the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 640, 320
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 36, 110, 36
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd")
_BLOCKS = "▁▂▃▄▅▆▇█"


def svg(series: Mapping[str, Sequence[float]], title: str) -> str:
    """A line chart: epochs from 1 on to the right, one line per name."""
    values = [value for line in series.values() for value in line if math.isfinite(value)] or [0.0]
    low, high = min(values), max(values)
    longest = max((len(line) for line in series.values()), default=1)

    def x(epoch: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (epoch - 1) / max(1, longest - 1)

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / ((high - low) or 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="20" font-size="14">{escape(title)}</text>',
        f'<path d="M{_LEFT} {_TOP}V{_HEIGHT - _BOTTOM}H{_WIDTH - _RIGHT}" fill="none" stroke="#888"/>',
        *(
            f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.4g}</text>'
            for value in sorted({low, high})
        ),
        *(
            f'<text x="{x(epoch):.1f}" y="{_HEIGHT - 14}" text-anchor="middle">{epoch}</text>'
            for epoch in sorted({1, longest})
        ),
    ]
    for (name, line), colour in zip(series.items(), _COLOURS * len(series), strict=False):
        points = [(x(epoch), y(value)) for epoch, value in enumerate(line, start=1) if math.isfinite(value)]
        path = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{across:.1f}" cy="{down:.1f}" r="2.5" fill="{colour}"/>' for across, down in points]
        if points:
            across, down = points[-1]
            parts.append(f'<text x="{across + 8:.1f}" y="{down + 4:.1f}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def blocks(values: Sequence[float]) -> str:
    """One block per value, high ones tall."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    low, span = min(finite), (max(finite) - min(finite)) or 1
    return "".join(_BLOCKS[round((value - low) / span * (len(_BLOCKS) - 1))] for value in finite)
