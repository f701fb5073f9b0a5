"""Inputs of another scale than in training are told, with the way back; inputs of the right scale are left alone."""

from __future__ import annotations

import re

import numpy as np
import pytest

from compressor import names, range_check, trained_sample
from compressor.steps import TrainingSettings
from compressor.training import Trainer, set_up
from compressor.values import Split

pytestmark = pytest.mark.tensorflow
BYTES = "--preprocess divide=0.00392157"


@pytest.fixture(scope="module")
def data():
    return names.load_sample("digits_cnn").dataset()


@pytest.fixture(scope="module")
def digits_cnn(data):
    place = set_up()
    sample = names.load_sample("digits_cnn")
    model = sample.build()
    trainer = Trainer(data, sample.loss, 0, place)
    trained_sample.trained(model, sample, trained_sample.settings_of(sample), trainer)
    return model


def train(model, data, epochs=8):
    set_up()
    loss = "sparse_categorical_crossentropy"
    Trainer(data, loss).fit(model, TrainingSettings(epochs=epochs, learning_rate=1e-2), "train")
    return model


@pytest.fixture(scope="module")
def normalized_cnn(data):
    """Trained on 0..1, with a BatchNormalization inside a nested model."""
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    inner = tf_keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(16, 3),
            layers.BatchNormalization(momentum=0.9, name="bn_1"),
            layers.ReLU(6),
        ]
    )
    stack = [
        layers.Input((8, 8, 1), name="image"),
        inner,
        layers.Conv2D(16, 3),
        layers.BatchNormalization(momentum=0.9),
    ]
    stack += [layers.ReLU(6), layers.Flatten(), layers.Dense(10, activation="softmax")]
    return train(tf_keras.Sequential(stack), data)


def samples(data, change=lambda images: images, labels=True):
    evaluation = data.evaluation
    return Split({"image": change(evaluation.inputs["image"])}, evaluation.labels if labels else None)


def mean_of(data):
    return data.train.inputs["image"].mean()


def test_right_inputs_are_left_alone(digits_cnn, normalized_cnn, data):
    for model in (digits_cnn, normalized_cnn):
        for metric in ("accuracy", None):
            assert range_check.warnings(model, samples(data), metric) == ()


def test_a_network_without_a_scale_of_its_own_is_right_at_255_too(digits_cnn, data):
    assert range_check.warnings(digits_cnn, samples(data, lambda images: images * 255), "accuracy") == ()


def test_inputs_divided_twice_are_told_with_the_way_back(digits_cnn, data):
    (told,) = range_check.warnings(digits_cnn, samples(data, lambda images: images / 255), "accuracy")
    assert re.match(
        r"the model is right for \d+ % of 256 samples as they are \(from 0 to 0.003922\), and for 9\d % when they are "
        r"multiplied by 255: give --preprocess divide=0.00392157",
        told,
    )


def test_bytes_in_place_of_shares_are_told_by_statistics_and_by_accuracy(normalized_cnn, data):
    found = range_check.warnings(normalized_cnn, samples(data, lambda images: images * 255), "accuracy")
    statistics, accuracy = found
    assert statistics.startswith("the first BatchNormalization 'bn_1' expects a standard deviation of ")
    assert "(medians of 16 channels); the inputs range from 0 to 255: " in statistics
    expected, seen = (
        float(number) for number in re.findall(r"of (\d[\d.]*) and sees one of (\d[\d.]*),", statistics)[0]
    )
    assert seen / expected == pytest.approx(255, rel=0.3)
    assert accuracy.endswith("when they are divided by 255: give --preprocess divide=255")
    (_, told) = range_check.warnings(
        normalized_cnn, samples(data, lambda images: images * 255), "accuracy", subtract=3.0, divide=0.1
    )
    assert told.endswith("when they are divided by 255: give --preprocess subtract=3 --preprocess divide=25.5")


def test_statistics_need_no_labels_and_no_metric(normalized_cnn, data):
    for change in (lambda images: images * 255, lambda images: images / 255, lambda images: images + 20):
        (told,) = range_check.warnings(normalized_cnn, samples(data, change, labels=False), None)
        assert "'bn_1'" in told


def test_the_given_way_back_ends_the_warnings(normalized_cnn, data):
    def back(images):
        return images * 255 / 255

    assert range_check.warnings(normalized_cnn, samples(data, back), "accuracy") == ()


