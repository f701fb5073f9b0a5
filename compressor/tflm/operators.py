"""Which operators TFLM has kernels for, how a resolver is told of them, and what it cannot compute.

Source: tensorflow/lite/micro/micro_mutable_op_resolver.h and the kernels beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from compressor.tflite_edit.graph import Graph, all_graphs

_NAMES = (
    "ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND BROADCAST_ARGS "
    "BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE "
    "DIV DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS FILL FLOOR FLOOR_DIV FLOOR_MOD "
    "FULLY_CONNECTED GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH IF L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS "
    "LESS_EQUAL LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN MINIMUM "
    "MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2 PRELU QUANTIZE READ_VARIABLE REDUCE_ALL REDUCE_MAX REDUCE_MIN RELU "
    "RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_V2 ROUND RSQRT SELECT_V2 SHAPE SIN SLICE SOFTMAX "
    "SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF "
    "TANH TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE ZEROS_LIKE"
)
# A custom operator that TFLM brings a kernel for.
_DETECTION = "TFLite_Detection_PostProcess"
_KNOWN = frozenset((*_NAMES.split(), _DETECTION))
# What the rule of `_call` would spell otherwise than the header does.
_SPELLED = {
    "BATCH_MATMUL": "AddBatchMatMul",
    "CUMSUM": "AddCumSum",
    "PADV2": "AddPadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
    _DETECTION: "AddDetectionPostprocess",
    # The custom operator that Vela makes.
    "ethos-u": "AddEthosU",
}
_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "UNIDIRECTIONAL_SEQUENCE_LSTM")


def names(content: bytes) -> tuple[str, ...]:
    """The distinct operators of a file, sorted."""
    return tuple(sorted({graph.code_name(each) for graph in all_graphs(content) for each in graph.operators}))


def resolver_calls(content: bytes) -> tuple[str, ...]:
    """The `Add…` members of `MicroMutableOpResolver` that the file needs, one per operator."""
    return tuple(_call(name) for name in names(content))


def refusals(content: bytes) -> tuple[str, ...]:
    """Why TFLM cannot run a file, one sentence per operator; empty when it can."""
    found = [told for graph in all_graphs(content) for each in graph.operators for told in _refusal(graph, each)]
    return tuple(dict.fromkeys(found))


def cautions(content: bytes) -> tuple[str, ...]:
    """What only some releases of TFLM compute, in sentences.

    Source: pull requests 2602 and 2673 of tensorflow/tflite-micro.
    """
    kinds = {
        graph.dtype(int(each.inputs[0]))
        for graph in all_graphs(content)
        for each in graph.operators
        if graph.code_name(each) == "FULLY_CONNECTED" and _per_channel(graph, int(each.inputs[1]))
    }
    told = {
        "int8": "FULLY_CONNECTED has a scale per channel: tflite-micro of September 2024 or later is needed, older "
        "ones answer wrongly or refuse",
        "int16": "FULLY_CONNECTED has a scale per channel and int16 activations, for which not every tflite-micro has "
        "a kernel: AllocateTensors fails where it is missing",
    }
    return tuple(sentence for kind, sentence in told.items() if kind in kinds)


def _per_channel(graph: Graph, index: int) -> bool:
    return graph.quantized(index) and len(graph.tensor(index).quantization.scale) > 1


def why_not(name: str, activations: str, constants: Iterable[str]) -> str | None:
    """Why TFLM cannot run an operator; None when it can.

    Args:
        name: as TFLite writes it, such as CONV_2D.
        activations: numpy dtype name of its first input.
        constants: those of its inputs that are stored in the file.
    """
    if name not in _KNOWN:
        return "TFLM has no kernel for it"
    if name in _WEIGHTED and activations == "float32" and "int8" in constants:
        return "computes in float with int8 weights (hybrid), for which TFLM has no kernel"
    if name == "DEQUANTIZE" and activations == "float16":
        return "TFLM has no float16"
    return None


def _refusal(graph: Graph, operator: Any) -> Iterator[str]:
    name, inputs = graph.code_name(operator), [int(index) for index in operator.inputs if index >= 0]
    constants = {graph.dtype(index) for index in inputs if graph.stored(index)}
    reason = why_not(name, graph.dtype(inputs[0]) if inputs else "", constants)
    if reason is not None:
        yield f"{name} (output {_output(graph, operator)}): {reason}"


def _output(graph: Graph, operator: Any) -> str:
    return next((graph.tensor(int(each)).name.decode(errors="replace") for each in operator.outputs), "none")


def _call(name: str) -> str:
    words = "".join(word.capitalize() for word in name.split("_")).replace("2d", "2D")
    return _SPELLED.get(name, f"Add{words}")
