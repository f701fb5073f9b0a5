"""What integer arithmetic does for each kind of layer, and what becomes part of what."""

from __future__ import annotations

from typing import Any

from compressor.quantization_aware import activations, affine, convolutions, merging, normalization, operations
from compressor.quantization_aware.calls import Call
from compressor.quantization_aware.operations import called
from compressor.quantization_aware.wrapper import OBSERVED, Plan

# Nothing is computed by them outside of training.
_NOTHING = (
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout", "GaussianNoise"),
    *("AlphaDropout", "ActivityRegularization"),
)
# Their answers have the scale of what they read.
_SAME_SCALE = (
    *("Flatten", "Reshape", "Permute", "RepeatVector", "ZeroPadding1D", "ZeroPadding2D", "Cropping1D", "Cropping2D"),
    *("MaxPooling1D", "MaxPooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "AveragePooling1D"),
    *("AveragePooling2D", "UpSampling1D", "UpSampling2D", "Resizing", "CenterCrop", "SlicingOpLambda"),
)
_ONE_OPERATOR = ("GlobalAveragePooling1D", "GlobalAveragePooling2D", "LeakyReLU", "PReLU")
_RECURRENT = (
    *("LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "TimeDistributed", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"),
)


def plan(call: Call) -> Plan | str:
    """How a call is computed by itself, or why int8 cannot be simulated there."""
    layer, kind = call.layer, type(call.layer).__name__
    if any(reason := _unfit(value.like) for value in call.reads):
        return reason
    if kind in convolutions.KINDS:
        return convolutions.plan(layer)
    if is_normalization(layer):
        return affine.normalization(layer)
    if kind in affine.KINDS:
        return affine.plan(layer)
    if kind == "LayerNormalization":
        return normalization.plan(layer, len(call.reads[0].like.shape))
    if kind in (*merging.ARITHMETIC, *merging.SHARED):
        return merging.plan(kind, len(call.reads))
    return _without_weights(layer, kind)


def _without_weights(layer: Any, kind: str) -> Plan | str:
    if kind == "Embedding":
        return Plan(_looked_up, (), OBSERVED)
    if kind == "Activation":
        return Plan(called) if activations.is_linear(layer.activation) else activations.plan(layer.activation)
    if kind == "ReLU":
        found = activations.rectified(layer)
        return found if isinstance(found, str) else found[0]
    if kind == "Softmax":
        return Plan(called, (), (0.0, 255 / 256))
    if kind in (*_NOTHING, *_SAME_SCALE):
        return Plan(called)
    if kind in _ONE_OPERATOR:
        return Plan(called, (), OBSERVED)
    if kind == "TFOpLambda":
        return operations.plan(layer)
    if kind in _RECURRENT:
        return "steps of a recurrent layer are not simulated in int8"
    return f"int8 arithmetic of a {kind} is not simulated"


def _looked_up(wrapper: Any, layer: Any, rows: Any, **_: Any) -> Any:
    """Rows that no sample showed are within the range too."""
    if wrapper.observing:
        wrapper.rounded("output", layer.embeddings)
    return layer(rows)


def _unfit(tensor: Any) -> str:
    return "it reads tensors with more than four axes" if len(tensor.shape) > 4 else ""


def is_nothing(call: Call) -> bool:
    """Whether the call only hands on what it reads, outside of training."""
    kind = type(call.layer).__name__
    return kind in _NOTHING or (kind == "Activation" and activations.is_linear(call.layer.activation))


def becomes_part_of(call: Call, before: Call) -> bool:
    """Whether a call that alone reads what another makes is one int8 operator together with it."""
    if is_normalization(call.layer):
        return convolutions.is_linear(before.layer) and affine.along_the_last(call.layer)
    if is_rectified(call):
        return _takes_in_relu(before)
    return shares_scale(call)


def shares_scale(call: Call) -> bool:
    """Whether all that the call reads and makes has one scale, which it decides."""
    return type(call.layer).__name__ in merging.SHARED or operations.name(call.layer) in operations.JOINS


def keeps_scale(call: Call) -> bool:
    """Whether the answers have the scale of what is read, whatever that is."""
    return is_nothing(call) or type(call.layer).__name__ in _SAME_SCALE or operations.only_moves(call.layer)


def is_rectified(call: Call) -> bool:
    """Whether the call is a ReLU that operators take in."""
    layer, kind = call.layer, type(call.layer).__name__
    if kind == "ReLU":
        found = activations.rectified(layer)
        return not isinstance(found, str) and found[1]
    if kind == "Activation":
        return getattr(layer.activation, "__name__", "") in ("relu", "relu6")
    return kind == "TFOpLambda" and operations.name(layer) in operations.RELUS


def _takes_in_relu(before: Call) -> bool:
    layer, kind = before.layer, type(before.layer).__name__
    if kind in convolutions.KINDS:
        return activations.is_linear(layer.activation)
    if kind == "TFOpLambda":
        return operations.takes_in_relu(layer)
    return is_normalization(layer) or kind in ("Add", "Subtract", "Multiply")


def is_normalization(layer: Any) -> bool:
    """Whether the layer is a BatchNormalization."""
    import tf_keras

    return isinstance(layer, tf_keras.layers.BatchNormalization)
