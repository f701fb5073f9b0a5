"""Steps on tiny models: what they refuse, by name, and what they keep."""

from __future__ import annotations

import numpy as np
import pytest

from compressor import steps
from compressor.errors import BadInput
from compressor.steps import TrainingSettings, Workpiece
from compressor.training import Trainer
from compressor.training.losses import choose_loss, last_activation
from compressor.values import Dataset, Split

pytestmark = pytest.mark.tensorflow


def _dataset(shape, classes=3, count=64):
    random = np.random.default_rng(0)
    split = Split({"x": random.normal(size=(count, *shape)).astype(np.float32)}, random.integers(0, classes, count))
    return Dataset("random", "generated", split, split, split)


def _sequential(*layers):
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    return tf_keras.Sequential(layers)


def _apply(name, model, shape, **settings):
    step = steps.load(name)
    return step.apply(Workpiece(model), step.settings(epochs=1, **settings), Trainer(_dataset(shape)))


@pytest.mark.parametrize(("name", "settings"), [("prune", {"sparsity": 0.5}), ("cluster", {}), ("quantize_aware", {})])
def test_unknown_layer_pattern_is_refused_with_the_nearest_name(name, settings):
    from tf_keras import layers

    model = _sequential(layers.Input((4,)), layers.Dense(8, name="hidden"), layers.Dense(3, name="answer"))
    with pytest.raises(BadInput, match="did you mean 'hidden'"):
        _apply(name, model, (4,), layers=["hiden"], **settings)


def test_prune_works_on_the_named_layers_only():
    from tf_keras import layers

    model = _sequential(layers.Input((4,)), layers.Dense(32, name="hidden"), layers.Dense(3, name="answer"))
    pruned = _apply("prune", model, (4,), sparsity=0.75, layers=["hid*"])
    assert pruned.facts[0]["sparsity"] == {"hidden": 0.75}
    assert (pruned.model.get_layer("answer").kernel.numpy() != 0).all()


@pytest.mark.parametrize("name", ["prune", "cluster"])
def test_model_without_kernels_is_refused(name):
    from tf_keras import layers

    model = _sequential(layers.Input((4,)), layers.ReLU(), layers.Softmax())
    with pytest.raises(BadInput, match="finds no kernel"):
        _apply(name, model, (4,), **({"sparsity": 0.5} if name == "prune" else {}))


def test_quantize_aware_returns_the_plain_network_with_the_trained_weights():
    from tf_keras import layers

    model = _sequential(
        layers.Input((8, 8, 1)),
        layers.Conv2D(4, 3, use_bias=False, name="conv"),
        layers.BatchNormalization(name="norm"),
        layers.ReLU(name="relu"),
        layers.Flatten(name="flat"),
        layers.Dense(3, name="answer"),
    )
    before = [weight.copy() for weight in model.get_weights()]
    result = _apply("quantize_aware", model, (8, 8, 1), learning_rate=1e-2)
    assert [type(layer).__name__ for layer in result.model.layers] == [type(layer).__name__ for layer in model.layers]
    trained = result.simulated.get_layer("quant_answer").layer.kernel
    np.testing.assert_array_equal(result.model.get_layer("answer").kernel.numpy(), trained.numpy())
    assert any(np.abs(old - new).max() > 1e-4 for old, new in zip(before, result.model.get_weights(), strict=True))


def test_quantize_aware_starts_where_the_model_stands(digits_run):
    from compressor import model_files, names

    out, _ = digits_run("int8")
    data = names.load_sample("digits_cnn").dataset()
    step = steps.load("quantize_aware")
    settings = step.settings(epochs=1, learning_rate=1e-9)
    trained = step.apply(Workpiece(model_files.load(out / "keras" / "original.h5").model), settings, Trainer(data))
    images, labels = data.evaluation.inputs["image"], data.evaluation.labels
    answers = trained.simulated.predict(images, verbose=0).argmax(-1)
    assert (answers == labels).mean() >= 0.98


@pytest.mark.parametrize("after", ["fine_tune", "quantize_aware"])
def test_training_after_pruning_keeps_every_zero(after):
    from tf_keras import layers

    model = _sequential(layers.Input((4,)), layers.Dense(32, name="hidden"), layers.Dense(3, name="answer"))
    pruned = _apply("prune", model, (4,), sparsity=0.5).model
    zeros = {layer.name: layer.kernel.numpy() == 0 for layer in pruned.layers}
    assert all(0.45 < zero.mean() < 0.55 for zero in zeros.values())
    trained = _apply(after, pruned, (4,), learning_rate=1e-2).model
    for layer in trained.layers:
        assert (layer.kernel.numpy()[zeros[layer.name]] == 0).all()