@pytest.mark.parametrize(
    ("channels", "own", "told"),
    [
        (1, lambda u: u * 2 - 1, "scaled to -1 to 1: give --preprocess subtract=127.5 --preprocess divide=127.5"),
        (3, lambda u: (u - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225], "standardized as images of ImageNet: give "),
        (3, lambda u: u[..., ::-1] * 255 - [103.939, 116.779, 123.68], "centred as images of ImageNet in BGR: store "),
    ],
)
def test_images_that_are_not_centred_as_in_training_are_told(channels, own, told):
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(1)
    # Without bias the sign of a pixel decides; what it answers to its own scale is right by definition.
    stack = [layers.Input((8, 8, channels)), layers.Flatten(), layers.Dense(64, activation="tanh", use_bias=False)]
    model = tf_keras.Sequential([*stack, layers.Dense(4, activation="softmax", use_bias=False)])
    images = np.random.default_rng(0).random((300, 8, 8, channels)).astype(np.float32)
    centred = own(images).astype(np.float32)
    labels = model.predict(centred, verbose=0).argmax(1)
    assert range_check.warnings(model, Split({"image": centred}, labels), "accuracy") == ()
    (found,) = range_check.warnings(model, Split({"image": images * 255}, labels), "accuracy")
    assert f"and for 100 % when they are {told}" in found


def test_a_mean_that_is_not_subtracted_is_told_by_the_statistics(data):
    import tf_keras
    from tf_keras import layers

    pixels = data.train.inputs["image"]
    model = tf_keras.Sequential([layers.Input((8, 8, 1)), layers.BatchNormalization(name="bn"), layers.Flatten()])
    model.layers[0].set_weights([np.ones(1), np.zeros(1), np.zeros(1), np.full(1, pixels.var())])
    centred = Split({"image": data.evaluation.inputs["image"] - mean_of(data)})
    assert range_check.warnings(model, centred, None) == ()
    (told,) = range_check.warnings(model, Split({"image": centred.inputs["image"] + 2}), None)
    assert "means 5" in told
    assert "(medians of 1 channel)" in told


@pytest.mark.parametrize("change", [lambda x: x, lambda x: (x - 0.5) / 0.3, lambda x: x * 255, lambda x: x * 2 - 1])
def test_statistics_that_were_never_trained_say_nothing(change, data):
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    stack = [layers.Input((8, 8, 1)), layers.Conv2D(8, 3), layers.BatchNormalization(), layers.ReLU()]
    stack += [
        layers.Conv2D(8, 3),
        layers.BatchNormalization(),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ]
    model = tf_keras.Sequential(stack)
    assert range_check.warnings(model, samples(data, change), "accuracy") == ()


def test_statistics_that_were_hardly_trained_are_no_alarm(data):
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential([layers.Input((8, 8, 1)), layers.Conv2D(8, 3), layers.BatchNormalization()])
    dim = data.evaluation.inputs["image"] / 10
    for start in range(0, 320, 32):
        model(dim[start : start + 32], training=True)
    assert model.layers[1].moving_variance.numpy().max() < 0.95
    assert range_check.warnings(model, Split({"image": dim}), None) == ()


def rescaling(scale, offset=0.0):
    import tf_keras
    from tf_keras import layers

    stack = [layers.Input((8, 8, 1)), layers.Rescaling(scale, offset, name="scale_down"), layers.Flatten()]
    return tf_keras.Sequential([*stack, layers.Dense(10, activation="softmax")])


@pytest.mark.parametrize(("scale", "offset"), [(1 / 255, 0.0), (1 / 127.5, -1.0)])
def test_what_the_model_divides_itself_need_not_be_divided_before(scale, offset, data):
    model = rescaling(scale, offset)
    (told,) = range_check.warnings(model, samples(data, labels=False), None)
    assert "Rescaling 'scale_down' multiplies by 0.00" in told
    assert told.endswith(f"what ranges from 0 to 1 already: give {BYTES}")
    (told,) = range_check.warnings(model, samples(data, labels=False), None, divide=255.0)
    assert told.endswith("already: leave out subtract and divide")
    assert range_check.warnings(model, samples(data, lambda images: images * 255), None) == ()


def test_a_rescaling_of_what_is_no_input_is_none_of_the_users_business(data):
    import tf_keras
    from tf_keras import layers

    stack = [layers.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.Rescaling(1 / 255), layers.Flatten()]
    assert range_check.warnings(tf_keras.Sequential(stack), samples(data), None) == ()


