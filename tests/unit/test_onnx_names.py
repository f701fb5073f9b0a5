"""Numbers in names of ONNX graphs: counted from 1, and names that differed still differ."""

from __future__ import annotations

from itertools import pairwise

import onnx
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from compressor.onnx_graph.node_names import name_nodes, renumber

KEPT = frozenset({"x", "y__7"})
NAMES = st.lists(st.from_regex(r"\A[ab/]{1,3}(__[0-9]{1,2})?(:0)?\Z"), min_size=2, max_size=8, unique=True)


def renumbered(names: list[str]) -> onnx.ModelProto:
    """x through one Relu per name to y__7."""
    ends = ["x", *names, "y__7"]
    nodes = [helper.make_node("Relu", [first], [second], name=f"to/{second}") for first, second in pairwise(ends)]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y__7"))
    model = helper.make_model(helper.make_graph(nodes, "g", [x], [y]))
    renumber(model, KEPT)
    return model


def test_the_same_graph_gets_the_same_names_whatever_the_counter_was_at() -> None:
    first, later = renumbered(["a__5:0", "b", "c__9", "d/e__5"]), renumbered(["a__26:0", "b", "c__40", "d/e__26"])
    assert first.SerializeToString() == later.SerializeToString()
    assert [node.output[0] for node in first.graph.node] == ["a__1:0", "b", "c__2", "d/e__1", "y__7"]


def test_free_dimensions_are_counted_too() -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [f"unk__{n}"]) for name, n in (("x", 28), ("y", 31)))
    model = helper.make_model(helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y]))
    renumber(model, frozenset({"x", "y"}))
    told = [value.type.tensor_type.shape.dim[0].dim_param for value in (*model.graph.input, *model.graph.output)]
    assert told == ["unk__1", "unk__2"]


@given(NAMES)
def test_names_that_differ_still_differ_and_stay_connected(names: list[str]) -> None:
    nodes = renumbered(names).graph.node
    assert len({node.output[0] for node in nodes}) == len(names) + 1
    assert (nodes[0].input[0], nodes[-1].output[0]) == ("x", "y__7")
    assert all(before.output[0] == after.input[0] for before, after in pairwise(nodes))


@given(st.lists(st.sampled_from(["", "a", "Relu_t1", "Relu_t2", "Relu_t2_2"]), min_size=1, max_size=8))
def test_every_node_has_a_name_of_its_own(given_names: list[str]) -> None:
    nodes = [
        helper.make_node("Relu", [f"t{place}"], [f"t{place + 1}"], name=name) for place, name in enumerate(given_names)
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("t0", f"t{len(nodes)}")]
    model = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:]))
    name_nodes(model)
    told = [node.name for node in model.graph.node]
    assert len({*told, ""}) == len(told) + 1
    assert all(name in told for name in given_names if name)
    again = [*told]
    name_nodes(model)
    assert [node.name for node in model.graph.node] == again
