"""What a network costs with some of its channels gone: multiply-accumulates, parameters, bytes of its weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from compressor.channel_pruning.flow import Flow, Traced
from compressor.channel_pruning.rules import Kept
from compressor.channel_pruning.stand_in import StandIn
from compressor.values import Array, Precision

# Tables that are looked up, not multiplied.
_LOOKED_UP = ("Embedding",)
_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "Bidirectional")
_TAKEN_IN = ("BatchNormalization", "SyncBatchNormalization")
# Bytes of a number in a kernel, and in a bias, as files hold them.
_BYTES = {
    Precision.FLOAT32: (4, 4),
    Precision.FLOAT16: (2, 2),
    Precision.DYNAMIC_INT8: (1, 4),
    Precision.INT8: (1, 4),
    Precision.INT16X8: (1, 8),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Multiply-accumulates of one sample, parameters, and the bytes that these take in a file."""

    macs: int
    parameters: int
    bytes: int


def counter(flow: Flow, precision: Precision = Precision.FLOAT32) -> Callable[[Array], Cost]:
    """A function of the sets that fall, quick enough to be asked often.

    Weights are counted by what the rules leave of their shapes: stand-ins of one byte take the weights' place.

    Args:
        precision: what the file is written in.
    """
    layers = [_Counted(traced, flow, precision) for traced in flow.layers.values() if _own(traced)]

    def cost(fallen: Array) -> Cost:
        gone = np.zeros(flow.channels.count, bool)
        gone[fallen] = True
        found = [layer.cost(gone) for layer in layers]
        return Cost(
            sum(each.macs for each in found),
            sum(each.parameters for each in found),
            sum(each.bytes for each in found),
        )

    return cost


class _Counted:
    """A layer, and what it costs for every number of channels that was asked for."""

    def __init__(self, traced: Traced, flow: Flow, precision: Precision) -> None:
        self._sets = [flow.channels.sets(each) for each in (*traced.inputs, *traced.outputs)]
        self._inputs = len(traced.inputs)
        self._stand_in, self._positions = StandIn(traced.layer, np.int8), _positions(traced)
        self._bytes, self._taken_in = _BYTES[precision], type(traced.layer).__name__ in _TAKEN_IN
        self._known: dict[tuple[int, ...], Cost] = {}

    def cost(self, gone: Array) -> Cost:
        """Its cost without the sets that are gone; which ones of a tensor these are makes no difference."""
        masks = [~gone[each] for each in self._sets]
        widths = tuple(int(each.sum()) for each in masks)
        if widths not in self._known:
            left = self._stand_in.left(Kept(tuple(masks[: self._inputs]), tuple(masks[self._inputs :])))
            multiplied = sum(each.size for each in left if each.ndim > 1)
            parameters = sum(each.size for each in left)
            self._known[widths] = Cost(self._positions * multiplied, parameters, self._stored(left))
        return self._known[widths]

    def _stored(self, left: Sequence[Array]) -> int:
        kernel, bias = self._bytes
        vectors = [each.size for each in left if each.ndim <= 1]
        if self._taken_in:
            # Of its four vectors a bias is left in the file.
            vectors = vectors[:1]
        return kernel * sum(each.size for each in left if each.ndim > 1) + bias * sum(vectors)


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
