"""Clustering: few values in every kernel of whatever layer, kept while training, zeros among them."""

from __future__ import annotations

import numpy as np
import pytest

from compressor import steps
from compressor.errors import BadInput
from compressor.steps import Workpiece
from compressor.training import Trainer
from compressor.values import Dataset, Split

pytestmark = pytest.mark.tensorflow


def _data(model, count=96):
    random = np.random.default_rng(0)
    inputs = {"x": random.normal(size=(count, *model.input_shape[1:])).astype(np.float32)}
    split = Split(inputs, random.integers(0, model.output_shape[-1], count))
    return Dataset("random", "generated", split, split, split)


def _clustered(model, before=(), data=None, **settings):
    step = steps.load("cluster")
    chosen = step.settings(**{"epochs": 1, "batch_size": 32, "learning_rate": 1e-2, **settings})
    return step.apply(Workpiece(model, facts=before), chosen, Trainer(data or _data(model)))


def _sequential(*layers):
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    return tf_keras.Sequential(layers)


def _distinct(weight):
    return len(np.unique(weight.numpy()))


def _of_every_kind():
    import tf_keras
    from tf_keras import layers

    inner = tf_keras.Sequential([layers.Input((6, 6, 6)), layers.Conv2D(8, 3, name="inner")], name="backbone")
    inner.trainable = False
    return _sequential(
        layers.Input((6, 6, 3)),
        layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="depthwise"),
        layers.PReLU(name="bent"),
        inner,
        layers.SeparableConv2D(8, 3, padding="same", name="separable"),
        layers.BatchNormalization(name="norm"),
        layers.Reshape((16, 8)),
        layers.Bidirectional(layers.LSTM(5), name="both_ways"),
        layers.Dense(3, activation="softmax", name="answer"),
    )


@pytest.mark.parametrize("epochs", [0, 2])
def test_every_kernel_of_every_layer_has_as_many_values_as_asked(epochs):
    model = _of_every_kind()
    alpha, before = model.get_layer("bent").get_weights(), model.get_weights()
    done = _clustered(model, clusters=8, epochs=epochs)
    kernels = [weight for weight in done.model.weights if "kernel" in weight.name]
    assert len(kernels) == 9
    assert {_distinct(weight) for weight in kernels} == {8}
    facts = done.facts[0]
    names = ["depthwise", "backbone/inner", "separable", "both_ways", "answer"]
    assert facts["distinct_values"] == dict.fromkeys(names, 8)
    assert facts["promises"] == [{"layer": name, "distinct_values": 8} for name in names]
    assert facts["left_alone"] == {}
    assert ("last_loss" in facts) == (epochs > 0)
    if not epochs:
        assert np.array_equal(model.get_layer("bent").get_weights(), alpha)
        assert all(np.abs(old - new).max() < 1 for old, new in zip(before, done.model.get_weights(), strict=True))


def test_training_moves_the_centroids_and_no_weight_alone():
    from tf_keras import layers

    def model():
        return _sequential(layers.Input((9,)), layers.Dense(16, "relu"), layers.Dense(3, "softmax", name="answer"))

    still, moved = (_clustered(model(), clusters=4, epochs=epochs, reassign=False).model for epochs in (0, 3))
    for one, other in zip(still.layers, moved.layers, strict=True):
        _, members = np.unique(one.kernel.numpy(), return_inverse=True)
        _, others = np.unique(other.kernel.numpy(), return_inverse=True)
        assert len({*zip(members.ravel(), others.ravel(), strict=True)}) == 4
        assert np.abs(one.kernel.numpy() - other.kernel.numpy()).max() > 1e-3


@pytest.mark.parametrize(("keep", "kept"), [("auto", True), (True, True), (False, False)])
def test_zeros_of_a_sparse_kernel_stay_and_are_one_of_its_values(keep, kept):
    from tf_keras import layers

    model = _sequential(layers.Input((9,)), layers.Dense(32, "relu"), layers.Dense(3, "softmax"))
    hidden = model.layers[0]
    kernel, bias = hidden.get_weights()
    zeros = np.random.default_rng(0).random(kernel.shape) < 0.6
    hidden.set_weights([np.where(zeros, 0, kernel), bias])
    done = _clustered(model, clusters=6, keep_zeros=keep)
    found = done.model.layers[0].kernel.numpy()
    assert np.array_equal(found == 0, zeros if kept else np.zeros_like(zeros))
    assert len(np.unique(found)) == 6