def test_trainer_without_training_data_says_what_is_missing():
    from tf_keras import layers

    dataset = _dataset((4,))
    empty = Dataset("random", "my.npz", dataset.calibration, dataset.evaluation)
    with pytest.raises(BadInput, match=r"(?s)nothing to train on.*x_train and y_train.*my\.npz"):
        Trainer(empty).fit(_sequential(layers.Input((4,)), layers.Dense(3)), TrainingSettings(), "fine_tune")


def test_diverging_training_is_refused():
    from tf_keras import layers

    dataset = _dataset((4,), classes=2)
    labels = np.full(64, 1e38, np.float32)
    broken = Dataset(
        "random", "generated", dataset.calibration, dataset.evaluation, Split(dataset.train.inputs, labels)
    )
    model = _sequential(layers.Input((4,)), layers.Dense(1))
    with pytest.raises(BadInput, match="diverged"):
        Trainer(broken).fit(model, TrainingSettings(), "fine_tune")


@pytest.mark.parametrize(
    ("units", "labels", "loss"),
    [
        (3, np.array([0, 2, 1]), "sparse_categorical_crossentropy"),
        (3, np.eye(3), "categorical_crossentropy"),
        (1, np.array([0, 1, 1]), "binary_crossentropy"),
        (1, np.array([0.5, 2.0, -1.0]), "mean_squared_error"),
        (2, np.array([[0.5, 1.0]]), "mean_squared_error"),
    ],
)
def test_loss_is_chosen_from_the_labels(units, labels, loss):
    from tf_keras import layers

    assert choose_loss(_sequential(layers.Input((4,)), layers.Dense(units)), labels) == loss


def test_a_score_without_a_last_axis_is_trained_and_cannot_be_taught():
    import tensorflow as tf
    import tf_keras
    from tf_keras import layers

    given = layers.Input((4,))
    model = tf_keras.Model(given, tf.squeeze(layers.Dense(1)(given), -1))
    inputs = {"x": np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)}
    split = Split(inputs, inputs["x"].sum(-1))
    trained = Trainer(Dataset("made", "made", split, split, split))
    facts = trained.fit(model, TrainingSettings(epochs=8, learning_rate=0.1), "fine_tune")
    assert facts["history"]["loss"][-1] < 0.5 * facts["history"]["loss"][0]
    step = steps.load("distill")
    teaching = Trainer(Dataset("made", "made", split, split, split), None, 0, None, lambda _: model)
    with pytest.raises(BadInput, match="no last axis of a known size"):
        step.apply(Workpiece(model), step.settings(epochs=1), teaching)


@pytest.mark.parametrize("tail", ["activation", "function", "cast"])
def test_a_softmax_is_seen_through_what_changes_no_likelihood(tail):
    import tensorflow as tf
    import tf_keras
    from tf_keras import layers

    given = layers.Input((4,))
    if tail == "function":
        answer = tf.nn.softmax(layers.Dense(3)(given))
    else:
        likely = layers.Dense(3, activation="softmax")(given)
        answer = layers.Activation("linear")(likely) if tail == "activation" else tf.cast(likely, tf.float32)
    assert last_activation(tf_keras.Model(given, answer)) == "softmax"


def test_each_output_of_a_model_inside_a_model_has_its_own_activation():
    import tf_keras
    from tf_keras import layers

    inner_given, given = layers.Input((4,)), layers.Input((4,))
    ends = [layers.Dense(3, activation="softmax")(inner_given), layers.Dense(2)(inner_given)]
    model = tf_keras.Model(given, tf_keras.Model(inner_given, ends)(given))
    assert [last_activation(model, at) for at in (0, 1)] == ["softmax", "linear"]


def test_normalization_statistics_follow_the_pruned_weights():
    from tf_keras import layers

    from compressor.training import refresh_statistics

    model = _sequential(layers.Input((8,)), layers.Dense(16, name="hidden"), layers.BatchNormalization(name="norm"))
    samples = np.random.default_rng(0).normal(loc=3.0, size=(512, 8)).astype(np.float32)
    refresh_statistics(model, Split({"x": samples}), batch_size=64)
    hidden = model.get_layer("hidden")(samples).numpy()
    norm = model.get_layer("norm")
    np.testing.assert_allclose(norm.moving_mean.numpy(), hidden.mean(0), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(norm.moving_variance.numpy(), hidden.var(0), rtol=0.1)
    assert norm.momentum == 0.99
