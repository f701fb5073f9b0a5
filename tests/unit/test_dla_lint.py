"""Every rule of the DLA, by an operator within it and one beyond it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from compressor.lint import dla
from compressor.lint.dla import Accelerator
from compressor.onnx_view import Graph, Node, Tensor, shapes

ORIN, XAVIER = Accelerator(2, (10, 3), "float16"), Accelerator(1, (8, 5), "float16")


def node(op: str, read: tuple[int | None, ...] = (1, 8, 16, 16), weight: Any = None, **attributes: Any) -> Node:
    inputs = [Tensor("x", "float", read)]
    if weight is not None:
        inputs.append(Tensor("w", "float", weight, np.zeros(weight, np.float32)))
    (shape,) = shapes.infer(op, inputs, attributes, 1)
    return Node(op, "n", tuple(inputs), attributes, made=(("y", shape),))


def graph(*nodes: Node, batch: int | None = 1) -> Graph:
    return Graph(17, (Tensor("x", "float", (batch, 8, 16, 16)),), nodes)


def conv(*kernel: int, channels: int = 8, **attributes: Any) -> Node:
    return node("Conv", weight=(channels, 8 // attributes.get("group", 1), *kernel), **attributes)


def of_unknown_shape(known: Node) -> Node:
    return replace(known, made=(("y", None),))


def pool(**attributes: Any) -> Node:
    return node("AveragePool", kernel_shape=[2, 2], **attributes)


PAIRS: list[tuple[str, Node, Node]] = [
    ("D2", node("Relu", (4096, 8, 4, 4)), node("Relu", (4097, 8, 4, 4))),
    ("D2", node("Relu", (1, 8, 4, 8192)), node("Relu", (1, 8, 4, 8193))),
    ("D3", node("Relu"), node("Erf")),
    ("D3", node("Sigmoid"), node("HardSwish")),
    ("D4", conv(3, 3), node("Conv", (1, 8, 4, 4, 4), (8, 8, 1, 1, 1))),
    ("D4", conv(32, 1, pads=[16, 0, 16, 0]), conv(33, 1, pads=[16, 0, 16, 0])),
    ("D4", conv(1, 1, strides=[8, 8]), conv(1, 1, strides=[9, 1])),
    ("D4", conv(1, 1, pads=[31] * 4), conv(1, 1, pads=[0, 32, 0, 0])),
    ("D4", conv(1, 1, dilations=[32, 32]), conv(1, 1, dilations=[33, 1])),
    ("D4", conv(1, 1, channels=8192), of_unknown_shape(conv(1, 1, channels=8193))),
    ("D4", conv(3, 3, group=8), Node("Conv", "n", (Tensor("x"), Tensor("v")), {}, made=(("y", None),))),
    ("D4", node("MatMul", (1, 8), (8, 4)), Node("MatMul", "n", (Tensor("x"), Tensor("v")), {}, made=(("y", None),))),
    ("D5", node("ConvTranspose", weight=(8, 4, 2, 2)), node("ConvTranspose", weight=(8, 4, 2, 2), group=2)),
    ("D5", node("ConvTranspose", weight=(8, 4, 2, 2)), node("ConvTranspose", weight=(8, 4, 2, 2), dilations=[2, 1])),
    ("D5", node("ConvTranspose", weight=(8, 4, 2, 2)), node("ConvTranspose", weight=(8, 4, 2, 2), pads=[1] * 4)),
    *[
        (
            "D5",
            node("ConvTranspose", weight=(8, 4, 2, 2), strides=[2, 2], **{name: within}),
            node("ConvTranspose", weight=(8, 4, size, size), strides=[2, 2], **{name: beyond}),
        )
        for name, within, beyond, size in [
            ("auto_pad", "SAME_UPPER", "SAME_UPPER", 3),
            ("auto_pad", "SAME_LOWER", "SAME_LOWER", 4),
            ("auto_pad", "VALID", "SAME_UPPER", 1),
            ("output_shape", [32, 32], [31, 32], 2),
        ]
    ],
    ("D5", node("ConvTranspose", weight=(8, 4, 32, 1)), node("ConvTranspose", weight=(8, 4, 33, 1))),
    ("D5", node("Concat", axis=1), node("Concat", axis=2)),
    ("D5", node("Concat", axis=-3), node("Concat", axis=-1)),
    ("D5", node("LRN", size=9), node("LRN", size=11)),
    ("D5", node("MaxPool", kernel_shape=[8, 8]), node("MaxPool", kernel_shape=[9, 1])),
    (
        "D5",
        node("AveragePool", kernel_shape=[2, 2], strides=[16, 1]),
        node("MaxPool", kernel_shape=[2, 2], strides=[17, 1]),
    ),
    ("D5", node("GlobalAveragePool", (1, 8, 8, 8)), node("GlobalAveragePool", (1, 8, 9, 9))),
    ("D5", node("MaxPool", kernel_shape=[2, 2]), node("MaxPool", (1, 8, 4, 4, 4), kernel_shape=[2, 2, 2])),
    ("D7", node("Softmax", (1, 10)), node("Softmax", (1, 8, 4, 4), axis=-1)),
    ("D7", node("Add"), node("Reshape")),
    ("D7", node("Mul"), node("Transpose")),
    ("D7", node("Max"), node("ReduceMean")),
    ("D7", node("Tanh"), node("LSTM")),
]


@pytest.mark.parametrize(("rule", "within", "beyond"), PAIRS, ids=[f"{rule}-{b.op}" for rule, _, b in PAIRS])
def test_an_operator_within_the_limits_stays_and_one_beyond_leaves(rule: str, within: Node, beyond: Node) -> None:
    kept, left = dla.fallbacks(graph(within, beyond), ORIN)
    assert kept is None
    assert left is not None
    assert left.rule == rule


@pytest.mark.parametrize(
    "op", ["Relu", "Sigmoid", "Tanh", "Clip", "LeakyRelu", "Add", "Sub", "Mul", "Max", "Min", "Div", "Pow"]
)
def test_d6_activations_and_elementwise_operators_stay(op: str) -> None:
    assert dla.fallbacks(graph(node(op)), ORIN) == (None,)


def test_d1_integers_are_not_for_the_dla() -> None:
    x, y = Tensor("x", "float", (1, 8)), Tensor("k", "int64", (1, 8))
    shape = Node("Shape", "s", (x,), {}, made=(("n", (2,)),))
    sum_of_sizes = Node("Add", "a", (Tensor("n", producer=shape), Tensor("n", producer=shape)), {}, made=(("m", (2,)),))
    given = Node("Mul", "b", (y, y), {}, made=(("o", (1, 8)),))
    real = Node("Pow", "c", (x, Tensor("two", "int64", (), np.array(2))), {}, made=(("p", (1, 8)),))
    found = dla.fallbacks(graph(shape, sum_of_sizes, given, real), ORIN)
    assert [each and each.rule for each in found] == ["D3", "D1", "D1", None]
    assert "Add reads int64" in str(found[1])


def test_d7_a_softmax_needs_orin_and_float16() -> None:
    softmax = graph(node("Softmax", (1, 10)))
    assert dla.fallbacks(softmax, ORIN) == (None,)
    for other in (XAVIER, Accelerator(2, (10, 3), "int8")):
        (left,) = dla.fallbacks(softmax, other)
        assert left is not None
        assert left.rule == "D7"


def broken(made: Graph, accelerator: Accelerator) -> set[str]:
    return {f"{each.rule} {each.severity}" for each in dla.lint(made, accelerator)}


def test_d1_the_dla_has_no_float32() -> None:
    assert broken(graph(conv(3, 3)), ORIN) == set()
    assert broken(graph(conv(3, 3)), Accelerator(precision="float32")) == {"D1 error"}


def test_d2_sizes_are_constant() -> None:
    assert broken(graph(conv(3, 3), batch=None), ORIN) == {"D2 error"}
    fixed = Accelerator(precision="float16", shapes={"x": (1, 8, 16, 16)})
    assert broken(graph(conv(3, 3), batch=None), fixed) == set()


def test_d2_there_is_an_end_to_parts() -> None:
    alternating = [node(op) for _ in range(17) for op in ("Relu", "Erf")]
    assert broken(graph(*alternating[2:]), ORIN) == {"D3 warn"}
    assert broken(graph(*alternating), ORIN) == {"D2 error", "D3 warn"}


def test_d3_what_leaves_is_an_error_where_nothing_takes_it() -> None:
    assert broken(graph(node("Erf")), Accelerator(precision="float16", gpu_fallback=False)) == {"D3 error"}


@pytest.mark.parametrize(("release", "expected"), [((8, 5), {"D8 warn"}), ((10, 3), {"D8 warn"}), ((11, 4, 1), set())])
def test_d8_quantizers_are_for_tensorrt_11(release: tuple[int, ...], expected: set[str]) -> None:
    quantizer = Node(
        "QuantizeLinear", "q", (Tensor("x"), Tensor("s", "float", (), np.ones(()))), {}, made=(("y", None),)
    )
    assert broken(graph(quantizer), Accelerator(2, release, "int8")) == expected


RELEASES = [((8, 5), False), ((10, 7), False), ((10, 7, 1), False), ((10, 8), True), ((11, 3), True), ((11, 4), True)]


@pytest.mark.parametrize(("release", "absent"), [*RELEASES, ((11, 4, 1), False), ((11, 5), False)])
def test_d9_some_releases_have_no_dla(release: tuple[int, ...], absent: bool) -> None:
    assert broken(graph(conv(3, 3)), Accelerator(2, release, "float16")) == ({"D9 error"} if absent else set())
