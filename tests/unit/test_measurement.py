"""Measuring real ONNX files whose answers are known by construction."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compressor import runtimes
from compressor.data.layout import Layout
from compressor.data.npz import NpzFile
from compressor.errors import BadInput, StageFailed
from compressor.measurement import Measurement, answers, cores, host, latency, measure, memory
from compressor.progress import Progress
from compressor.values import Split, Stream

Onnx = Callable[..., Path]
CORES = os.sched_getaffinity(0)
VALUES = np.random.default_rng(0).normal(size=(600, 3)).astype(np.float32)


@pytest.fixture
def data(tmp_path: Path) -> Callable[..., Stream]:
    def write(**arrays: Any) -> Stream:
        np.savez(tmp_path / "data.npz", **{f"{key[0]}_evaluation{key[1:]}": value for key, value in arrays.items()})
        file = NpzFile(tmp_path / "data.npz")
        return Layout("data.npz", file.columns()).part("evaluation").stream()

    return write


def results_of(artifact: Path, data: Stream) -> dict[str, Any]:
    kept = artifact.with_name("results.npz")
    measure(artifact, data, results=kept)
    with np.load(kept) as arrays:
        return {name: arrays[name] for name in arrays.files}


@pytest.mark.parametrize("count", [1, 2, 511, 513, 600])
def test_every_sample_is_answered_once_and_in_order(count: int, onnx_file: Onnx, data: Any) -> None:
    found = results_of(onnx_file(), data(x=VALUES[:count]))
    assert np.array_equal(found["y"], VALUES[:count])


def test_the_metric_counts_every_sample(onnx_file: Onnx, data: Any) -> None:
    labels = VALUES.argmax(1)
    labels[:150] = (labels[:150] + 1) % 3
    found = measure(onnx_file(), data(x=VALUES, y=labels))
    assert (found.metric, found.value, found.samples) == ("accuracy", 0.75, 600)
    assert (found.runtime, found.host) == ("onnxruntime", host())


def test_an_error_metric_of_a_network_that_is_off_by_two(onnx_file: Onnx, data: Any) -> None:
    path = onnx_file("(float[N,3] x) => (float[N,3] y) <float two = {2}> { y = Add (x, two) }")
    found = measure(path, data(x=VALUES, y=VALUES))
    assert (found.metric, found.value) == ("mean_squared_error", pytest.approx(4.0, rel=1e-5))


def test_labels_of_another_shape_that_hold_the_same_numbers_are_taken(onnx_file: Onnx, data: Any) -> None:
    text = "(float[N,3] x) => (float[N,1] y) <int64[1] axis = {1}> { y = ReduceSum <keepdims = 1> (x, axis) }"
    found = measure(onnx_file(text), data(x=VALUES, y=VALUES.sum(1)))
    assert (found.metric, found.value) == ("mean_squared_error", pytest.approx(0, abs=1e-9))


def test_without_labels_there_is_no_metric(onnx_file: Onnx, data: Any) -> None:
    found = measure(onnx_file(), data(x=VALUES))
    assert (found.metric, found.value) == ("", None)


def test_the_metric_may_be_named(onnx_file: Onnx, data: Any) -> None:
    one_hot = np.eye(3)[VALUES.argmax(1)]
    found = measure(onnx_file(), data(x=VALUES, y=one_hot), metric="mean_squared_error")
    assert (found.metric, found.value) == ("mean_squared_error", pytest.approx(np.square(VALUES - one_hot).mean()))
    with pytest.raises(BadInput, match="mean_squared_error needs labels"):
        measure(onnx_file(), data(x=VALUES), metric="mean_squared_error")
    with pytest.raises(BadInput, match="did you mean 'accuracy'"):
        measure(onnx_file(), data(x=VALUES), metric="acuracy")


def test_samples_may_be_in_memory_or_read_for_the_inputs(onnx_file: Onnx) -> None:
    split = Split({"x": VALUES}, VALUES.argmax(1))
    asked: list[Any] = []

    def read(inputs: Any) -> Split:
        asked.extend(inputs)
        return split

    assert measure(onnx_file(), split).value == measure(onnx_file(), read).value == 1.0
    assert [(spec.name, spec.shape) for spec in asked] == [("x", (None, 3))]


def test_large_outputs_wait_in_a_file(onnx_file: Onnx, data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_IN_MEMORY", 100)
    found = answers.Answers(2)
    found.add({"y": np.ones((2, 20), np.float32)})
    assert isinstance(found.arrays()["y"], np.memmap)
    assert np.array_equal(results_of(onnx_file(), data(x=VALUES))["y"], VALUES)


def test_fewer_samples_than_promised_are_bad_input(onnx_file: Onnx) -> None:
    with pytest.raises(BadInput, match="600 of 601 samples"):
        measure(onnx_file(), Stream(601, Split({"": VALUES}).blocks))


def test_several_inputs_and_outputs_keep_their_names(onnx_file: Onnx, data: Any) -> None:
    text = "(float[N,3] a, float[N,3] b) => (float[N,3] sum, float[N] far) <int64[1] one = {1}>"
    path = onnx_file(text + "{ sum = Add (a, b)  d = Sub (a, b)  far = ReduceMax <axes = [1], keepdims = 0> (d) }")
    found = results_of(path, data(x_b=VALUES, x_a=2 * VALUES))
    assert list(found) == ["sum", "far"]
    assert np.allclose(found["sum"], 3 * VALUES)
    assert np.allclose(found["far"], VALUES.max(1))


@pytest.mark.parametrize("shape", ["float[1]", "float", "float[2,3]"])
def test_an_output_without_a_batch_gets_one_row_per_sample(shape: str, onnx_file: Onnx, data: Any) -> None:
    body = {
        "float[1]": "r = ReduceSum (x)  s = Constant <value_ints = [1]> ()  y = Reshape (r, s)",
        "float": "y = ReduceSum <keepdims = 0> (x)",
        "float[2,3]": "y = Concat <axis = 0> (x, x)",
    }
    found = results_of(onnx_file(f"(float[1,3] x) => ({shape} y) {{ {body[shape]} }}"), data(x=VALUES[:9]))["y"]
    wanted = np.repeat(VALUES[:9, None], 2, 1) if shape == "float[2,3]" else VALUES[:9].sum(1)
    assert found.shape == wanted.shape
    assert np.allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float64", "float16", "int8", "uint8", "bool"])
def test_numbers_of_another_format_are_taken_by_a_float_network(dtype: str, onnx_file: Onnx, data: Any) -> None:
    values = (np.arange(12).reshape(4, 3) % 2).astype(dtype)
    assert results_of(onnx_file(), data(x=values))["y"].tolist() == values.astype(np.float32).tolist()


def test_fractions_are_not_cut_off_for_an_integer_network(onnx_file: Onnx, data: Any) -> None:
    path = onnx_file("(int64[N,3] x) => (int64[N,3] y) { y = Identity (x) }")
    assert results_of(path, data(x=np.ones((2, 3))))["y"].dtype == np.int64
    with pytest.raises(BadInput, match="x"):
        measure(path, data(x=np.full((2, 3), 0.5)))


def test_the_labels_belong_to_the_output_that_is_named(onnx_file: Onnx, data: Any) -> None:
    path = onnx_file("(float[N,3] x) => (float[N,3] no, float[N,3] yes) { no = Neg (x)  yes = Identity (x) }")
    file = data(x=VALUES, y=VALUES.argmax(1))
    assert measure(path, file, judged="yes").value == 1.0
    assert measure(path, file).value == measure(path, file, judged="absent").value == 0.0


@pytest.mark.parametrize(("value", "count"), [(np.nan, 1), (0.0, 2)])
def test_answers_that_are_no_numbers_are_a_failure(value: float, count: int, onnx_file: Onnx, data: Any) -> None:
    values = np.ones((600, 3), np.float32)
    values[:count, 1:] = value
    path = onnx_file("(float[N,3] x) => (float[N,3] y) { y = Log (x) }")
    kept = path.with_name("results.npz")
    with pytest.raises(StageFailed, match=f"answers NaN or infinity in 'y' for {count} of 600 samples"):
        measure(path, data(x=values), results=kept)
    assert not kept.exists()


UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "samples of another shape": ({"x": np.ones((4, 5))}, "does not fit the artifact's input 'x'"),
    "samples of another rank": ({"x": np.ones((4, 3, 1))}, "does not fit the artifact's input 'x'"),
    "words": ({"x": np.full((4, 3), "a")}, "is not numeric"),
    "inputs of other names": ({"x_left": np.ones((4, 3)), "x_right": np.ones((4, 3))}, "does not name"),
    "labels of another shape": ({"x": np.ones((4, 3)), "y": np.ones((4, 2))}, "the labels do not fit"),
    "labels in words": ({"x": np.ones((4, 3)), "y": np.full(4, "cat")}, "labels are not numeric"),
    "classes it does not have": ({"x": np.ones((4, 3)), "y": np.full(4, 7)}, "the labels do not fit"),
    "no samples": ({"x": np.ones((0, 3))}, "is empty"),
    "no evaluation set": ({"y": np.ones(3)}, "has no x_evaluation"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_data_that_does_not_fit_is_bad_input(case: str, onnx_file: Onnx, data: Any) -> None:
    arrays, told = UNFIT[case]
    with pytest.raises(BadInput, match=told):
        measure(onnx_file(), data(**arrays))


RUNS_NOT: dict[str, str] = {
    "a fixed batch of four": "(float[4,3] x) => (float[4,3] y) { y = Identity (x) }",
    "an index out of its range": "(float[N,3] x) => (float[N,3] y) <float[2] w = {1, 2}, int64 far = {7}> "
    "{ z = Gather (w, far)  y = Add (x, z) }",
    "an input of words": "(string[N,3] x) => (string[N,3] y) { y = Identity (x) }",
}


@pytest.mark.parametrize("case", RUNS_NOT)
def test_a_file_that_opens_and_does_not_run_is_bad_input(case: str, onnx_file: Onnx, data: Any) -> None:
    with pytest.raises(BadInput):
        measure(onnx_file(RUNS_NOT[case]), data(x=VALUES))


@pytest.mark.parametrize("content", [b"", b"no graph at all", b"\x08\x08"])
@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
def test_a_broken_file_is_bad_input_that_names_it(content: bytes, suffix: str, tmp_path: Path, data: Any) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=rf"cannot run .*broken{suffix}"):
        measure(path, data(x=VALUES))


def test_an_operator_that_nobody_knows_is_bad_input(onnx_file: Onnx, data: Any) -> None:
    with pytest.raises(BadInput, match=r"(?s)ONNX Runtime cannot run.*Nonsense"):
        measure(onnx_file("(float[N,3] x) => (float[N,3] y) { y = Nonsense (x) }"), data(x=VALUES))


def test_results_that_cannot_be_written_leave_no_file(onnx_file: Onnx, data: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="file"):
        measure(onnx_file(), data(x=VALUES[:3]), results=tmp_path / "file" / "y.npz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.npz", "file", "m.onnx"]


def test_the_runtime_is_the_first_that_opens_the_file_or_the_one_asked_for() -> None:
    assert runtimes.for_file(Path("a.tflite")) == "litert"
    assert runtimes.for_file(Path("a.tflite"), "litert_reference") == "litert_reference"
    assert runtimes.for_file(Path("a.onnx")) == "onnxruntime"
    for path, name in (("a.onnx", "litert"), ("a.txt", None), ("a", "litert"), ("a.onnx", "trt")):
        with pytest.raises(BadInput):
            runtimes.for_file(Path(path), name)


@pytest.mark.skipif(len(CORES) < 2, reason="on one core, one thread and two are timed alike")
def test_latency_is_timed_on_as_many_cores_as_threads_and_given_back() -> None:
    assert os.sched_getaffinity(0) == CORES
    with latency.pinned(1):
        assert cores() == 1
    with latency.pinned(1000):
        assert os.sched_getaffinity(0) == CORES
    with pytest.raises(ValueError, match="x"), latency.pinned(1):
        raise ValueError("x")
    assert os.sched_getaffinity(0) == CORES


class Slow:
    """A session of a known duration."""

    inputs = outputs = ()

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.runs = 0

    def load(self, sample: Any) -> None:
        """Takes long, and is not to be timed."""
        time.sleep(4 * self.seconds)

    def invoke(self) -> None:
        self.runs += 1
        time.sleep(self.seconds)

    def results(self) -> dict[str, Any]:
        return {}


def test_latency_is_that_of_one_run_in_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "_TIMED_S", 0.3)
    session = Slow(0.005)
    timed = latency.time_session(session, {}, threads=3)
    assert 5 <= timed.p50 < 20
    assert timed.p50 <= timed.p90 <= timed.p99
    assert (timed.threads, timed.runs >= 30) == (3, True)
    assert session.runs >= timed.runs + 3


def test_peak_memory_is_of_this_process_and_only_grows() -> None:
    before = memory.peak_rss_bytes()
    assert before is not None
    block = np.ones(before // 8 + 1_000_000)
    after = memory.peak_rss_bytes()
    assert after is not None
    assert after >= max(before, block.nbytes)


def test_progress_is_told_until_all_samples_are_done(onnx_file: Onnx, data: Any) -> None:
    heard: list[Progress] = []
    found: Measurement = measure(onnx_file(), data(x=VALUES), listener=heard.append)
    assert [event.done for event in heard] == [512, 600]
    assert {event.total for event in heard} == {found.samples}


@pytest.mark.parametrize("first", [1, 511, 512, 513, 599, 600, 601])
def test_only_the_first_samples_are_taken_when_so_many_are_asked_for(first: int, onnx_file: Onnx, data: Any) -> None:
    labels = VALUES.argmax(1)
    labels[0] = (labels[0] + 1) % 3
    kept = onnx_file().with_name("results.npz")
    count = min(first, 600)
    for evaluation in (data(x=VALUES, y=labels), Split({"x": VALUES}, labels)):
        found = measure(onnx_file(), evaluation, results=kept, first=first, timed=False)
        assert (found.samples, found.value) == (count, pytest.approx(1 - 1 / count))
        with np.load(kept) as arrays:
            assert np.array_equal(arrays["y"], VALUES[:count])


def test_nothing_is_timed_when_no_latency_is_asked_for(onnx_file: Onnx, data: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(latency, "time_session", None)
    found = measure(onnx_file(), data(x=VALUES), timed=False)
    assert (found.latency, found.samples) == (None, 600)