def test_numbers_by_layer_are_those_of_the_first_pattern_that_matches():
    from tf_keras import layers

    def model():
        first, second = layers.Dense(16, name="dense_one"), layers.Dense(16, name="dense_two")
        return _sequential(
            layers.Input((9,)), first, second, layers.Dense(16, name="other"), layers.Dense(3, name="answer")
        )

    facts = _clustered(model(), clusters={"dense_two": 4, "dense_*": 7, "answer": 256}, epochs=0).facts[0]
    assert facts["distinct_values"] == {"dense_one": 7, "dense_two": 4}
    assert facts["left_alone"] == {
        "other": "no pattern of clusters matches it",
        "answer": "has no more than 256 values",
    }
    with pytest.raises(BadInput, match="did you mean 'answer'"):
        _clustered(model(), clusters={"answr": 4, "*": 8})
    with pytest.raises(BadInput, match=r"(?s)no kernel to cluster.*answer: has no more than 256 values"):
        _clustered(model(), clusters={"answer": 256})


def test_without_epochs_it_takes_no_training_data():
    from tf_keras import layers

    model = _sequential(layers.Input((9,)), layers.Dense(16), layers.Dense(3))
    whole = _data(model)
    untrained = Dataset("random", "generated", whole.calibration, whole.evaluation)
    assert _clustered(model, data=untrained, clusters=5, epochs=0).facts[0]["distinct_values"]
    with pytest.raises(BadInput, match="nothing to train on"):
        _clustered(model, data=untrained, clusters=3)


def test_weights_change_over_to_the_value_that_training_brings_them_near():
    from tf_keras import layers

    def trained(reassign):
        model = _sequential(layers.Input((9,)), layers.Dense(16, "relu"), layers.Dense(3, "softmax"))
        done = _clustered(model, data=_learnable(model), clusters=4, epochs=4, reassign=reassign)
        assert all(_distinct(layer.kernel) <= 4 for layer in done.model.layers)
        return done.facts[0]["last_loss"]

    assert trained(True) < 0.9 * trained(False)


def test_bits_are_few_and_stay_few_while_weights_train():
    from tf_keras import layers

    def trained(bits):
        model = _sequential(layers.Input((9,)), layers.Dense(64, "relu"), layers.Dense(3, "softmax"))
        done = _clustered(model, data=_learnable(model), clusters=16, epochs=4, bits=bits)
        return done.facts[0]["bits_per_weight"], done.facts[0]["last_loss"]

    (plain, _), (few, loss), (fewest, _) = trained(8.0), trained(2.5), trained(1.5)
    assert plain > 3.5
    assert few < 2.75
    assert fewest < 1.75
    assert loss < 0.6


def _learnable(model):
    random = np.random.default_rng(0)
    inputs = random.normal(size=(960, *model.input_shape[1:])).astype(np.float32)
    split = Split({"x": inputs}, (inputs @ random.normal(size=(9, 3))).argmax(-1))
    return Dataset("random", "generated", split, split, split)


def test_a_large_cluster_does_not_drift():
    """A sum of a million equal float32 is not a million times one of them."""
    from compressor.weight_clustering.kmeans import clustered
    from compressor.weight_clustering.projection import Shared, _Projection

    weights = np.random.default_rng(0).normal(0.1, 1e-3, (1024, 1024)).astype(np.float32)
    clusters = clustered(weights, 2)
    for reassign in (False, True):
        projection = _Projection([Shared(0, weights, clusters)], reassign)
        projection.begin([clusters], [clusters.values], [clusters.values])
        assert np.array_equal(projection.step([clusters.values])[0], clusters.values)


def test_a_weight_goes_to_the_neighbour_it_came_near_to_and_zeros_stay():
    from compressor.weight_clustering.kmeans import clustered
    from compressor.weight_clustering.projection import Shared, _Projection

    kernels = [np.array([[-2, -2, 1, 1, 1, 3, 0, 0]], np.float32), np.array([[-5, -5, 0.5, 0.5]], np.float32)]
    clusters = [clustered(kernels[0], 4, keep_zeros=True), clustered(kernels[1], 2)]
    projection = _Projection([Shared(at, kernel, clusters[at]) for at, kernel in enumerate(kernels)], True)
    projection.begin(clusters, kernels, kernels)
    moved = [np.array([[-2, -2.5, 1, 1, 2.5, 3, 9, -9]], np.float32), np.array([[-5, -6, 0.5, -4]], np.float32)]
    found = projection.step(moved)
    assert np.array_equal(found[0], [[-2.25, -2.25, 1, 1, 2.75, 2.75, 0, 0]])
    assert np.array_equal(found[1], [[-5, -5, 0.5, -5]])
