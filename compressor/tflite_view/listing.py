"""The operators of a TFLite file as an inspection tells them."""

from __future__ import annotations

from compressor.placing import Listed
from compressor.tflite_view import View
from compressor.tflite_view.layers import layers
from compressor.tflite_view.macs import macs


def listed(view: View) -> tuple[Listed, ...]:
    """Every operator in the order of the file."""
    makers = {tensor.index: operator.index for operator in view.operators for tensor in operator.outputs}
    return tuple(
        Listed(
            operator.index,
            operator.op,
            operator.outputs[0].name if operator.outputs else "",
            layer,
            macs(operator),
            tuple(dict.fromkeys(makers[each.index] for each in operator.inputs if each and each.index in makers)),
        )
        for operator, layer in zip(view.operators, layers(view), strict=True)
    )
