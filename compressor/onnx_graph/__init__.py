"""A model on disk → float32 ONNX, and what onnxruntime's quantizer needs: shared by the ONNX formats."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.errors import CompressorError
from compressor.onnx_graph import node_names, softmax, walk
from compressor.saved_model import MANY, ONE
from compressor.values import Array, Granularity, Source, TensorSpec

if TYPE_CHECKING:
    import onnx

OPSET = 17
_FIRST_OPSET = 13


def convert(source: Source, any_batch: bool, channels_first: bool = False) -> onnx.ModelProto:
    """The float32 graph: by tf2onnx, or the ONNX model itself; the first dimension is 1 unless `any_batch`.

    A model that came as ONNX for single samples only stays so.

    Args:
        channels_first: inputs and outputs that `moves_channels` names take and give channels before height and width.
    """
    return (
        _given(source, any_batch) if source.model.suffix == ".onnx" else _converted(source, any_batch, channels_first)
    )


def moves_channels(source: Source, spec: TensorSpec) -> bool:
    """Whether `channels_first` moves the axes of an input or output: those of pictures, unless the model is ONNX."""
    return len(spec.shape) == 4 and source.model.suffix != ".onnx"


def _given(source: Source, any_batch: bool) -> onnx.ModelProto:
    import onnx

    model: onnx.ModelProto = onnx.load(str(source.model))
    opset = next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), OPSET)
    if opset < _FIRST_OPSET:
        # One scale per channel came with this version.
        model = onnx.version_converter.convert_version(model, OPSET)
    if not any_batch:
        for value in (*model.graph.input, *model.graph.output):
            value.type.tensor_type.shape.dim[0].dim_value = 1
        # Shapes inside may have been stated for a free batch: they are inferred anew.
        del model.graph.value_info[:]
    return model


def _converted(source: Source, any_batch: bool, channels_first: bool) -> onnx.ModelProto:
    import tensorflow as tf
    import tf2onnx

    loaded = tf.saved_model.load(str(source.model))
    signature = loaded.signatures[MANY if any_batch else ONE]
    wanted = [spec.name for spec in source.inputs]
    specs = [
        tf.TensorSpec((None if any_batch else 1, *spec.shape[1:]), spec.dtype, name=spec.name) for spec in source.inputs
    ]

    def call(*tensors: Any) -> Any:
        return signature(**dict(zip(wanted, tensors, strict=True)))

    # tf2onnx numbers its nodes from a global counter: from 1 again, so that the same model gives the same bytes.
    tf2onnx.utils.INTERNAL_NAME = 1
    function = tf.function(call)
    captured = function.get_concrete_function(*specs).graph.captures
    moved = [
        [spec.name for spec in ends if channels_first and moves_channels(source, spec)]
        for ends in (source.inputs, source.outputs)
    ]
    model: onnx.ModelProto = tf2onnx.convert.from_function(
        function, input_signature=specs, opset=OPSET, inputs_as_nchw=moved[0], outputs_as_nchw=moved[1]
    )[0]
    # It names the function by a number that counts everything this process has traced before, training too.
    model.graph.ClearField("doc_string")
    _keep_constants(model, {own.name: given.numpy() for given, own in captured if given.dtype != tf.resource})
    _write_erfc(model)
    _name_ends(model, wanted, [spec.name for spec in source.outputs])
    model.graph.name = source.name
    node_names.renumber(model, frozenset(spec.name for spec in (*source.inputs, *source.outputs)))
    return model


def _write_erfc(model: onnx.ModelProto) -> None:
    """Put 1 - Erf in place of Erfc, which TensorFlow's GELU uses, tf2onnx passes on and ONNX lacks."""
    import onnx

    if not any(node.op_type == "Erfc" for node in model.graph.node):
        return
    one = "one_of_erfc"
    nodes = []
    for node in model.graph.node:
        if node.op_type != "Erfc":
            nodes.append(node)
            continue
        inner = f"{node.output[0]}_erf"
        nodes.append(onnx.helper.make_node("Erf", node.input, [inner], name=f"{node.name}_erf"))
        nodes.append(onnx.helper.make_node("Sub", [one, inner], node.output, name=node.name))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((), np.float32), one))
    del model.graph.node[:]
    model.graph.node.extend(nodes)


