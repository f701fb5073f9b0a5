"""The Keras layer that an operator of a TFLite file came from, as far as the names of tensors tell.

TensorFlow's converter names a tensor after the operations it was fused of, `model/conv_1/Relu;model/conv_1/BiasAdd;…`,
and a model's outputs after its signature.
"""

from __future__ import annotations

import re

from compressor.tflite_view import Operator, View

# How TensorFlow calls what an operator's weights belong to: of several fused layers the one with the weights is named.
_KERNELS = {
    "CONV_2D": ("Conv2D", "MatMul"),
    "CONV_3D": ("Conv3D",),
    "DEPTHWISE_CONV_2D": ("depthwise", "DepthwiseConv2dNative"),
    "FULLY_CONNECTED": ("MatMul", "Tensordot"),
    "TRANSPOSE_CONV": ("conv2d_transpose", "Conv2DBackpropInput"),
}
# Their weights have no names where TensorFlow's converter fused the loop; the layer before them is another one.
_RECURRENT = (
    *("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM"),
    *("RNN", "UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_RNN"),
)
_WRAPPER = re.compile(r"(?:(?:StatefulPartitionedCall|PartitionedCall)(?:_\d+)?/)+")
# Names of TensorFlow's operations, which are no layers.
_OPERATION = re.compile(
    r"(?:Conv[23]D|DepthwiseConv2dNative|MatMul|BiasAdd|Relu6?|FusedBatchNormV3|Tensordot|ReadVariableOp"
    r"|Conv2DBackpropInput)(?:_Fold)?(?:_?\d+)?$"
)


def layers(view: View) -> tuple[str, ...]:
    """The layer of each operator; "" where no name tells.

    An operator without a name of its own (a model's output) belongs to the layer whose answers it reads first:
    Keras's activation functions are such.
    """
    found: dict[int, str] = {}
    for operator in view.operators:
        made = [tensor.index for tensor in operator.inputs if tensor and tensor.index in found]
        inherited = found[made[0]] if made and operator.op not in _RECURRENT else ""
        layer = _own(operator) or inherited
        found.update({tensor.index: layer for tensor in operator.outputs})
    return tuple(found[operator.outputs[0].index] if operator.outputs else "" for operator in view.operators)


def _own(operator: Operator) -> str:
    named = [operator.outputs[0].name] if operator.outputs else []
    weights = [tensor.name for tensor in operator.constants if len(tensor.shape) > 1]
    kernels = _KERNELS.get(operator.op, ())
    every = [_WRAPPER.sub("", part) for name in (*weights, *named) for part in name.split(";")]
    belonging = [part for part in every if part.split("/")[-1].startswith(kernels)] if kernels else []
    own = [_WRAPPER.sub("", part) for name in (*named, *weights) for part in name.split(";")]
    return next((layer for part in (*belonging, *own) if (layer := layer_of(part))), "")


def layer_of(name: str) -> str:
    """`model/block/conv/Conv2D` → `block/conv`; "" for a name without a path."""
    path = _WRAPPER.sub("", name).split("/")
    end = next((place for place, part in enumerate(path) if place and _OPERATION.match(part)), len(path) - 1)
    return "/".join(path[1:end] or path[:end])


def plain(layer: str) -> str:
    """A layer's own name: quantization-aware training wraps `conv` as `quant_conv`."""
    return "/".join(part.removeprefix("quant_") for part in layer.split("/"))
