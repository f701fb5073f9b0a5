"""Latencies turn about: known ratios are found, and what is noise is called so."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tflite_files import float_lstm_with_int8_weights, relu_chain
from tiny_tflite import File

from compressor.measurement import Against, interleaved, latency, machine, measure, memory, onnx_profile, slowness
from compressor.measurement.interleaved import LatencyRatio, Turn
from compressor.measurement.onnx_profile import OperatorTime
from compressor.tflite_view.session import quantized
from compressor.tflm import fit
from compressor.values import Array, Interval, Split


class Busy:
    """A session that takes a known time."""

    inputs = outputs = ()

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def load(self, sample: Mapping[str, Array]) -> None:
        """Nothing to put in place."""

    def invoke(self) -> None:
        end = time.perf_counter() + self.seconds
        while time.perf_counter() < end:
            pass

    def results(self) -> dict[str, Array]:
        return {}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleaved, "_TIMED_S", 0.6)
    monkeypatch.setattr(latency, "_WARM_UP_S", 0.02)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("ratio", [2.0, 1.0, 0.5])
def test_a_known_ratio_is_found_within_its_interval_and_an_equal_file_within_the_noise(
    ratio: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    # The machine's own clock is none that a test can rely on.
    monkeypatch.setattr(latency, "once", lambda session, _: session.seconds * random.lognormal(0, 0.05))
    found = interleaved.ratio(*(Turn(Busy(ms / 1e3), {}) for ms in (ratio, 1, 1)), threads=1)
    assert found.interval.low <= found.ratio <= found.interval.high
    assert found.ratio == pytest.approx(ratio, rel=0.05)
    assert 0.0005 < found.noise < 0.05
    assert (found.rounds, slowness.slower(found)) == (60, ratio > 1)


@pytest.mark.usefixtures("quick")
def test_every_session_has_its_turn_in_every_round_in_an_order_of_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[int] = []
    sessions = [Busy(0.02) for _ in range(3)]
    for place, session in enumerate(sessions):
        monkeypatch.setattr(session, "load", lambda _, place=place: order.append(place))
    turns = [Turn(session, {}) for session in sessions]
    seen = []
    for seed in (0, 0, 1):
        order.clear()
        rounds = interleaved.timed(turns, seed)
        late = order[-3 * len(rounds) :]
        assert all(sorted(late[start : start + 3]) == [0, 1, 2] for start in range(0, len(late), 3))
        seen.append(late[:15])
    assert seen[0] == seen[1] != seen[2]


def test_noise_is_at_least_half_the_interval_and_grows_with_what_the_file_is_from_itself() -> None:
    random = np.random.default_rng(0)
    chosen = random.integers(0, 60, (2000, 60))
    same = random.normal(1.0, 0.02, 60)
    assert 0.002 < interleaved.noise(same, chosen) < 0.02
    assert interleaved.noise(same + 0.1, chosen) > 0.09
    assert interleaved.noise(np.ones(60), chosen) == 0


@pytest.mark.parametrize(("count", "place"), [(1, 0), (5, 0), (6, 0), (9, 1), (20, 5), (100, 39)])
def test_the_interval_of_a_median_is_that_of_the_tables(count: int, place: int) -> None:
    # Conover's table of ranks: 6 values (1, 6), 9 (2, 8), 20 (6, 15), 100 (40, 61).
    values = np.random.default_rng(0).permutation(count).astype(np.float64)
    assert latency.median_interval(values) == Interval(float(place), float(count - 1 - place))


def test_the_interval_of_a_median_holds_it_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    intervals = [latency.median_interval(random.exponential(size=101)) for _ in range(1000)]
    held = sum(each.low <= np.log(2) <= each.high for each in intervals)
    assert 935 <= held <= 985


def test_a_latency_has_quantiles_from_the_shortest_to_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "_TIMED_S", 0.05)
    found = latency.time_session(Busy(0.001), {}, 1)
    assert len(found.quantiles) == 41
    assert list(found.quantiles) == sorted(found.quantiles)
    assert found.quantiles[20] == found.p50
    assert found.p50_interval is not None
    assert found.p50_interval.low <= found.p50 <= found.p50_interval.high


@pytest.mark.usefixtures("quick")
def test_a_file_is_measured_against_another_and_its_memory_alone(onnx_file: Any) -> None:
    large = "(float[N,3] x) => (float[N,3] y) { y = Identity (x) }"
    values = Split({"x": np.ones((5, 3), np.float32)})
    found = measure(onnx_file(large), values, against=Against(onnx_file(large, "f.onnx")))
    assert found.latency_ratio is not None
    assert found.latency_ratio.threads == 1
    assert found.memory.over_baseline_bytes is not None
    # This process has room already that a fresh one would ask for.
    assert 0 <= found.memory.over_baseline_bytes < 50e6
    assert found.repeatable
    assert measure(onnx_file(large), values, timed=False).latency_ratio is None


ACCOUNT = """
import json, numpy
from compressor.measurement import memory
account = memory.Account()
with account.leaving_out():
    data = numpy.ones(8_000_000)
