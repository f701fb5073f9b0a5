"""Recurrent layers of tf_keras as files need them: from a fresh state, and without loops where converters want none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tf_keras

# Each step is a dozen operators of the file.
_MOST_STEPS = 256


@contextmanager
def fresh_state(model: tf_keras.Model) -> Iterator[None]:
    """Let stateful layers begin every call from zero, as every runtime does, and take any number of samples."""
    with ExitStack() as changes:
        for layer in model._flatten_layers():
            if getattr(layer, "stateful", False) and hasattr(layer, "get_initial_state"):
                changes.enter_context(_changed(layer, "stateful", False))
                changes.enter_context(_changed(layer, "input_spec", None))
        yield


def loops(model: tf_keras.Model) -> list[Any]:
    """Layers that become a loop in TFLite, and need not: all recurrent ones but a fused LSTM.

    Quantizing a loop to integers crashes TensorFlow's converter (2.21); the same steps written out are quantized.
    Convolutional ones cannot be written out.
    """
    from tf_keras import layers

    convolutional = (layers.ConvLSTM1D, layers.ConvLSTM2D, layers.ConvLSTM3D)

    def loops_without_need(layer: Any) -> bool:
        if not isinstance(layer, layers.RNN) or isinstance(layer, convolutional) or layer.unroll:
            return False
        fused = isinstance(layer, layers.LSTM) and getattr(layer, "_could_use_gpu_kernel", False)
        return not fused

    return [layer for layer in model._flatten_layers() if loops_without_need(layer)]


def short_enough(shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether sequences of these shapes, without the batch, are to be written out: each step takes room in the file."""
    return all(shape[0] <= _MOST_STEPS for shape in shapes.values() if shape)


@contextmanager
def written_out(recurrent: Sequence[Any]) -> Iterator[None]:
    """Make these layers compute step after step without a loop."""
    with ExitStack() as changes:
        for layer in recurrent:
            changes.enter_context(_changed(layer, "unroll", True))
            if hasattr(layer, "_could_use_gpu_kernel"):
                # The kernel for GPUs, and what stands in for it, know no other way than the loop.
                changes.enter_context(_changed(layer, "_could_use_gpu_kernel", False))
        yield


@contextmanager
def _changed(layer: Any, name: str, value: Any) -> Iterator[None]:
    """Set back, not deleted as a mock would: Keras's properties refuse that."""
    before = getattr(layer, name)
    setattr(layer, name, value)
    try:
        yield
    finally:
        setattr(layer, name, before)
