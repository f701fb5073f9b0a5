"""What answers may differ by: by precision, by kernels, by processor, by the last operator and by depth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tiny_tflite import File

from compressor import roundings, tolerances
from compressor.roundings import Roundings
from compressor.tolerances import Tolerance
from compressor.values import Precision

OUTPUTS = [{"name": "y", "shape": [1, 4], "dtype": "int8"}]


def tflite(path: Path, last: str, scales: Sequence[float] = (0.5, 0.25), kind: str = "INT8", hidden: int = 1) -> Path:
    """RELU after RELU, the last operator one of its own; `scales` are of what that reads and of what it answers."""
    file = File()
    tensor = file.input((1, 4), kind, scale=scales[0])
    for _ in range(hidden):
        made = file.tensor((1, 4), kind, scale=scales[0])
        file.add("RELU", [tensor], [made])
        tensor = made
    file.add(last, [tensor], [file.tensor((1, 4), kind, scale=scales[1])])
    path.write_bytes(file.content())
    return path


@pytest.mark.parametrize(
    ("precision", "runtime", "limit"),
    [
        ("float16", "onnxruntime", 1e-6),
        ("dynamic-int8", "litert", 1e-4),
        ("int8", "onnxruntime", None),
        ("float32", "ncnn", 1e-5),
        ("float32", "ncnn_float16", 1e-3),
        ("int8", "ncnn", None),
    ],
)
def test_what_floats_may_differ_on_another_processor(precision: str, runtime: str, limit: float | None) -> None:
    found = tolerances.of_processors(Precision(precision), runtime, Roundings(), 3.0)
    assert found == (None if limit is None else Tolerance(limit * 3.0, "value"))


@pytest.mark.parametrize(
    ("precision", "runtime", "limit"),
    [("float32", "litert", 1e-5), ("float32", "ncnn_float16", 1e-3), ("int8", "ncnn_float16", None)],
)
def test_what_floats_may_differ_by_other_kernels(precision: str, runtime: str, limit: float | None) -> None:
    found = tolerances.of_kernels(Precision(precision), runtime, Roundings(), 2.0)
    assert found == (None if limit is None else Tolerance(limit * 2.0, "value"))


@pytest.mark.parametrize(
    ("last", "scales", "steepness"),
    [
        ("RELU", (0.5, 0.25), 1.0),
        ("SOFTMAX", (0.16, 1 / 256), 0.5 * 0.16 * 256),
        ("LOGISTIC", (0.16, 1 / 256), 0.25 * 0.16 * 256),
        ("TANH", (0.02, 1 / 128), 0.02 * 128),
        ("SOFTMAX", (0.001, 1 / 256), 1.0),
    ],
)
def test_a_steep_last_operator_makes_several_steps_of_one(
    last: str, scales: tuple[float, float], steepness: float, tmp_path: Path
) -> None:
    found = roundings.of_file(tflite(tmp_path / "m.tflite", last, scales), OUTPUTS)
    assert (found.operators, found.scales) == (2, {"y": pytest.approx(scales[1])})
    assert found.steepness == pytest.approx(steepness)


def test_a_float_file_has_no_steps(tmp_path: Path) -> None:
    found = roundings.of_file(tflite(tmp_path / "m.tflite", "RELU", (0.0, 0.0), "FLOAT32"), OUTPUTS)
    assert (found.operators, found.scales, found.steepness) == (2, {}, 1.0)


def test_integers_may_differ_by_a_step_for_every_ten_operators_but_not_by_reference_kernels_elsewhere() -> None:
    def made(operators: int) -> Roundings:
        return Roundings(operators, scales={"y": 1 / 256}, steepness=19.6)

    assert tolerances.of_kernels(Precision.INT8, "litert", made(9), 1.0) == Tolerance(20, "lsb")
    assert tolerances.of_kernels(Precision.INT8, "litert", made(16), 1.0) == Tolerance(40, "lsb")
    assert tolerances.of_processors(Precision.INT8, "litert", made(16), 1.0) == Tolerance(20, "lsb")
    assert tolerances.of_processors(Precision.INT8, "litert_reference", made(16), 1.0) == Tolerance(0, "lsb")


@pytest.mark.parametrize(
    ("difference", "limit", "operators", "sqnr_db", "fits"),
    [
        (1.0, 1.0, 1, 0.0, True),
        (2.0, 1.0, 20, 40.0, False),
        (2.0, 1.0, 21, 40.0, None),
        (99.0, 1.0, 21, 9.0, False),
        (1.0, 0.0, 21, 40.0, False),
    ],
)
def test_a_rounding_may_grow_in_a_deep_network_and_no_fault_hides_there(
    difference: float, limit: float, operators: int, sqnr_db: float, fits: bool | None
) -> None:
    assert tolerances.within(difference, Tolerance(limit, "lsb"), operators, sqnr_db) is fits
    assert tolerances.within(difference, None, operators, sqnr_db) is None
