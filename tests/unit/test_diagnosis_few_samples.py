"""What few samples say of scales: nothing, for they may well lie together or beyond what calibration saw."""

from __future__ import annotations

from pathlib import Path

import pytest

from compressor import diagnosis
from tests.unit import two_layers


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("factor", [0.02, 1.5])
def test_a_handful_of_values_tells_nothing_of_a_scale(tmp_path: Path, count: int, factor: float) -> None:
    net = two_layers.net()
    files = (two_layers.tflite(net, integer, tmp_path / f"{integer}.tflite") for integer in (False, True))
    few = {name: values * factor for name, values in two_layers.samples(count).items()}
    assert diagnosis.layers(*files, few).faults == []


@pytest.mark.parametrize(("factor", "told"), [(0.02, "fill only"), (1.5, "are cut off")])
def test_many_samples_do(tmp_path: Path, factor: float, told: str) -> None:
    net = two_layers.net()
    files = (two_layers.tflite(net, integer, tmp_path / f"{integer}.tflite") for integer in (False, True))
    many = {name: values * factor for name, values in two_layers.samples(32).items()}
    assert told in " ".join(diagnosis.layers(*files, many).faults)


@pytest.mark.parametrize(("beyond", "faulty"), [(3, False), (10, True)])
def test_some_samples_beyond_the_range_are_no_fault_of_the_scale(tmp_path: Path, beyond: int, faulty: bool) -> None:
    net = two_layers.net()
    files = (two_layers.tflite(net, integer, tmp_path / f"{integer}.tflite") for integer in (False, True))
    samples = two_layers.samples(16)
    samples["x"][:beyond, :4] = 1.1
    found = " ".join(diagnosis.layers(*files, samples).faults)
    assert ("`x` are cut off" in found) is faulty


def test_what_a_single_value_beyond_the_inputs_range_does_is_no_fault_of_the_next_layer(tmp_path: Path) -> None:
    net = two_layers.net()
    files = (two_layers.tflite(net, integer, tmp_path / f"{integer}.tflite") for integer in (False, True))
    samples = two_layers.samples(2)
    samples["x"] *= 0.3
    samples["x"][0, 0] = 3
    assert diagnosis.layers(*files, samples).faults == []
