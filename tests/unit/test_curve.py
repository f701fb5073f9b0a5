"""Loss curves: a picture that can be opened, a line of blocks."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor import curve

SVG = "{http://www.w3.org/2000/svg}"


@given(st.dictionaries(st.text("ab<&", max_size=4), st.lists(st.floats(width=32), max_size=9), max_size=3))
def test_a_picture_of_any_numbers_is_well_formed_and_inside_its_frame(series: dict[str, list[float]]) -> None:
    picture = ElementTree.fromstring(curve.svg(series, "a < b"))
    points = [point for line in picture.iter(f"{SVG}polyline") for point in line.get("points", "").split()]
    assert len(points) == sum(math.isfinite(value) for line in series.values() for value in line)
    for point in points:
        across, down = map(float, point.split(","))
        assert 0 <= across <= 640
        assert 0 <= down <= 320


def test_a_fall_goes_down() -> None:
    (line,) = ElementTree.fromstring(curve.svg({"loss": [3.0, 2.0, 1.0]}, "loss")).iter(f"{SVG}polyline")
    downs = [float(point.split(",")[1]) for point in line.get("points", "").split()]
    assert downs == sorted(downs)


@pytest.mark.parametrize(
    ("values", "shown"), [([], ""), ([1], "▁"), ([8, 1], "█▁"), ([0, math.nan, 7], "▁█"), ([2, 2], "▁▁")]
)
def test_blocks(values: list[float], shown: str) -> None:
    assert curve.blocks(values) == shown
