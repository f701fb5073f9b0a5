"""Quantization-aware training of every kind of network: what is simulated is what the written file computes."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_int8 import made

from compressor.errors import BadInput

pytestmark = pytest.mark.tensorflow
PICTURE = (8, 8, 3)


def sequential(*layers):
    import tf_keras

    return tf_keras.Sequential(layers)


def activation_before_normalization():
    from tf_keras import layers

    return sequential(
        layers.Input(PICTURE),
        layers.Conv2D(8, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.SeparableConv2D(8, 3, activation="tanh"),
        layers.BatchNormalization(),
        layers.DepthwiseConv2D(3, depth_multiplier=2),
        layers.BatchNormalization(),
        layers.ReLU(6.0),
        layers.Flatten(),
        layers.Dense(8, activation="relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.2),
        layers.Dense(3, activation="softmax"),
    )


def normalization_before_convolution():
    import tf_keras
    from tf_keras import layers

    inputs = layers.Input(PICTURE)
    tensor = layers.Conv2D(8, 3, padding="same")(inputs)
    for _ in range(3):
        made = layers.ReLU()(layers.BatchNormalization()(tensor))
        tensor = layers.Concatenate()([tensor, layers.Conv2D(4, 3, padding="same")(made)])
    tensor = layers.BatchNormalization()(layers.AveragePooling2D()(tensor))
    tensor = layers.GlobalAveragePooling2D()(layers.Activation("relu")(tensor))
    return tf_keras.Model(inputs, layers.Dense(3, activation="softmax")(tensor))


def rescaled_with_squeeze_and_excite():
    import tf_keras
    from tf_keras import layers

    inputs = layers.Input(PICTURE)
    tensor = layers.Rescaling(1 / 255)(inputs)
    tensor = layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.04, 0.05, 0.06])(tensor)
    tensor = layers.Conv2D(8, 3, use_bias=False)(layers.ZeroPadding2D(1)(tensor))
    tensor = layers.Activation("swish")(layers.BatchNormalization()(tensor))
    gate = layers.Reshape((1, 1, 8))(layers.GlobalAveragePooling2D()(tensor))
    gate = layers.Conv2D(8, 1, activation="sigmoid")(layers.Conv2D(2, 1, activation="swish")(gate))
    tensor = layers.Multiply()([tensor, gate])
    return tf_keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(tensor)))


def hard_swish():
    import tf_keras
    from tf_keras import layers

    def swished(tensor):
        return layers.Multiply()([tensor, layers.ReLU(6.0)(tensor + 3.0) * (1 / 6)])

    inputs = layers.Input(PICTURE)
    tensor = swished(layers.BatchNormalization()(layers.Conv2D(8, 3, use_bias=False)(inputs)))
    tensor = swished(layers.Conv2DTranspose(8, 2)(tensor))
    return tf_keras.Model(inputs, layers.Dense(3)(layers.Flatten()(tensor)))


def model_inside():
    import tf_keras
    from tf_keras import layers

    inner_inputs = layers.Input((8, 8, 4))
    inner = layers.Conv2D(4, 3, padding="same", activation="relu", name="same_name")(inner_inputs)
    inner = tf_keras.Model(inner_inputs, layers.Add()([inner_inputs, layers.BatchNormalization()(inner)]), name="inner")
    inputs = layers.Input(PICTURE)
    tensor = layers.Conv2D(4, 1, name="same_name")(inputs)
    tensor = inner(inner(tensor, training=False))
    return tf_keras.Model(inputs, layers.Dense(3, name="answer")(layers.Flatten()(tensor)))


def sequence():
    import tf_keras
    from tf_keras import layers

    inputs = layers.Input((12, 4))
    tensor = layers.BatchNormalization()(layers.Conv1D(8, 3, padding="causal")(inputs))
    tensor = layers.LayerNormalization()(layers.Dense(8, activation="gelu")(tensor))
    tensor = layers.SeparableConv1D(6, 3, activation="relu")(tensor)
    return tf_keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.Flatten()(tensor)))


def merged():
    import tf_keras
    from tf_keras import layers

    inputs = layers.Input(PICTURE)
    one = layers.Conv2D(4, 3, padding="same", activation="hard_sigmoid")(inputs)
    other = layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(4, 3, padding="same")(inputs))
    third = layers.LeakyReLU()(other)
    summed = layers.ReLU()(layers.Add()([one, other, third]))
    tensor = layers.ReLU(max_value=1.0)(layers.Subtract()([layers.Average()([one, other]), summed]))
    tensor = layers.Concatenate()(
        [layers.UpSampling2D()(tensor), layers.UpSampling2D()(layers.Maximum()([one, third]))]
    )
    return tf_keras.Model(inputs, layers.Dense(3)(layers.Flatten()(layers.MaxPooling2D()(tensor))))


NETWORKS = (
    activation_before_normalization,
    normalization_before_convolution,
    rescaled_with_squeeze_and_excite,
    hard_swish,
    model_inside,
    sequence,
    merged,
)


@pytest.fixture(autouse=True)
def seeded():
    import tf_keras

    tf_keras.utils.set_random_seed(0)


@pytest.mark.parametrize("network", NETWORKS)
def test_file_computes_in_integers_what_training_simulated(network, tmp_path):
    found = made(network(), tmp_path)
    assert found.result.facts[0]["stays_float"] == {}
    assert found.float_operators == []
    simulated, written = found.simulated_answers(), found.answers()
    # Some steps of the output: what is summed in another order rounds another way.
    assert np.abs(simulated - written).max() <= 0.05 * np.abs(simulated).max()
    assert (simulated.argmax(-1) == written.argmax(-1)).mean() >= 0.95
    kinds = [type(layer).__name__ for layer in found.result.model.layers]
    assert kinds == [type(layer).__name__ for layer in found.model.layers]


def test_hard_swish_written_out_in_a_graph_is_one_operator(tmp_path):
    operators = [each.op for each in made(hard_swish(), tmp_path).view.operators]
    assert operators.count("HARD_SWISH") == 2
    assert "ADD" not in operators


def test_normalization_that_nothing_takes_in_is_one_operator(tmp_path):
    operators = [each.op for each in made(normalization_before_convolution(), tmp_path).view.operators]
    assert operators.count("DEPTHWISE_CONV_2D") == 4
    assert not {"MUL", "ADD"} & set(operators)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_recurrent_layer_is_trained_in_float_and_told(kind, tmp_path):
    from tf_keras import layers

    recurrent = getattr(layers, kind)(4, name="memory")
    model = sequential(layers.Input((6, 4)), recurrent, layers.Dense(8, activation="relu"), layers.Dense(3))
    found = made(model, tmp_path)
    assert found.result.facts[0]["stays_float"] == {"memory": "steps of a recurrent layer are not simulated in int8"}
    assert np.isfinite(found.answers()).all()


def test_layer_without_int8_arithmetic_stays_float_with_its_reason(tmp_path):
    from tf_keras import layers

    model = sequential(
        layers.Input(PICTURE), layers.Conv2D(4, 3, activation="elu", name="bent"), layers.Flatten(), layers.Dense(3)
    )
    found = made(model, tmp_path)
    assert found.result.facts[0]["stays_float"] == {"bent": "there is no int8 arithmetic for its activation 'elu'"}
    assert set(found.float_operators) <= {"CONV_2D", "ELU", "DEQUANTIZE", "QUANTIZE"}


def test_model_of_which_nothing_can_be_simulated_is_refused(tmp_path):
    from tf_keras import layers

    with pytest.raises(BadInput, match=r"(?s)finds no layer.*memory: steps of a recurrent layer"):
        made(sequential(layers.Input((6, 4)), layers.LSTM(4, name="memory")), tmp_path)


def test_skipped_layer_is_rounded_in_the_file_alone(tmp_path):
    from tf_keras import layers

    model = sequential(layers.Input((8,)), layers.Dense(16, activation="relu", name="hidden"), layers.Dense(3))
    found = made(model, tmp_path, skip=["hidden"])
    assert found.float_operators == []
    hidden = next(layer for layer in found.result.simulated.layers if layer.name == "quant_hidden")
    samples = found.samples[:4]
    kernel = found.result.model.get_layer("hidden").kernel.numpy()
    bias = found.result.model.get_layer("hidden").bias.numpy()
    exact = np.maximum(samples @ kernel + bias, 0)
    np.testing.assert_allclose(hidden(samples, training=True), exact, atol=1e-5)
    assert np.abs(hidden(samples, training=False) - exact).max() > 1e-4


def test_skipped_model_inside_the_model_is_skipped_with_all_its_layers():
    from compressor.quantization_aware.simulation import simulate

    assert set(simulate(model_inside(), set()).simulated) == {"inner/same_name", "same_name", "answer"}
    assert set(simulate(model_inside(), {"inner"}).simulated) == {"same_name", "answer"}


def stored(view):
    """The integers of every kernel, output channels first or last as the file has them."""
    kernels = [
        each.inputs[1] for each in view.operators if each.op in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    ]
    return [np.moveaxis(np.asarray(each.values), each.axis, 0) for each in kernels]


def compressed_before(sparsity, clusters):
    """A network as pruning and clustering leave it."""
    from tf_keras import layers

    model = sequential(
        layers.Input(PICTURE),
        layers.Conv2D(16, 3, use_bias=False, name="first"),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Flatten(),
        layers.Dense(3, name="last"),
    )
    for name in ("first", "last"):
        weight = model.get_layer(name).kernel
        array = weight.numpy()
        zeros = np.abs(array) < np.quantile(np.abs(array), sparsity)
        if clusters:
            centroids = np.quantile(array, np.linspace(0, 1, clusters))
            array = centroids[np.abs(array[..., None] - centroids).argmin(-1)]
        weight.assign(np.where(zeros, 0.0, array))
    return model


@pytest.mark.parametrize(("sparsity", "clusters"), [(0.5, 0), (0, 8), (0.5, 8)])
def test_zeros_and_centroids_are_kept_in_the_written_file(sparsity, clusters, tmp_path):
    before = compressed_before(sparsity, clusters)
    distinct = {name: len(np.unique(before.get_layer(name).kernel)) for name in ("first", "last")}
    start = {name: before.get_layer(name).kernel.numpy() for name in distinct}
    found = made(before, tmp_path, learning_rate=1e-2, batch_size=8)
    for name, kernel in start.items():
        trained = found.result.model.get_layer(name).kernel.numpy()
        assert np.abs(trained - kernel).max() > 1e-3
        assert (trained[kernel == 0] == 0).all()
    promised = {(each["layer"], key): each[key] for each in found.result.facts[0]["promises"] for key in each}
    for name, kernel in zip(("first", "last"), stored(found.view), strict=True):
        assert (name, "sparsity") in promised or not sparsity
        assert (kernel == 0).mean() >= promised.get((name, "sparsity"), 0) >= sparsity - 0.02
        if clusters:
            assert promised[name, "distinct_values"] <= distinct[name]
            assert max(len(np.unique(channel)) for channel in kernel) <= promised[name, "distinct_values"]


def test_a_large_cluster_does_not_drift():
    """A sum of half a million equal float32 is not half a million times one of them."""
    import tf_keras
    from tf_keras import layers

    from compressor.quantization_aware import centroids

    model = tf_keras.Sequential([layers.Input((1024,)), layers.Dense(1024, use_bias=False)])
    kernel = np.array([-0.1, 0.0, 0.1], np.float32)[np.random.default_rng(0).integers(0, 3, (1024, 1024))]
    model.layers[0].kernel.assign(kernel)
    keeping = centroids.keeping(centroids.clusters(model))
    keeping.set_model(model)
    keeping.on_train_batch_end(0)
    assert np.array_equal(model.layers[0].kernel.numpy(), kernel)


def test_symmetric_scheme_trains_with_ranges_alike_on_both_sides_of_zero():
    from tf_keras import layers

    from compressor.quantization_aware.simulation import observe_ranges, simulate

    model = sequential(layers.Input((8,)), layers.Dense(16, activation="relu", name="hidden"), layers.Dense(3))
    samples = np.random.default_rng(0).uniform(0, 1, (64, 8)).astype(np.float32)
    simulated = simulate(model, set(), symmetric=True).model
    observe_ranges(simulated, [samples])
    rounded = next(layer for layer in simulated.layers if layer.name == "quant_input")(samples).numpy()
    # 127 steps from 0 to 1: TFLite's ranges would leave 255.
    steps_taken = rounded / (samples.max() / 127)
    np.testing.assert_allclose(steps_taken, np.round(steps_taken), atol=1e-3)
    assert len(np.unique(rounded)) <= 128
