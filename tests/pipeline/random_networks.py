"""Networks drawn at random, of every structure that ties channels together."""

from __future__ import annotations

import numpy as np

BLOCKS = ("plain", "residual", "projected", "dense", "squeeze", "depthwise", "separable", "nested", "grouped")


def network(blocks, head, seed):
    """A functional tf_keras model of these blocks, with normalizations that have seen something."""
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    inputs = layers.Input((8, 8, 3))
    tensor = _unit(inputs, 8)
    for block in blocks:
        tensor = _BLOCKS[block](tensor, int(random.integers(4, 12)))
    if head == "flat":
        tensor = layers.Flatten()(layers.MaxPooling2D(2)(tensor))
    elif head == "sequence":
        tensor = layers.Reshape((-1, tensor.shape[-1]))(tensor)
        tensor = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(tensor)
        tensor = layers.GRU(5)(tensor)
    else:
        tensor = layers.GlobalAveragePooling2D()(tensor)
    hidden = layers.Dense(12, activation="relu")(tensor)
    model = tf_keras.Model(inputs, layers.Dense(5, activation="softmax")(hidden))
    for weight in model.weights:
        if weight.name.endswith(("gamma:0", "moving_variance:0")):
            weight.assign(random.uniform(0.5, 1.5, weight.shape))
        elif weight.name.endswith(("beta:0", "moving_mean:0", "bias:0")):
            weight.assign(random.normal(0, 0.2, weight.shape))
    return model


def _unit(tensor, filters, size=3):
    from tf_keras import layers

    made = layers.Conv2D(filters, size, padding="same", use_bias=False)(tensor)
    return layers.ReLU()(layers.BatchNormalization()(made))


def _plain(tensor, filters):
    return _unit(tensor, filters)


def _residual(tensor, filters):
    from tf_keras import layers

    return layers.Add()([tensor, _unit(_unit(tensor, filters), tensor.shape[-1])])


def _projected(tensor, filters):
    from tf_keras import layers

    short = layers.Conv2D(filters, 1)(tensor)
    return layers.Activation("relu")(layers.Add()([short, _unit(tensor, filters), _unit(tensor, filters, 1)]))


def _dense(tensor, filters):
    from tf_keras import layers

    for _ in range(2):
        tensor = layers.Concatenate()([tensor, _unit(tensor, filters)])
    return tensor


def _squeeze(tensor, filters):
    from tf_keras import layers

    count = tensor.shape[-1]
    gate = layers.Reshape((1, 1, count))(layers.GlobalAveragePooling2D()(tensor))
    gate = layers.Conv2D(filters, 1, activation="relu")(gate)
    return layers.Multiply()([tensor, layers.Conv2D(count, 1, activation="sigmoid")(gate)])


def _depthwise(tensor, filters):
    from tf_keras import layers

    made = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(tensor)
    return _unit(layers.PReLU(shared_axes=[1, 2])(layers.BatchNormalization()(made)), filters, 1)


def _separable(tensor, filters):
    from tf_keras import layers

    return layers.LeakyReLU()(layers.SeparableConv2D(filters, 3, padding="same")(layers.ZeroPadding2D(1)(tensor)))


def _nested(tensor, filters):
    import tf_keras
    from tf_keras import layers

    inside = layers.Input(tensor.shape[1:])
    inner = tf_keras.Model(inside, _residual(_unit(inside, filters), filters))
    return inner(tensor)


def _grouped(tensor, filters):
    """Channels that cannot be followed: all stay."""
    from tf_keras import layers

    return layers.LayerNormalization()(_unit(tensor, filters))


_BLOCKS = {
    "plain": _plain,
    "residual": _residual,
    "projected": _projected,
    "dense": _dense,
    "squeeze": _squeeze,
    "depthwise": _depthwise,
    "separable": _separable,
    "nested": _nested,
    "grouped": _grouped,
}
