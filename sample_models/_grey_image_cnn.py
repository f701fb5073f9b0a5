"""The CNN for small grey images: three convolutions 32-64-64 with pooling, Dense 64, Dense 10."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tf_keras


def build(name: str, size: int) -> tf_keras.Model:
    """The untrained network for `size` × `size` × 1 images in 0..1 and ten classes."""
    from tf_keras import Sequential, layers

    return Sequential(
        [
            layers.Input((size, size, 1), name="image"),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv_1"),
            layers.MaxPooling2D(name="pool_1"),
            layers.Conv2D(64, 3, padding="same", activation="relu", name="conv_2"),
            layers.MaxPooling2D(name="pool_2"),
            layers.Conv2D(64, 3, padding="same", activation="relu", name="conv_3"),
            layers.Flatten(name="flatten"),
            layers.Dense(64, activation="relu", name="dense"),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name=name,
    )