@contextmanager
def prepared(model: onnx.ModelProto) -> Iterator[Path]:
    """The graph with shapes inferred, constants folded and all nodes named: what onnxruntime's quantizer wants.

    It is a temporary file.
    """
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        plain, done = Path(folder) / "plain.onnx", Path(folder) / "prepared.onnx"
        onnx.save(model, str(plain))
        quant_pre_process(str(plain), str(done), skip_symbolic_shape=True)
        folded = onnx.load(str(done))
        node_names.name_nodes(folded)
        onnx.save(folded, str(done))
        yield done


def to_float16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Weights and arithmetic in float16, inputs and outputs in float32."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with prepared(model) as path:
        half: onnx.ModelProto = convert_float_to_float16(onnx.load(str(path)), keep_io_types=True)
    return half


def quantize(
    prepared_file: Path,
    calibration: Mapping[str, Array],
    destination: Path,
    int16_activations: bool = False,
    granularity: Granularity = Granularity.PER_CHANNEL,
    nodes_to_exclude: Sequence[str] = (),
    **options: Any,
) -> tuple[str, ...]:
    """Write QuantizeLinear/DequantizeLinear around int8 weights, by onnxruntime.

    A softmax over many classes that is an output stays float; the notes that are returned say so.

    Args:
        nodes_to_exclude: names of nodes that stay float besides.
        options: further arguments of `onnxruntime.quantization.quantize_static`.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    kept, notes = softmax.large(prepared_file, 1 / 65536 if int16_activations else 1 / 256)
    quantize_static(
        str(prepared_file),
        str(destination),
        _SampleReader(calibration),
        quant_format=QuantFormat.QDQ,
        per_channel=granularity is Granularity.PER_CHANNEL,
        activation_type=QuantType.QInt16 if int16_activations else QuantType.QInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=[*nodes_to_exclude, *kept],
        **options,
    )
    return notes


def float_weights(file: Path) -> tuple[str, ...]:
    """A note when weights of a quantized file are float32 still: onnxruntime quantizes some operators only."""
    import onnx

    graph = onnx.load(str(file)).graph
    kept = {
        tensor.name: math.prod(tensor.dims)
        for tensor in graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) > 1
    }
    readers = [(node, sum(kept.get(name, 0) for name in node.input)) for node in graph.node]
    told = ", ".join(f"{node.op_type} '{node.name}' ({count} values)" for node, count in readers if count)
    return (f"weights that stay float32, because onnxruntime does not quantize them: {told}",) if told else ()


class _SampleReader:
    """Calibration samples one by one, in the shape that onnxruntime's calibrators ask for."""

    def __init__(self, calibration: Mapping[str, Array]) -> None:
        self._calibration = calibration
        self._row = -1

    def get_next(self) -> dict[str, Array] | None:
        """The next sample by input name, or None at the end."""
        self._row += 1
        if self._row >= len(next(iter(self._calibration.values()))):
            return None
        return {
            name: np.ascontiguousarray(array[self._row : self._row + 1]) for name, array in self._calibration.items()
        }


def _keep_constants(model: onnx.ModelProto, values: Mapping[str, Array]) -> None:
    """Put numbers that a layer holds outside its weights (Normalization's mean) where tf2onnx asks for more inputs."""
    import onnx

    inputs = {value.name: value for value in model.graph.input}
    # TensorFlow numbers such tensors anew in every process.
    names = {name: f"captured_{row}" for row, name in enumerate(name for name in inputs if name in values)}
    for name, new in names.items():
        model.graph.input.remove(inputs[name])
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.ascontiguousarray(values[name]), new))
    for node in walk.nodes(model):
        node.input[:] = [names.get(name, name) for name in node.input]


def _name_ends(model: onnx.ModelProto, inputs: list[str], outputs: list[str]) -> None:
    """Check that the file's ends carry the model's own names."""
    found = sorted(value.name for value in model.graph.input), sorted(value.name for value in model.graph.output)
    if found != (sorted(inputs), sorted(outputs)):
        raise CompressorError(
            "tf2onnx renamed inputs or outputs", expected=f"{inputs} → {outputs}", received=str(found)
        )
