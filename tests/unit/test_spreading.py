"""Parts of an evaluation set over several sessions: every one once, in order, few at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite_files import float_lstm_with_int8_weights

from compressor.errors import BadInput
from compressor.measurement import outputs
from compressor.measurement.spreading import spread
from compressor.progress import silent
from compressor.runtimes.onnxruntime import OnnxSession
from compressor.tflite_view.session import Kernels, TfliteSession
from compressor.values import Array, Split, TensorSpec


class Echo:
    """Answers with its input, and with what it kept of the samples before when it forgets nothing."""

    inputs = outputs = (TensorSpec("x", (None, 2), "float32"),)

    def __init__(self, forgets: bool = True, seconds: float = 0.0) -> None:
        self.kept = np.zeros((1, 2), np.float32)
        self.forgets = forgets
        self.seconds = seconds
        self.found = self.kept

    def load(self, sample: Mapping[str, Array]) -> None:
        self.found = sample["x"]

    def invoke(self) -> None:
        time.sleep(self.seconds)
        self.kept = self.found + (0 if self.forgets else 0.5 * self.kept)
        self.found = self.kept

    def results(self) -> dict[str, Array]:
        return {"x": self.found}


def test_results_stand_in_order_though_sessions_are_not_equally_fast() -> None:
    sessions: Any = [Echo(seconds=0.0), Echo(seconds=0.003)]
    used: list[Echo] = []

    def run(session: Any, part: int) -> int:
        used.append(session)
        session.invoke()
        return part * part

    assert list(spread(sessions, range(60), run)) == [part * part for part in range(60)]
    # Nothing waits for the slow one.
    assert used.count(sessions[0]) > 2 * used.count(sessions[1])


def test_no_more_parts_are_read_than_are_soon_needed() -> None:
    read: list[int] = []

    def parts() -> Iterator[int]:
        for part in range(100):
            read.append(part)
            yield part

    sessions: Any = [Echo(), Echo()]
    for taken, _ in enumerate(spread(sessions, parts(), lambda _, part: part), 1):
        assert len(read) <= taken + 7


def test_a_failure_in_one_session_ends_all() -> None:
    def run(_: Any, part: int) -> int:
        if part == 7:
            raise BadInput("no")
        return part

    before = threading.active_count()
    sessions: Any = [Echo(), Echo()]
    with pytest.raises(BadInput, match="no"):
        list(spread(sessions, range(100), run))
    assert threading.active_count() == before


@pytest.mark.parametrize("forgets", [True, False])
def test_the_first_sample_is_run_again_after_all_others(forgets: bool) -> None:
    split = Split({"x": np.random.default_rng(0).random((40, 2), np.float32)})
    found = outputs.collect(lambda: Echo(forgets), split, silent)
    assert found.repeatable == forgets
    assert not forgets or np.array_equal(found.outputs["x"], split.inputs["x"])


@pytest.mark.parametrize("resets", [True, False])
def test_an_lstm_whose_state_is_not_reset_is_not_repeatable(
    resets: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ai_edge_litert.interpreter import Interpreter

    if not resets:
        monkeypatch.setattr(Interpreter, "reset_all_variables", lambda _: None)
    (tmp_path / "m.tflite").write_bytes(float_lstm_with_int8_weights())
    split = Split({"x": np.random.default_rng(0).normal(size=(9, 4, 3)).astype(np.float32)})
    found = outputs.collect(lambda: TfliteSession(tmp_path / "m.tflite", 1, Kernels.DEFAULT), split, silent)
    assert found.repeatable == resets


ADDS = "(float[N,3] x) => (float[N,3] y) <float two = {2}> { y = Add (x, two) }"
# The scale is that of the largest value of all samples.
SCALES = "(float[N,3] x) => (float[N,3] y) { q, s, z = DynamicQuantizeLinear (x)  y = DequantizeLinear (q, s, z) }"


@pytest.mark.parametrize(("text", "together"), [(ADDS, 32), (SCALES, 1)])
def test_samples_run_together_only_where_each_is_answered_as_alone(text: str, together: int, onnx_file: Any) -> None:
    path = onnx_file(text)
    values = np.random.default_rng(0).normal(size=(150, 3)).astype(np.float32)
    session = OnnxSession(path, 1)
    assert outputs._together(session, Split({"x": values})) == together
    found = outputs.collect(lambda: OnnxSession(path, 1), Split({"x": values}), silent)
    alone = [session.answers({"x": values[row : row + 1]}, 1)["y"] for row in range(len(values))]
    assert np.array_equal(found.outputs["y"], np.concatenate(alone))
    assert found.repeatable