of_data = account.over_baseline()
of_file = numpy.ones(4_000_000)
print(json.dumps([of_data, account.over_baseline(), account.peak()]))
"""


def test_what_is_left_out_is_not_the_files_memory() -> None:
    # A small process: of this one the system may take back, just then, more than the arrays take.
    done = subprocess.run([sys.executable, "-c", ACCOUNT], capture_output=True, text=True, check=True)
    of_data, with_file, peak = json.loads(done.stdout)
    assert of_data < 10e6
    assert with_file > 0.9 * 32e6
    assert peak > 96e6


def test_a_microcontroller_needs_what_the_planner_says(tmp_path: Path) -> None:
    content = relu_chain(64, 32, 64)
    (tmp_path / "m.tflite").write_bytes(content)
    need = fit.need(content)
    found = memory.of_microcontroller(tmp_path / "m.tflite")
    assert (found.arena_bytes, found.flash_bytes, found.ram_bytes) == (need.arena.total, need.flash, need.ram)
    assert memory.of_microcontroller(tmp_path / "m.onnx") == memory.Memory()


@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20),
    st.sampled_from([1.0, 0.5, 0.00390625, 0.1, 0.0375]),
    st.sampled_from([("int8", -128), ("uint8", 0), ("int16", 0), ("int8", 5), ("int32", 0)]),
)
def test_a_block_is_quantized_as_every_number_rounded_half_away_from_zero(
    values: list[float], scale: float, kind: tuple[str, int]
) -> None:
    array = np.array([*values, 0.5, -0.5, 1.5 * scale, -2.5 * scale, 0.49999997, 8388609.0], np.float32)
    info = np.iinfo(kind[0])
    exact = (array / np.float32(scale)).astype(np.float64)
    rounded = np.trunc(exact + np.copysign(0.5, exact)) + kind[1]
    assert quantized(array, kind[0], scale, kind[1]).tolist() == np.clip(rounded, info.min, info.max).tolist()


RATIO = LatencyRatio(1.14, Interval(1.1, 1.2), 0.02, 60, 1)


@pytest.mark.parametrize(
    ("ratio", "low", "noise", "slower"), [(1.14, 1.1, 0.02, True), (1.14, 0.9, 0.02, False), (1.02, 1.01, 0.03, False)]
)
def test_slower_is_what_lies_beyond_interval_and_noise(ratio: float, low: float, noise: float, slower: bool) -> None:
    assert slowness.slower(LatencyRatio(ratio, Interval(low, 2.0), noise, 60, 1)) == slower


def test_the_operators_of_a_slow_onnx_file_are_those_of_the_runtimes_profile(onnx_file: Any) -> None:
    text = "(float[N,64] x) => (float[N,64] y) { q, s, z = DynamicQuantizeLinear (x)  d = DequantizeLinear (q, s, z) "
    path = onnx_file(text + " y = Tanh (d) }")
    sample = {"x": np.ones((1, 64), np.float32)}
    times, told = slowness.why(path, "onnxruntime", sample, RATIO)
    assert {each.op for each in times} == {"DynamicQuantizeLinear", "DequantizeLinear", "Tanh"}
    assert sum(each.share for each in times) == pytest.approx(1, abs=0.01)
    assert list(times) == sorted(times, key=lambda each: -each.ms)
    assert told.startswith("slower than float32 (1.14 ×, beyond the noise of 2 %): DequantizeLinear and Dynamic")
    assert slowness.why(path, "onnxruntime", sample, LatencyRatio(0.9, Interval(0.8, 0.95), 0.02, 60, 1)) == ((), "")


def test_converting_operators_are_told_first() -> None:
    times = [
        OperatorTime(op, op, "", 1.0, share)
        for op, share in (("QLinearConv", 0.4), ("QuantizeLinear", 0.2), ("DequantizeLinear", 0.11), ("Relu", 0.29))
    ]
    told = slowness.of_profile(times)
    assert told == "QuantizeLinear and DequantizeLinear take 31 % of the time, QLinearConv 40 %, Relu 29 %"


def test_the_first_run_of_a_profile_does_not_count() -> None:
    def event(name: str, op: str, duration: int) -> dict[str, Any]:
        return {"cat": "Node", "name": f"{name}_kernel_time", "dur": duration, "args": {"op_name": op}}

    events = [event("model/conv_1/Conv2D_quant", "QLinearConv", duration) for duration in (9000, 30, 30)]
    events += [event("q", "QuantizeLinear", 10) for _ in range(3)]
    events += [{"cat": "Session", "name": "model_run", "dur": 1}]
    first, second = onnx_profile.of_events(events, 3)
    assert (first.op, first.ms, first.share) == ("QLinearConv", 0.03, 0.75)
    assert (second.op, second.ms, second.share) == ("QuantizeLinear", 0.01, 0.25)


def test_a_slow_tflite_file_names_its_work(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(relu_chain(4, 4))
    times, told = slowness.why(tmp_path / "m.tflite", "litert", {}, RATIO)
    assert times == ()
    assert "LiteRT has no profile that can be asked from Python" in told


def test_the_processors_products_of_bytes_are_told_of_files_that_have_some(
    tmp_path: Path, onnx_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "byte_products", lambda: ())
    (tmp_path / "float.tflite").write_bytes(relu_chain(4, 4))
    (tmp_path / "hybrid.tflite").write_bytes(float_lstm_with_int8_weights())
    found = [slowness.why(tmp_path / f"{name}.tflite", "litert", {}, RATIO)[1] for name in ("float", "hybrid")]
    products = "(int8[N,4] x) => (int32[N,N] y) { t = Transpose (x)  y = MatMulInteger (x, t) }"
    for text in ("(float[N,4] x) => (float[N,4] y) { y = Tanh (x) }", products):
        kind = np.int8 if "int8" in text else np.float32
        found.append(slowness.why(onnx_file(text), "onnxruntime", {"x": np.ones((1, 4), kind)}, RATIO)[1])
    assert ["VNNI" in told for told in found] == [False, True, False, True]


@pytest.mark.parametrize(("count", "told"), [(1, "1 operator only quantizes or"), (2, "2 operators only quantize or")])
def test_operators_that_only_convert_are_counted(tmp_path: Path, count: int, told: str) -> None:
    file = File()
    for _ in range(count):
        file.add("QUANTIZE", [file.input((1, 4))], [file.tensor((1, 4))])
    (tmp_path / "m.tflite").write_bytes(file.content())
    assert told in slowness.of_tflite(tmp_path / "m.tflite")


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("model name\t: A B\nflags\t\t: fpu avx2 avx512_vnni\n", ("AVX-512 VNNI",)),
        ("flags : fpu avx2\n", ()),
        ("Features\t: fp asimd asimddp i8mm\n", ("dot products", "I8MM")),
        ("nothing\n", None),
    ],
)
def test_a_processor_is_asked_for_products_of_bytes(
    lines: str, found: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(lines)
    monkeypatch.setattr(machine, "_CPUINFO", tmp_path / "cpuinfo")
    assert machine.byte_products() == found
