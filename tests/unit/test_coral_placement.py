"""What the Edge TPU's compiler would take: as the real one on files it compiled, and rule by rule on tiny ones."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from at_hand import MODELS, needs_data
from hypothesis import given
from hypothesis import strategies as st
from tiny_tflite import File, conv

from compressor import names
from compressor.errors import BadInput
from compressor.inspection import Inspection, inspect
from compressor.placement import coral
from compressor.placing import Decision, Placing
from compressor.tflite_view import parse, read
from compressor.tflite_view.layers import layers
from compressor.tflite_view.macs import macs

PAIRS = MODELS / "coral"
present = needs_data(PAIRS)
(CORAL,) = names.load_targets(["coral"])


def pairs() -> dict[str, Any]:
    return dict(json.loads((PAIRS / "expected.json").read_text())) if PAIRS.is_dir() else {}


@present
@pytest.mark.parametrize("name", pairs())
def test_the_rules_say_what_the_real_compiler_did(name: str) -> None:
    expected, found = pairs()[name], inspect(PAIRS / name, CORAL)
    left = [{"index": e.index, "op": e.op, "output": e.output} for e in found.operators if e.where == "cpu"]
    assert left == expected["cpu_ops"]
    assert (len(found.operators), found.accelerator_ops, found.cpu_ops) == (
        expected["base_ops"],
        expected["tpu_count"],
        expected["cpu_count"],
    )
    assert found.mistakes == ()
    assert found.warnings == ()


@present
@pytest.mark.parametrize("name", pairs())
def test_what_is_left_in_the_compiled_file_is_what_the_rules_leave(name: str) -> None:
    compiled = read(PAIRS / name.replace(".tflite", "_edgetpu.tflite"))
    remaining = {operator.outputs[0].name for operator in compiled.operators if not operator.custom}
    left = {each.output for each in inspect(PAIRS / name, CORAL).operators if each.where != "accelerator"}
    assert left == remaining
    assert sum(operator.op == "edgetpu-custom-op" for operator in compiled.operators) == 1


@present
def test_a_compiled_file_is_told_from_one_to_compile() -> None:
    (told,) = inspect(PAIRS / "split_concat_edgetpu.tflite", CORAL).mistakes
    assert "compiled for the Edge TPU already" in told


def placed(file: File) -> Placing:
    return coral.place(parse(file.content()), CORAL)


def only(file: File) -> Decision:
    """What is said of the last operator."""
    return placed(file).decisions[-1]


def accelerated(file: File) -> str:
    return "".join({"accelerator": "A", "cpu": "c", "unsupported": "u"}[each.where] for each in placed(file).decisions)


SUPPORTED, REFUSED = "LOGISTIC", "ARG_MAX"


def chain(kinds: str) -> File:
    """`+` an operator that is taken, `-` one that is not, one after another."""
    file = File()
    last = file.input((1, 4))
    for kind in kinds:
        made = file.tensor((1, 4))
        file.add(SUPPORTED if kind == "+" else REFUSED, [last], [made], version=2)
        last = made
    return file


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ("+++", "AAA"),
        ("++-", "AAc"),
        ("+-+", "Acc"),
        ("--++", "ccAA"),
        ("-+-+-+", "cAcccc"),
        ("---", "ccc"),
    ],
)
def test_one_part_is_accelerated_after_what_stays_in_front(kinds: str, expected: str) -> None:
    assert accelerated(chain(kinds)) == expected


@given(st.text("+-", min_size=1, max_size=12))
def test_the_accelerated_part_is_one_run_of_operators_that_are_taken(kinds: str) -> None:
    places = [place for place, where in enumerate(accelerated(chain(kinds))) if where == "A"]
    assert (places == []) == ("+" not in kinds)
    if places:
        assert places == list(range(places[0], places[-1] + 1))
        assert set(kinds[: places[0]]) <= {"-"}
        assert kinds[places[-1] + 1 : places[-1] + 2] in ("", "-")


def test_the_operator_that_ends_the_part_is_named_by_those_behind_it() -> None:
    decisions = placed(chain("+-+-+")).decisions
    assert "ends the accelerated part" in decisions[1].reason
    assert decisions[1].change == "leave it to the host: return the scores"
    assert "follows ARG_MAX (operator 1)" in decisions[2].reason
    assert "ends" not in decisions[3].reason
    assert [bool(each.change) for each in decisions] == [False, True, False, True, False]


def simple(op: str, *shapes: tuple[int, ...], version: int = 1, **options: int) -> File:
    """One operator from the first shapes to the last."""
    file = File()
    inputs = [file.input(shape) for shape in shapes[:-1]]
    file.add(op, inputs, [file.tensor(shapes[-1])], version, **options)
    return file


def with_constant(op: str, read_shape: Any, made: Any, values: Any, kind: str = "INT32", first: bool = False) -> File:
    file = File()
    source, constant = file.input(read_shape), file.constant(values, kind)
    file.add(op, [constant, source] if first else [source, constant], [file.tensor(made)])
    return file


def strided(strides: list[int], **options: int) -> File:
    file = File()
    source = file.input((1, 4, 4, 2))
    numbers = [file.constant([0, 0, 0, 0], "INT32"), file.constant([1, 4, 4, 2], "INT32")]
    file.add(
        "STRIDED_SLICE", [source, *numbers, file.constant(strides, "INT32")], [file.tensor((1, 4, 4, 2))], **options
    )
    return file


def joined(*constants: int, computed: int = 1, zero_point: int = 0) -> File:
    file = File()
    inputs = [file.input((1, 2, 2, 1)) for _ in range(computed)]
    for value in constants:
        inputs.append(file.constant(np.full((1, 2, 2, 1), value)))
        file._graph.tensors[inputs[-1]].quantization.zeroPoint = [zero_point]
    file.add("CONCATENATION", inputs, [file.tensor((1, 2, 2, len(inputs)))], axis=3)
    return file


def convolved(**options: int) -> File:
    file = File()
    conv(file, file.input((1, 8, 8, 2)), (1, 8, 8, 4), **options)
    return file


def dense(made: tuple[int, ...], constant: bool = True, **options: int) -> File:
    file = File()
    source = file.input((1, 8))
    weights = file.constant(np.ones((4, 8))) if constant else file.input((4, 8))
    file.add("FULLY_CONNECTED", [source, weights, -1], [file.tensor(made)], 4, **options)
    return file


def prelu(alpha: tuple[int, ...]) -> File:
    file = File()
    file.add("PRELU", [file.input((1, 8, 8, 4)), file.constant(np.ones(alpha))], [file.tensor((1, 8, 8, 4))])
    return file


def typed(read: str, made: str, op: str = "QUANTIZE", scale: float | None = 0.1) -> File:
    file = File()
    file.add(op, [file.input((1, 8), read, scale=scale)], [file.tensor((1, 8), made)])
    return file


TAKEN: dict[str, Callable[[], File]] = {
    "convolution": convolved,
    "dilation that is the same in both": lambda: convolved(dilationWFactor=2, dilationHFactor=2),
    "one row of a dense layer": lambda: dense((1, 4)),
    "pooling": lambda: simple("AVERAGE_POOL_2D", (1, 8, 8, 4), (1, 4, 4, 4), strideW=2, strideH=2),
    "joining two": lambda: joined(computed=2),
    "joining zeros to one": lambda: joined(0),
    "joining real zeros": lambda: joined(7, zero_point=7),
    "mean over height and width": lambda: with_constant("MEAN", (1, 8, 8, 3), (1, 3), [1, 2]),
    "mean over a multiple of four channels": lambda: with_constant("MEAN", (1, 8, 8, 4), (1, 8, 8), [-1]),
    "maximum over channels": lambda: with_constant("REDUCE_MAX", (1, 8, 8, 3), (1, 8, 8), [3]),
    "padding of a picture": lambda: with_constant("PAD", (1, 4, 4, 1), (1, 6, 6, 1), [[0, 0], [1, 1], [1, 1], [0, 0]]),
    "splitting channels": lambda: with_constant("SPLIT", (1, 4, 4, 2), (1, 4, 4, 2), 3, first=True),
    "slices of step 1": lambda: strided([1, 1, 1, 1], beginMask=3),
    "softmax of 16000": lambda: simple("SOFTMAX", (1, 16_000), (1, 16_000)),
    "prelu of channels": lambda: prelu((1, 1, 4)),
    "packing behind the batch": lambda: simple("PACK", (1, 4), (1, 4), (1, 2, 4), axis=1, valuesCount=2),
    "twice the size": lambda: with_constant("RESIZE_BILINEAR", (1, 64, 64, 32), (1, 128, 128, 32), [128, 128]),
    "uint8 from int8": lambda: typed("UINT8", "INT8"),
    "a fifth axis of one": lambda: simple("ADD", (1, 1, 4, 4, 2), (1, 1, 4, 4, 2), (1, 1, 4, 4, 2)),
}


@pytest.mark.parametrize("case", TAKEN)
def test_within_its_limits_an_operator_is_accelerated(case: str) -> None:
    decision = only(TAKEN[case]())
    assert decision == Decision("accelerator", "the Edge TPU computes it")


LIMITS: dict[str, tuple[Callable[[], File], str]] = {
    "unknown": (lambda: simple("HARD_SWISH", (1, 4), (1, 4)), "does not compute HARD_SWISH"),
    "custom": (lambda: simple("PosenetDecoderOp", (1, 4), (1, 4)), "PosenetDecoderOp: a custom operator"),
    "fused pooling": (
        lambda: simple("MAX_POOL_2D", (1, 8, 8, 4), (1, 4, 4, 4), fusedActivationFunction=1),
        "MAX_POOL_2D has a fused activation",
    ),
    "fused joining": (
        lambda: simple("CONCATENATION", (1, 4), (1, 4), (1, 8), fusedActivationFunction=1),
        "CONCATENATION has a fused activation",
    ),
    "joined constant": (lambda: joined(1), "it joins a constant"),
    "joined zeros, and two more": (lambda: joined(0, computed=2), "one of two inputs"),
    "joined zeros that stand for another number": (lambda: joined(0, zero_point=7), "it joins a constant"),
    "dilation": (lambda: convolved(dilationWFactor=2), "its dilation is 1 in y and 2 in x"),
    "computed weights": (lambda: dense((1, 4), constant=False), "its weights are computed"),
    "shuffled weights": (lambda: dense((1, 4), weightsFormat=1), "in another format"),
    "rows": (lambda: dense((5, 4)), "[5, 4] is not one-dimensional"),
    "alpha": (lambda: prelu((8, 8, 4)), "its alpha [8, 8, 4]"),
    "packed batch": (lambda: simple("PACK", (4,), (4,), (2, 4), axis=0, valuesCount=2), "packs along the batch"),
    "reduced batch": (lambda: with_constant("SUM", (1, 8), (8,), [0]), "reduces the batch"),
    "reduced batch, from behind": (lambda: with_constant("MEAN", (1, 8, 8, 4), (8, 8, 4), [-4]), "reduces the batch"),
    "six channels": (lambda: with_constant("MEAN", (1, 8, 8, 6), (1, 8, 8), [3]), "6 channels, no multiple of 4"),
    "padded batch": (lambda: with_constant("PAD", (1, 4), (2, 4), [[0, 1], [0, 0]]), "pads the batch"),
    "split batch": (lambda: with_constant("SPLIT", (1, 4), (1, 4), 0, first=True), "splits the batch"),
    "strides": (lambda: strided([1, 2, 1, 1]), "its strides are not all 1"),
    "ellipsis": (lambda: strided([1, 1, 1, 1], ellipsisMask=1), "an ellipsis or a new axis"),
    "new axis": (lambda: strided([1, 1, 1, 1], newAxisMask=1), "an ellipsis or a new axis"),
    "softmax of rows": (lambda: simple("SOFTMAX", (1, 5, 4), (1, 5, 4)), "is not one-dimensional"),
    "softmax of 16001": (lambda: simple("SOFTMAX", (1, 16_001), (1, 16_001)), "more than 16000"),
    "resized from one": (
        lambda: with_constant("RESIZE_BILINEAR", (1, 1, 1, 256), (1, 33, 33, 256), [33, 33]),
        "1x1x256 to 33x33x256, too far",
    ),
    "resized to many": (
        lambda: with_constant("RESIZE_NEAREST_NEIGHBOR", (1, 65, 65, 19), (1, 513, 513, 19), [513, 513]),
        "65x65x19 to 513x513x19, too far",
    ),
    "float input": (lambda: typed("FLOAT32", "INT8"), "is float32, and the Edge TPU takes int8 or uint8"),
    "float output": (lambda: typed("INT8", "FLOAT32", "DEQUANTIZE"), "does not compute DEQUANTIZE"),
    "int16": (lambda: typed("INT16", "INT16", "LOGISTIC"), "is int16"),
    "no scale": (lambda: typed("INT8", "INT8", "LOGISTIC", scale=None), "has no scale"),
    "scale 0": (lambda: typed("INT8", "INT8", "LOGISTIC", scale=0.0), "has no scale"),
    "batch": (lambda: simple("ADD", (2, 4, 4, 2), (2, 4, 4, 2), (2, 4, 4, 2)), "only its 3 innermost"),
    "float constant": (lambda: with_constant("ADD", (1, 4), (1, 4), [1.0], "FLOAT32"), "the constant t1 is float32"),
}


@pytest.mark.parametrize("case", LIMITS)
def test_out_of_its_limits_an_operator_stays_on_the_cpu_with_the_reason_and_what_to_do(case: str) -> None:
    make, reason = LIMITS[case]
    decision = only(make())
    assert decision.where == "cpu"
    assert reason in decision.reason
    assert decision.change


def test_an_operator_of_tensorflow_itself_runs_nowhere() -> None:
    assert only(simple("FlexErf", (1, 4), (1, 4))).where == "unsupported"


def inspected(file: File, tmp_path: Path) -> Inspection:
    (tmp_path / "m.tflite").write_bytes(file.content())
    return inspect(tmp_path / "m.tflite", CORAL)


def test_versions_that_were_not_seen_are_warned_of_and_not_refused() -> None:
    found = placed(simple("MAX_POOL_2D", (1, 8, 8, 4), (1, 4, 4, 4), version=2))
    assert found.decisions[0].where == "accelerator"
    (warning,) = found.warnings
    assert "MAX_POOL_2D version 2" in warning
    assert "Operation version not supported" in warning
    assert placed(simple("AVERAGE_POOL_2D", (1, 8, 8, 4), (1, 4, 4, 4))).warnings == ()
    assert "up to 1" in placed(simple("AVERAGE_POOL_2D", (1, 8, 8, 4), (1, 4, 4, 4), version=2)).warnings[0]


def test_a_resize_beyond_those_seen_is_warned_of() -> None:
    far = with_constant("RESIZE_BILINEAR", (1, 8, 8, 4), (1, 32, 32, 4), [32, 32])
    assert "may refuse it by size" in placed(far).warnings[0]
    near = with_constant("RESIZE_BILINEAR", (1, 8, 8, 4), (1, 16, 16, 4), [16, 16])
    assert placed(near).warnings == ()


def test_parameters_beyond_the_cache_are_told_with_what_is_streamed() -> None:
    file = File()
    source = file.input((1, 4096))
    for _ in range(2):
        weights, made = file.constant(np.ones((1024, 4096))), file.tensor((1, 1024))
        file.add("FULLY_CONNECTED", [source, weights, -1], [made], 4)
    found = placed(file)
    assert found.memory == {
        "parameters_bytes": 2 * 1024 * 4096,
        "parameter_cache_bytes": 7_864_320,
        "streamed_bytes": 2 * 1024 * 4096 - 7_864_320,
    }
    assert found.warnings == (
        "8.00 MiB of parameters do not fit the cache (7.50 MiB): 0.50 MiB are sent from the host on each inference",
    )


def test_shapes_and_axes_are_no_parameters() -> None:
    assert placed(with_constant("MEAN", (1, 8, 8, 4), (1, 4), [1, 2])).memory["parameters_bytes"] == 0


def test_parameters_left_to_the_cpu_do_not_count() -> None:
    file = File()
    made = file.tensor((1, 4))
    file.add(REFUSED, [dense_into(file)], [made])
    dense_from(file, made)
    assert placed(file).memory["parameters_bytes"] == 4 * 8


def dense_into(file: File) -> int:
    made = file.tensor((1, 4))
    file.add("FULLY_CONNECTED", [file.input((1, 8)), file.constant(np.ones((4, 8))), -1], [made], 4)
    return made


def dense_from(file: File, source: int) -> None:
    file.add("FULLY_CONNECTED", [source, file.constant(np.ones((16, 4))), -1], [file.tensor((1, 16))], 4)


def test_float_ends_are_warned_of() -> None:
    file = File()
    quantized, answer = file.tensor((1, 8)), file.tensor((1, 8))
    file.add("QUANTIZE", [file.input((1, 8), "FLOAT32", name="pixels")], [quantized])
    file.add("LOGISTIC", [quantized], [answer], 2)
    file.add("DEQUANTIZE", [answer], [file.tensor((1, 8), "FLOAT32", name="scores")], 2)
    assert accelerated(file) == "cAc"
    assert placed(file).warnings[0].startswith("pixels, scores: float at the ends")


def test_a_float_model_is_a_mistake() -> None:
    (told,) = placed(typed("FLOAT32", "FLOAT32", "LOGISTIC")).mistakes
    assert "computes in float32" in told
    (told,) = placed(typed("INT16", "INT16", "LOGISTIC")).mistakes
    assert "computes in int16" in told


def test_a_dynamic_input_is_a_mistake() -> None:
    file = File()
    source = file.input((1, 1, 1, 3), signature=(1, -1, -1, 3), name="picture")
    file.add("LOGISTIC", [source], [file.tensor((1, 1, 1, 3))], 2)
    found = placed(file)
    assert found.mistakes[0].startswith("the shape of its input is dynamic, picture [1, -1, -1, 3]")
    assert found.decisions[0].where == "cpu"


def test_with_a_free_batch_operators_are_placed_as_for_one_sample() -> None:
    file = File()
    file.add("LOGISTIC", [file.input((1, 3), signature=(-1, 3))], [file.tensor((1, 3))], 2)
    found = placed(file)
    assert "dynamic" in found.mistakes[0]
    assert found.decisions[0].where == "accelerator"


def test_a_second_graph_is_a_mistake() -> None:
    file = chain("+")
    file.second_graph()
    assert placed(file).mistakes[0].startswith("it has 2 graphs")


def test_a_damaged_constant_is_bad_input() -> None:
    file = with_constant("SPLIT", (1, 4, 4, 2), (1, 4, 4, 2), [1, 2], first=True)
    file._graph.tensors[1].shape = [3]
    with pytest.raises(BadInput, match="holds other numbers than its shape"):
        placed(file)


@pytest.mark.parametrize("length", [0, 3, 7, 8, 40, 100, -1])
def test_a_file_cut_short_is_bad_input(length: int) -> None:
    content = chain("+++").content()
    with pytest.raises(BadInput, match="TFLite model"):
        parse(content[:length] if length >= 0 else b"\0" * 8 + content[8:])


@given(st.data())
def test_a_spoiled_file_is_read_or_bad_input(data: st.DataObject) -> None:
    make = data.draw(st.sampled_from([convolved, lambda: dense((1, 4)), lambda: strided([1] * 4), lambda: prelu((4,))]))
    content = bytearray(make().content())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(8, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadInput):
        view = parse(bytes(content))
        assert len(coral.place(view, CORAL).decisions) == len(layers(view)) == len(view.operators)
        assert all(macs(operator) >= 0 for operator in view.operators)
