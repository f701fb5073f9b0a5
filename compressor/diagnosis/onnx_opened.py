"""An ONNX file opened to look inside, by ONNX Runtime: copies of it answer with every tensor.

A tensor between a QuantizeLinear and its DequantizeLinear is looked at behind them, where its integers have become real
numbers again, and goes by the name it has before them: that is the name it has in the float32 file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.diagnosis.onnx_graph_parts import load
from compressor.diagnosis.opened import INPUT, Alone, Constant, Key, Node
from compressor.errors import BadInput
from compressor.onnx_graph import wide_sums
from compressor.onnx_view.listing import layer_named
from compressor.runtimes.onnxruntime import OnnxSession
from compressor.values import Array, TensorSpec

if TYPE_CHECKING:
    import onnx

_NUMBERS = "fiub"


class OnnxOpened:
    """See `Opened`; tensors go by their name.

    Raises:
        BadInput: no ONNX model, or one that ONNX Runtime does not run.
        MissingTool: the package `onnx` is not here.
    """

    channels_first = True

    def __init__(self, path: Path, plainly: bool = False) -> None:
        plain = OnnxSession(path, 1)
        self._parts = load(path)
        self.inputs: tuple[TensorSpec, ...] = plain.inputs
        computed = self._parts.computed()
        self._seen = {
            name: self._parts.pairs[name].integers if name in self._parts.pairs else name for name in computed
        }
        self._plainly = plainly
        self.name = str(self._parts.model.graph.name)
        self._run = _Run(self._parts.answering(list(self._seen.values())), path, plainly)
        self.nodes = (*self._inputs(), *self._nodes(computed, self._parts.shapes()))

    @property
    def input_keys(self) -> tuple[Key, ...]:
        """Names of the inputs."""
        return tuple(spec.name for spec in self.inputs)

    @property
    def output_keys(self) -> tuple[Key, ...]:
        """Names of what the outputs are, before their own quantization."""
        before = {pair.real: name for name, pair in self._parts.pairs.items()}
        return tuple(before.get(each.name, each.name) for each in self._parts.model.graph.output)

    def values(self, sample: Mapping[str, Array]) -> Mapping[Key, Array]:
        """Every tensor for one sample."""
        fed = {spec.name: np.ascontiguousarray(sample[spec.name], spec.dtype) for spec in self.inputs}
        found = self._run(fed)
        inner: dict[Key, Array] = {name: self._real(name, found[seen]) for name, seen in self._seen.items()}
        inputs: dict[Key, Array] = {name: fed[name] for name in fed}
        return inputs | inner

    def apart(self, cut: Collection[Key]) -> Alone:
        """The operators run alone, in one file."""
        names = {key for key in cut if isinstance(key, str)}
        model, given, answered = self._parts.apart(names, list(self._seen))
        run = _Run(model, Path("operators alone"), self._plainly)

        def alone(values: Mapping[Key, Array]) -> Mapping[Key, Array]:
            fed = {new: np.ascontiguousarray(values[old], run.dtypes[new]) for old, new in given.items()}
            found = run(fed)
            return {name: self._real(name, found[seen]) for name, seen in answered.items()}

        return alone

    def _real(self, name: str, values: Array) -> Array:
        pair = self._parts.pairs.get(name)
        return values if pair is None else pair.grid.real(values)

    def _inputs(self) -> list[Node]:
        return [
            Node(-1, INPUT, name, name, (name, pair.real), spec.shape, pair.grid, pair.bits, (), ())
            for spec in self.inputs
            if (pair := self._parts.pairs.get(name := spec.name)) is not None
        ]

    def _nodes(self, computed: Mapping[str, Any], shapes: Mapping[str, tuple[int | None, ...]]) -> list[Node]:
        found = []
        for name, (index, made) in computed.items():
            if name not in self._seen or name in self.input_keys:
                continue
            pair = self._parts.pairs.get(name)
            names = (name,) if pair is None else (name, pair.real)
            constants = self._constants(made)
            weights = [each.bits for each in constants if each.stored.ndim > 1 and each.stored.dtype.kind in "fi"]
            bits = weights[0] if weights else self._parts.bits(name) if pair is None else pair.bits
            layer = layer_named(made.name)
            found.append(
                Node(
                    index,
                    made.op_type,
                    layer,
                    name,
                    names,
                    shapes.get(name, ()),
                    None if pair is None else pair.grid,
                    bits,
                    self._parts.reads(made),
                    constants,
                    (layer,) if layer else (),
                )
            )
        return found

    def _constants(self, node: onnx.NodeProto) -> tuple[Constant, ...]:
        found = (self._parts.constant(name, _axis(node)) for name in node.input)
        return tuple(each for each in found if each is not None and each.stored.dtype.kind in _NUMBERS)


def _axis(node: onnx.NodeProto) -> int:
    """The axis of output channels in the weights of an operator."""
    if node.op_type == "ConvTranspose":
        return 1
    if node.op_type == "Gemm":
        return 0 if any(each.name == "transB" and each.i for each in node.attribute) else 1
    return 1 if node.op_type in ("MatMul", "MatMulInteger") else 0


class _Run:
    """A copy of the file in ONNX Runtime."""

    def __init__(self, model: onnx.ModelProto, path: Path, plainly: bool) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        if plainly:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        if wide_sums.marked({each.key: each.value for each in model.metadata_props}):
            wide_sums.heed(options)
        try:
            self._session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            told = " ".join(str(error).split())[:300]
            raise BadInput(f"ONNX Runtime cannot answer with the tensors inside of {path}", received=told) from None
        self._names = [each.name for each in self._session.get_outputs()]
        self.dtypes = {each.name: _dtype(each.type) for each in self._session.get_inputs()}

    def __call__(self, fed: Mapping[str, Array]) -> dict[str, Array]:
        try:
            found = self._session.run(None, {name: fed[name] for name in self.dtypes})
        except Exception as error:
            told = " ".join(str(error).split())[:300]
            raise BadInput("ONNX Runtime cannot run the file on a single sample", received=told) from None
        return dict(zip(self._names, found, strict=True))


def _dtype(word: str) -> str:
    name = word.removeprefix("tensor(").removesuffix(")")
    return {"float": "float32", "double": "float64"}.get(name, name)
