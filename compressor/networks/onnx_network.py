"""ONNX graphs that others made: checked, run by ONNX Runtime, and left for the ONNX formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.errors import BadInput
from compressor.values import Array, Split, TensorSpec

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class OnnxNetwork:
    """A graph in memory, its weights included, and a session that runs it."""

    graph: onnx.ModelProto
    session: Any
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    single: bool

    @property
    def parameters(self) -> int:
        """Number of values in all floating-point constants of the graph."""
        return sum(values.size for _, values in self.weights() if values.dtype.kind == "f")

    def weights(self) -> Iterator[tuple[str, Array]]:
        """Every stored constant."""
        import onnx

        for tensor in self.graph.graph.initializer:
            yield tensor.name, onnx.numpy_helper.to_array(tensor)

    def answers(self, samples: Split) -> dict[str, Array]:
        """Outputs by name for a block of samples; one by one where the file takes single samples only."""
        blocks = samples.blocks(1) if self.single else [samples]
        results = [self._run(block) for block in blocks]
        return {spec.name: np.concatenate([result[row] for result in results]) for row, spec in enumerate(self.outputs)}

    def leave(self, shapes: Mapping[str, tuple[int, ...]], destination: Path) -> None:
        """Write the graph as one file, sizes of free dimensions (the batch apart) filled in."""
        import onnx

        model = onnx.ModelProto()
        model.CopyFrom(self.graph)
        for value in model.graph.input:
            if value.name in shapes:
                for dimension, size in zip(value.type.tensor_type.shape.dim[1:], shapes[value.name], strict=True):
                    dimension.dim_value = size
        onnx.save(model, str(destination))

    def _run(self, block: Split) -> list[Array]:
        fed = {spec.name: np.ascontiguousarray(block.inputs[spec.name], spec.dtype) for spec in self.inputs}
        try:
            results = self.session.run([spec.name for spec in self.outputs], fed)
        except Exception as error:
            raise BadInput("ONNX Runtime cannot run the model", received=" ".join(str(error).split())[:300]) from None
        for spec, result in zip(self.outputs, results, strict=True):
            if result.ndim == 0 or len(result) != block.count:
                raise BadInput(
                    f"the output '{spec.name}' has no batch axis",
                    expected=f"{block.count} answers for {block.count} samples",
                    received=f"an array of shape {result.shape}",
                )
        return list(results)


def of_graph(path: Path, graph: onnx.ModelProto) -> OnnxNetwork:
    """The network of a checked graph.

    Raises:
        BadInput: ONNX Runtime cannot open it, or its ends are no tensors with a batch axis.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        content = graph.SerializeToString()
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise BadInput(f"ONNX Runtime cannot run {path}", received=" ".join(str(error).split())[:300]) from None
    inputs = tuple(_spec(path, value) for value in session.get_inputs())
    outputs = tuple(_spec(path, value) for value in session.get_outputs())
    if not inputs or not outputs:
        raise BadInput(f"{path} has no inputs or no outputs")
    batches = {value.shape[0] if isinstance(value.shape[0], int) else None for value in session.get_inputs()}
    if batches - {None, 1}:
        raise BadInput(
            f"{path} takes batches of a fixed size only",
            expected="a free first dimension, or 1",
            received=", ".join(str(value.shape) for value in session.get_inputs()),
            fix="export it with dynamic_axes={'<input>': {0: 'batch'}}, or on one sample",
        )
    return OnnxNetwork(graph, session, inputs, outputs, single=1 in batches)


def _spec(path: Path, value: Any) -> TensorSpec:
    names = {"float": "float32", "double": "float64"}
    word = value.type.removeprefix("tensor(").removesuffix(")")
    dtype = names.get(word, word)
    if dtype not in np.sctypeDict or not value.shape:
        raise BadInput(
            f"{path}: '{value.name}' is no tensor of numbers with a batch axis",
            received=f"{value.type} of shape {value.shape}",
        )
    free = tuple(size if isinstance(size, int) else None for size in value.shape[1:])
    return TensorSpec(value.name, (None, *free), dtype)
