"""Grouped convolutions while a graph is written: operators, where tf_keras compiles a function for their training.

A compiled function stays a call in the graph, which tf2onnx hands on as an operator that no runtime has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tf_keras

# tf_keras's method for more than one group; TensorFlow has gradients of grouped convolutions on CPUs in no other way.
_COMPILED = "_jit_compiled_convolution_op"
# TensorFlow's own Conv3D knows no groups on CPUs.
_MOST_AXES = 2


@contextmanager
def as_operators(model: tf_keras.Model) -> Iterator[None]:
    """Within, grouped convolutions of one or two axes call the operator itself."""
    layers = [
        layer
        for layer in model._flatten_layers()
        if hasattr(layer, _COMPILED) and layer.groups > 1 and layer.rank <= _MOST_AXES
    ]
    for layer in layers:
        vars(layer)[_COMPILED] = layer.convolution_op
    try:
        yield
    finally:
        for layer in layers:
            del vars(layer)[_COMPILED]
