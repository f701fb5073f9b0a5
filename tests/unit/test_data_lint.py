"""Warnings about data that is legal and most likely a mistake, each with what was seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compressor.data.fit import fit
from compressor.data.spec import DataSpec
from compressor.values import Dataset, Split, TensorSpec

CLASSES = TensorSpec("digit", (None, 10), "float32")
BINARY = TensorSpec("yes", (None, 1), "float32")


def images(count: int, seed: int) -> Any:
    return np.random.default_rng(seed).random((count, 4, 5))


def warnings(folder: Path, calibration: Split, evaluation: Split, output: TensorSpec = CLASSES) -> tuple[str, ...]:
    spec = TensorSpec("image", (None, *next(iter(evaluation.inputs.values())).shape[1:]), "float32")
    data = Dataset("d", "s", calibration, evaluation)
    return fit(data, DataSpec(source="s"), (spec,), (output,), folder / "data.npz").warnings


def labelled(count: int, seed: int, labels: Any) -> Split:
    return Split({"": images(count, seed)}, np.resize(labels, count))


def test_data_like_any_other_raises_no_warning(tmp_path: Path) -> None:
    assert warnings(tmp_path, labelled(20, 0, range(10)), labelled(50, 1, range(10))) == ()
    assert warnings(tmp_path, Split({"": images(20, 0)}), Split({"": images(50, 1)})) == ()


@pytest.mark.parametrize(("spoiled", "name"), [(0, "calibration"), (1, "evaluation")])
def test_constant_images_are_counted(spoiled: int, name: str, tmp_path: Path) -> None:
    parts = [images(20, 0), images(50, 1)]
    parts[spoiled][3:6] = np.array([0.0, 0.5, 1.0])[:, None, None]
    (found,) = warnings(tmp_path, *(Split({"": part}) for part in parts))
    assert found.startswith(f"3 of {len(parts[spoiled])} {name} samples are constant")


def test_equal_values_in_a_small_table_are_nothing_special(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 50, (60, 2))
    rows[:, 1] = rows[:, 0] = np.arange(60)
    assert warnings(tmp_path, Split({"": rows[:20]}), Split({"": rows[20:]})) == ()


def test_doubles_in_the_calibration_set_are_counted(tmp_path: Path) -> None:
    one = images(20, 0)
    (found,) = warnings(tmp_path, Split({"": np.concatenate([one, one[:4], one[:1]])}), Split({"": images(9, 1)}))
    assert found.startswith("5 of 25 calibration samples repeat others")


def test_classes_that_do_not_calibrate_are_named(tmp_path: Path) -> None:
    (found,) = warnings(tmp_path, labelled(20, 0, [0, 1, 2, 4, 5, 6, 7, 8]), labelled(50, 1, range(10)))
    assert found.startswith("the calibration set lacks 2 of the 10 classes that are evaluated (3, 9)")


def test_a_class_that_holds_nearly_all_is_told_unless_it_evaluates_so(tmp_path: Path) -> None:
    lopsided = [0] * 19 + [1]
    (found,) = warnings(tmp_path, labelled(40, 0, lopsided), labelled(50, 1, [0, 1]))
    assert found.startswith("class 0 holds 95% of the calibration set and 50% of the evaluation set")
    assert warnings(tmp_path, labelled(40, 0, lopsided), labelled(40, 1, lopsided)) == ()


def test_yes_and_no_of_one_unit_are_classes_and_measured_values_are_not(tmp_path: Path) -> None:
    (found,) = warnings(tmp_path, labelled(20, 0, [1]), labelled(50, 1, [0, 1]), BINARY)
    assert "lacks 1 of the 2 classes that are evaluated (0)" in found
    assert warnings(tmp_path, labelled(20, 0, [7, 8]), labelled(50, 1, [0, 1, 2, 3, 7]), BINARY) == ()
    assert warnings(tmp_path, labelled(20, 0, [1.0]), labelled(50, 1, [0.0, 1.0]), BINARY) == ()
