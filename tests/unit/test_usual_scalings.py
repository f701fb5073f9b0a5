"""Usual scales of inputs: whatever scale the same images come in, each of the others is one step away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compressor import usual_scalings
from compressor.usual_scalings import others

MEAN, STD, CAFFE = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225], [103.939, 116.779, 123.68]


def images(channels: int) -> Any:
    """Images in 0..1 that have all of it."""
    made = np.random.default_rng(0).random((4, 5, 5, channels))
    made[0, 0, 0], made[0, 0, 1] = 0, 1
    return made


def scales(unit: Any) -> dict[str, Any]:
    found = {"unit": unit, "signed": unit * 2 - 1, "bytes": unit * 255}
    if unit.shape[-1] == 3:
        found["torch"] = (unit - MEAN) / STD
        found["caffe"] = unit[..., ::-1] * 255 - CAFFE
    return found


@pytest.mark.parametrize("start", ["unit", "signed", "bytes", "torch"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_other_scale_is_reached_and_the_own_is_not_offered(start: str, channels: int) -> None:
    known = scales(images(channels))
    if start not in known:
        return
    reached = [scaling.apply(known[start]) for scaling in others(known[start])]
    for name, wanted in known.items():
        hits = sum(bool(np.allclose(each, wanted, rtol=1e-4, atol=1e-2)) for each in reached)
        assert hits == (name != start), name
    assert len(reached) == len(known) - 1


def told(values: Any) -> dict[str, str]:
    return {scaling.told: scaling.options for scaling in others(np.asarray(values))}


def test_scales_are_told_as_the_command_line_takes_them() -> None:
    grey = images(1)
    assert told(grey * 255) == {
        "divided by 255": "give --preprocess divide=255",
        "scaled to -1 to 1": "give --preprocess subtract=127.5 --preprocess divide=127.5",
    }
    assert told(grey) == {
        "scaled to -1 to 1": "give --preprocess subtract=0.5 --preprocess divide=0.5",
        "multiplied by 255": "give --preprocess divide=0.00392157",
    }
    color = told(images(3) * 255)
    assert color["standardized as images of ImageNet"] == (
        "give --preprocess 'subtract=[123.675,116.28,103.53]' --preprocess 'divide=[58.395,57.12,57.375]'"
    )
    assert color["centred as images of ImageNet in BGR"] == (
        "store the channels as blue, green, red, and give --preprocess 'subtract=[103.939,116.779,123.68]'"
    )


def test_values_of_no_usual_range_are_taken_from_their_least_to_their_largest() -> None:
    assert "divided by 16" in told(np.linspace(0, 16, 34).reshape(17, 2))
    assert told([[-3.0], [5.0]])["scaled to 0 to 1"] == "give --preprocess subtract=-3 --preprocess divide=8"
    assert "multiplied by 255" in told([[0.0], [1.0 / 255]])


def test_what_never_changes_has_no_scale() -> None:
    assert others(np.ones((3, 2))) == ()


@pytest.mark.parametrize(("scale", "offset"), [(1, 0), (2, -1), (1 / 3, 1)])
def test_bytes_are_reached_from_what_is_about_one(scale: float, offset: float) -> None:
    values = images(1) * scale + offset
    assert np.ptp(usual_scalings.to_bytes(values).apply(values)) == pytest.approx(255, rel=1e-6)


def test_a_scaling_keeps_the_dtype() -> None:
    values = images(3).astype(np.float32)
    assert {scaling.apply(values).dtype for scaling in others(values)} == {np.dtype("float32")}


@pytest.mark.parametrize(
    ("subtract", "divide"),
    [(0.0, 255.0), (127.5, 127.5), ([1.0, 2.0, 3.0], [10.0, 20.0, 30.0]), (0.0, [2.0, 3.0, 4.0])],
)
def test_a_way_back_takes_in_what_was_done_before(subtract: Any, divide: Any) -> None:
    raw = images(3) * 255
    given = (raw - subtract) / divide
    for scaling in others(given):
        ours, whole = scaling.apply(given), scaling.after(subtract, divide).apply(raw)
        assert np.allclose(ours, whole, rtol=1e-3, atol=1e-2), scaling.told


def test_what_was_done_in_vain_is_to_be_left_out() -> None:
    raw = images(1) * 255
    (back,) = [each for each in others(raw / 255) if each.told == "multiplied by 255"]
    assert back.after(0.0, 255.0).options == "leave out subtract and divide"
    (signed,) = [each for each in others(raw / 255) if each.told == "scaled to -1 to 1"]
    assert signed.after(0.0, 255.0).options == "give --preprocess subtract=127.5 --preprocess divide=127.5"
