"""A file against the model that it was simulated with: float operators, and a metric that is surely worse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tflite_files import KINDS, TfliteFile

from compressor.evidence import survival
from compressor.values import Array, Artifact, Precision, Stage

LABELS = np.arange(400) % 4
RIGHT = np.eye(4, dtype=np.float32)[LABELS]


def artifact(path: Path, kind: int, *notes: str) -> Artifact:
    made = TfliteFile()
    x, y = made.tensor("x", 1, 4, kind=KINDS.INT8), made.tensor("y", 1, 4, kind=kind)
    made.operator("RELU", [x], [y])
    path.write_bytes(made.content([x], [y]))
    return Artifact(path, "tflite", Precision.INT8, Stage.COMPRESSED, 1, 1, "f" * 64, notes)


@pytest.mark.parametrize(
    ("kind", "notes", "stays_float", "kept"),
    [
        (KINDS.INT8, (), {}, [True]),
        (KINDS.FLOAT32, (), {}, [False]),
        (KINDS.FLOAT32, ("softmax over 1000 classes stays float32",), {}, [None]),
        (KINDS.FLOAT32, (), {"lstm": "is not simulated"}, []),
    ],
)
def test_operators_that_nobody_asked_to_be_float_break_the_promise(
    kind: int, notes: tuple[str, ...], stays_float: dict[str, str], kept: list[bool | None], tmp_path: Path
) -> None:
    done = [{"step": "prune"}, {"step": "quantize_aware", "stays_float": stays_float}]
    found = list(survival.of_operators(artifact(tmp_path / "f.tflite", kind, *notes), done))
    assert [each.kept for each in found] == kept
    assert [each.reason for each in found] == [notes[0] if notes else None for _ in kept]


@pytest.mark.parametrize(("wrong", "kept"), [(0, True), (2, True), (3, None), (40, False)])
def test_a_metric_that_is_surely_half_a_point_worse_breaks_the_promise(
    wrong: int, kept: bool | None, tmp_path: Path
) -> None:
    answers: Array = np.roll(RIGHT, 1, 1)
    answers[wrong:] = RIGHT[wrong:]
    made = artifact(tmp_path / "f.tflite", KINDS.INT8)
    (found,) = survival.of_metric(made, "accuracy", LABELS, (answers, RIGHT), False)
    assert (found.kept, found.promised, found.received) == (kept, 1.0, 1 - wrong / 400)
    assert list(survival.of_metric(made, "accuracy", None, (answers, RIGHT), False)) == []