def test_one_dark_batch_does_not_make_images_of_bytes_small(data):
    images = data.evaluation.inputs["image"] * 255
    images[:64] = 0.5
    assert range_check.warnings(rescaling(1 / 255), Split({"image": images}), None) == ()


@pytest.mark.parametrize("axis", [-1, None])
def test_an_adapted_normalization_says_what_it_expects(axis, data):
    import tf_keras
    from tf_keras import layers

    table = np.random.default_rng(0).normal([10, -200, 3], [1, 50, 0.2], (400, 3)).astype(np.float32)
    layer = layers.Normalization(axis=axis, name="norm")
    layer.adapt(table)
    model = tf_keras.Sequential([layers.Input((3,)), layer, layers.Dense(1)])
    assert range_check.warnings(model, Split({"row": table}), None) == ()
    (told,) = range_check.warnings(model, Split({"row": (table - table.mean(0)) / table.std(0) / 10}), None)
    assert "the first Normalization 'norm' expects" in told


def test_token_ids_have_no_scale():
    import tf_keras
    from tf_keras import layers

    stack = [layers.Input((6,), dtype="int32"), layers.Embedding(50, 4), layers.BatchNormalization(name="bn")]
    model = tf_keras.Sequential([*stack, layers.Flatten(), layers.Dense(4, activation="softmax")])
    model.get_layer("bn").set_weights([np.ones(4), np.zeros(4), np.full(4, 1e3), np.ones(4)])
    tokens = np.random.default_rng(0).integers(0, 50, (64, 6)).astype(np.int32)
    labels = np.random.default_rng(0).integers(0, 4, 64)
    assert range_check.warnings(model, Split({"tokens": tokens}, labels), "accuracy") == ()


def test_an_answer_that_is_always_the_same_is_no_way_back():
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential([layers.Input((4,)), layers.Dense(3)])
    # Small inputs answer class 0, large ones class 1, whatever they are; most labels are 1.
    model.layers[0].set_weights([np.array([[0, 1, 0]] * 4, np.float32), np.array([50, 0, 0], np.float32)])
    rng = np.random.default_rng(0)
    labels = rng.choice(3, 200, p=[0.2, 0.6, 0.2])
    assert range_check.warnings(model, Split({"x": rng.random((200, 4)).astype(np.float32)}, labels), "accuracy") == ()


def test_few_samples_may_be_right_by_chance():
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential([layers.Input((1,)), layers.Dense(6)])
    # Class 0 up to 1, class 1 up to 60, class 2 above, the others never.
    bias = np.array([1, 0, -6, -1e6, -1e6, -1e6], np.float32)
    model.layers[0].set_weights([np.array([[0, 1, 1.1, 0, 0, 0]], np.float32), bias])
    x = np.linspace(0.01, 1, 12, dtype=np.float32)[:, None]
    # Right for half of the samples when multiplied by 255, for none as they are.
    labels = np.array([1, 1, 1, 2, 2, 2, 3, 4, 5, 3, 4, 5])
    few, many = Split({"x": x}, labels), Split({"x": np.tile(x, (20, 1))}, np.tile(labels, 20))
    assert range_check.warnings(model, few, "accuracy") == ()
    (told,) = range_check.warnings(model, many, "accuracy")
    assert "multiplied by 255" in told


def test_layers_are_left_as_they_were(normalized_cnn, data):
    layer = normalized_cnn.layers[0].get_layer("bn_1")
    range_check.warnings(normalized_cnn, samples(data), None)
    assert "call" not in vars(layer)


def test_a_layer_inside_a_wrapper_and_several_inputs_are_looked_at():
    import tf_keras
    from tf_keras import layers

    first, second = layers.Input((5, 3), name="a"), layers.Input((2,), dtype="int32", name="b")
    inner = layers.BatchNormalization(name="inside")
    flat = layers.Flatten()(layers.TimeDistributed(inner)(first))
    model = tf_keras.Model(
        [first, second], layers.Concatenate()([flat, tf_keras.layers.Embedding(4, 1)(second)[..., 0]])
    )
    inner.set_weights([np.ones(3), np.zeros(3), np.full(3, 0.5), np.full(3, 0.1)])
    rng = np.random.default_rng(0)
    x, tokens = rng.random((40, 5, 3)).astype(np.float32), rng.integers(0, 4, (40, 2)).astype(np.int32)
    assert range_check.warnings(model, Split({"a": x, "b": tokens}), None) == ()
    (told,) = range_check.warnings(model, Split({"a": x * 255, "b": tokens}), None)
    assert "'inside'" in told
