"""TensorFlow Lite Micro: what it can run, how much memory it needs, and the model as C++."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tflite_files import KINDS, TfliteFile, float_lstm_with_int8_weights, relu_chain

from compressor import formats, names, runtimes
from compressor.errors import BadInput, StageFailed
from compressor.target import Target
from compressor.tflm import c_array, fit, operators, planner
from compressor.tflm.arena import Arena, arena
from compressor.values import Precision, Source

STAND_IN = Path(__file__).parent / "tflm_stand_in"


def written(content: bytes, folder: Path) -> tuple[Path, tuple[str, ...]]:
    """The file that the format makes of a TFLite file, and its notes."""
    (folder / "m.tflite").write_bytes(content)
    source = Source("m", folder / "m.tflite", None, (), ())
    notes = formats.load("tflm").write(source, Precision.INT8, {}, folder / "m.cc")
    return folder / "m.cc", notes


@given(st.binary(max_size=100))
def test_a_c_array_holds_every_byte_and_its_length(content: bytes) -> None:
    text = c_array.source(content)
    assert text.endswith(f"const unsigned int model_size = {len(content)};\n")
    digits = text.partition("{")[2].partition("}")[0].replace(",", " ").split()
    assert bytes(int(digit, 16) for digit in digits) == content


def test_the_bytes_are_written_as_xxd_writes_them(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(bytes(range(30)))
    lines = c_array.source(bytes(range(30))).splitlines()
    assert lines[2:7] == [
        "alignas(16) const unsigned char model_data[] = {",
        "  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,",
        "  0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,",
        "  0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d",
        "};",
    ]
    # No comma and no empty line after a last line that is full.
    assert c_array.source(bytes(range(24))).splitlines()[4:6] == [
        "  0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17",
        "};",
    ]


def test_another_source_holds_no_model(tmp_path: Path) -> None:
    for text in ("int main() {}\n", "alignas(16) const unsigned char model_data[] = {\n  0x1ff\n};\n", "\xff"):
        (tmp_path / "m.cc").write_bytes(text.encode("latin-1"))
        with pytest.raises(BadInput, match="holds no model as a C array"):
            c_array.content(tmp_path / "m.cc")


def test_the_reference_kernels_run_the_model_inside_the_c_array(tmp_path: Path) -> None:
    path, notes = written(relu_chain(4, 4), tmp_path)
    assert c_array.content(path) == (tmp_path / "m.tflite").read_bytes()
    assert runtimes.for_file(path) == "litert_reference"
    session = runtimes.load("litert_reference").open(path, 1)
    session.load({"t0": np.array([[-1.0, 0.5, 2.0, -3.0]])})
    session.invoke()
    assert session.results()["t1"].tolist() == [[0.0, 0.5, 2.0, 0.0]]
    size = (tmp_path / "m.tflite").stat().st_size
    assert notes[0] == f"flash {size} bytes for the model"
    assert notes[1].startswith("arena ")
    assert notes[2] == "operators RELU"


def test_every_operator_is_spelled_as_the_resolver_spells_it() -> None:
    made = TfliteFile()
    known = sorted(operators._KNOWN)
    tensors = [made.tensor(f"t{at}", 1) for at in range(len(known) + 1)]
    for at, name in enumerate(known):
        made.operator(name, [tensors[at]], [tensors[at + 1]])
    calls = operators.resolver_calls(made.content(tensors[:1], tensors[-1:]))
    members = (STAND_IN / "kernels.inc").read_text().splitlines()[1:]
    assert sorted(f"KERNEL({call.removeprefix('Add')})" for call in calls) == sorted(members)


def test_each_operator_is_added_once() -> None:
    assert operators.resolver_calls(relu_chain(4, 4, 4)) == ("AddRelu",)


def test_an_operator_without_a_kernel_is_told_by_name_and_output(tmp_path: Path) -> None:
    made = TfliteFile()
    x, a, y = (made.tensor(name, 1, 4) for name in ("x", "ranked", "answer"))
    made.operator("TOPK_V2", [x], [a])
    made.operator("MyOwn", [a], [y])
    with pytest.raises(StageFailed) as caught:
        written(made.content([x], [y]), tmp_path)
    assert str(caught.value).splitlines()[1:] == [
        "  TOPK_V2 (output ranked): TFLM has no kernel for it",
        "  MyOwn (output answer): TFLM has no kernel for it",
    ]
    assert not (tmp_path / "m.cc").exists()


def test_a_float_lstm_with_int8_weights_is_told_as_impossible(tmp_path: Path) -> None:
    told = r"UNIDIRECTIONAL_SEQUENCE_LSTM \(output y\): computes in float with int8 weights \(hybrid\)"
    with pytest.raises(StageFailed, match=told):
        written(float_lstm_with_int8_weights(), tmp_path)


def test_float16_is_told() -> None:
    made = TfliteFile()
    half = made.tensor("half", 2, kind=KINDS.FLOAT16, values=np.ones(2, np.float16), scales=())
    y = made.tensor("y", 2, kind=KINDS.FLOAT32)
    made.operator("DEQUANTIZE", [half], [y])
    assert operators.refusals(made.content([], [y])) == ("DEQUANTIZE (output y): TFLM has no float16",)


@pytest.mark.parametrize(
    ("kind", "scales", "told"),
    [
        (KINDS.INT8, (0.5, 0.25), "September 2024 or later"),
        (KINDS.INT16, (0.5, 0.25), "int16 activations"),
        (KINDS.INT8, (0.5,), None),
    ],
)
def test_dense_layers_with_a_scale_per_channel_need_a_recent_release(
    kind: int, scales: tuple[float, ...], told: str | None, tmp_path: Path
) -> None:
    made = TfliteFile()
    x, y = made.tensor("x", 1, 3, kind=kind), made.tensor("y", 1, 2, kind=kind)
    weights = made.tensor("w", 2, 3, values=np.ones((2, 3), np.int8), scales=scales)
    made.operator("FULLY_CONNECTED", [x, weights], [y])
    _, notes = written(made.content([x], [y]), tmp_path)
    assert [note for note in notes[3:] if told and told in note] == list(notes[3:])
    assert len(notes[3:]) == (told is not None)


def test_the_arena_counts_variables_exactly_and_marks_the_rest_as_estimated() -> None:
    found = arena(float_lstm_with_int8_weights())
    # x and y of 48 and 32 bytes, four scratch buffers of 8 bytes, aligned.
    assert (found.head, found.lower_bound) == (48 + 32 + 4 * 16,) * 2
    # 16 tensors, one node, two states of 8 bytes, and what was fitted.
    assert found.tail == 300 + 16 * 12 + 32 + 68 + 680 + 2 * 16
    assert "tail 1304 estimated" in str(found)
    # While TFLM plans, the records of 16 tensors and 6 planned buffers take more than the plan itself.
    assert found.planning == (16 + 4) * 24 + 6 * 40
    assert found.total == planner.aligned(found.planning + found.tail)


def test_planning_may_need_more_than_the_plan() -> None:
    """Of many small tensors the records are larger than what they stand for."""
    found = arena(relu_chain(*[1] * 50))
    assert found.head == 2 * 16
    assert found.planning == 50 * (24 + 40)
    assert found.total >= found.planning + found.tail


def test_scratch_memory_that_is_not_counted_is_told() -> None:
    made = TfliteFile()
    x, y = made.tensor("x", 1, 4), made.tensor("y", 1, 4)
    made.operator("BATCH_MATMUL", [x, x], [y])
    assert str(arena(made.content([x], [y]))).endswith("without scratch memory of BATCH_MATMUL")


def board(name: str = "cortex_m4") -> Target:
    return names.load_targets([name])[0]


def needing(model: int, head: int) -> fit.Need:
    return fit.Need(model, Arena(head=head, lower_bound=head, tail=0, planning=0))


KIB = 1024


@pytest.mark.parametrize(
    ("model", "head", "told"),
    [
        (1024 * KIB - 64 * KIB, 127 * KIB, ()),
        (1024 * KIB - 64 * KIB + 1, 16, ("flash: about 1048577 bytes needed", "1048576 there")),
        # With 1 KiB to spare and 8 KiB of stack.
        (16, 127 * KIB + 16, ("RAM: about 139280 bytes needed", "196608 there, 131072 of it in one piece")),
        (2000 * KIB, 400 * KIB, ("flash: about", "RAM: about", "smaller model or input")),
    ],
)
def test_what_does_not_fit_is_told_with_the_numbers(model: int, head: int, told: tuple[str, ...]) -> None:
    found = fit.misfit(board(), needing(model, head))
    assert (found is None) == (not told)
    assert all(each in str(found) for each in told)
    assert found is None or found.startswith("the model does not fit cortex_m4 (STM32F407): ")


def test_a_larger_board_takes_it_and_the_family_is_not_judged() -> None:
    wanted = needing(1500 * KIB, 400 * KIB)
    assert fit.misfit(board("cortex_m7"), wanted) is None
    assert fit.misfit(board("cortex_m"), wanted) is None
    assert fit.misfit(board(), wanted) is not None
