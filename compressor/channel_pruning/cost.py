"""What a network costs with some of its channels gone: multiply-accumulates, parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np

from compressor.channel_pruning.flow import Flow, Traced
from compressor.channel_pruning.rules import Kept
from compressor.channel_pruning.stand_in import StandIn
from compressor.values import Array

# Tables that are looked up, not multiplied.
_LOOKED_UP = ("Embedding",)
_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "Bidirectional")


@dataclass(frozen=True, slots=True)
class Cost:
    """Multiply-accumulates of one sample, and parameters."""

    macs: int
    parameters: int


def counter(flow: Flow) -> Callable[[Array], Cost]:
    """A function of the sets that fall, quick enough to be asked often.

    Weights are counted by what the rules leave of their shapes: stand-ins of one byte take the weights' place.
    """
    layers = [
        (traced, StandIn(traced.layer, np.int8), _positions(traced)) for traced in flow.layers.values() if _own(traced)
    ]
    sets = {
        id(traced): [flow.channels.sets(each) for each in (*traced.inputs, *traced.outputs)] for traced, *_ in layers
    }

    def cost(fallen: Array) -> Cost:
        macs = parameters = 0
        for traced, stand_in, positions in layers:
            masks = [~np.isin(each, fallen) for each in sets[id(traced)]]
            kept = Kept(tuple(masks[: len(traced.inputs)]), tuple(masks[len(traced.inputs) :]))
            left = stand_in.left(kept)
            parameters += sum(each.size for each in left)
            macs += positions * sum(each.size for each in left if each.ndim > 1)
        return Cost(macs, parameters)

    return cost


def _own(traced: Traced) -> bool:
    """The layer has weights and is no model, whose layers count themselves."""
    return bool(traced.layer.weights) and not hasattr(traced.layer, "_nodes_by_depth")


def _positions(traced: Traced) -> int:
    """How often each weight of a kernel is multiplied for one sample; free sizes count as one."""
    layer = traced.layer
    if type(layer).__name__ in _LOOKED_UP:
        return 0
    before = "Transpose" in type(layer).__name__ or type(layer).__name__ in _RECURRENT
    calls = [
        layer.get_input_shape_at(at) if before else layer.get_output_shape_at(at)
        for at in range(len(layer.inbound_nodes))
    ]
    shapes = [call[0] if isinstance(call, list) else call for call in calls]
    return sum(prod(size or 1 for size in shape[1:-1]) for shape in shapes)
