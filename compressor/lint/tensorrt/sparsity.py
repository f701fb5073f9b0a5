"""T11: structured sparsity, two of four values zero along the input channels, which Ampere and later skip.

The check is that of Polygraphy (sparse.py): a convolution along axis 1 for each output and place of the kernel, a
matrix product along its inner dimension.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from compressor.lint.tensorrt.network import Complaints, Network
from compressor.onnx_view import Graph, Node

_GROUP, _KEPT = 4, 2
_OLDEST = 8.0
_MOSTLY = 0.5


def two_of_four(weights: NDArray[np.generic], axis: int) -> bool:
    """Whether of each four neighbours along an axis at least two are zero."""
    moved = np.moveaxis(weights, axis, -1)
    if moved.shape[-1] % _GROUP or not moved.size:
        return False
    groups = moved.reshape(-1, _GROUP)
    return bool((np.count_nonzero(groups, axis=1) <= _KEPT).all())


def sparse_layers(graph: Graph) -> list[str]:
    """Names of the layers that `--sparsity=enable` makes faster."""
    return [node.name for node, weights, axis in _layers(graph) if two_of_four(weights, axis)]


def sparsity(network: Network) -> Complaints:
    """Sparse layers that are told with what they need, and pruned ones that gain nothing."""
    capability = network.platform.compute_capability
    for node, weights, axis in _layers(network):
        share = float(np.mean(weights == 0)) if weights.size else 0.0
        if two_of_four(weights, axis):
            if capability is not None and capability < _OLDEST:
                wrong, todo = "the layer is 2:4 sparse, which this GPU does not use", "expect no gain"
                yield node.name, wrong, f"compute capability {_OLDEST:g} or later", f"{capability:g}", todo
            else:
                wrong, todo = "the layer is 2:4 sparse", "build with --sparsity=enable"
                yield node.name, wrong, "two zeros in every four", "just that", todo
        elif share >= _MOSTLY:
            wrong, todo = "the layer is pruned, but gains nothing by it", "prune in that pattern, or for the size alone"
            yield node.name, wrong, "two zeros in every four", f"{share:.0%} zeros anywhere", todo


def _layers(graph: Graph) -> Iterator[tuple[Node, NDArray[np.generic], int]]:
    """Layers with constant weights, and the axis of the weights that is summed over; depthwise ones are left out."""
    for node in graph.select("Conv", "Gemm", "MatMul"):
        tensor = node.input(1)
        dequantizer = tensor.dequantizer
        weights = (dequantizer.data if dequantizer else tensor).source.value
        if weights is None or weights.ndim < 2 or (node.op == "Conv" and weights.shape[1] == 1):
            continue
        inner = weights.ndim - 2 if node.op == "MatMul" else int(bool(node.attributes.get("transB")))
        yield node, weights, 1 if node.op == "Conv" else inner
