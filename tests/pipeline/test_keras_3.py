"""Keras 3 models over the bridge: made again with equal answers, or refused by the name of what cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from compressor import model_files
from compressor.bridge import keras_bridge
from compressor.errors import BadInput

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def keras():
    """Keras 3, beside tf_keras in the same process, seeded."""
    import keras

    keras.utils.set_random_seed(0)
    return keras


def _residual(keras):
    layers = keras.layers
    image = keras.Input((16, 16, 3), name="image")
    start = layers.Conv2D(8, 3, padding="same", use_bias=False)(image)
    start = layers.ReLU(6.0)(layers.BatchNormalization()(start))
    branch = layers.DepthwiseConv2D(3, padding="same")(start)
    branch = layers.SeparableConv2D(8, 3, padding="same", activation="silu")(branch)
    joined = layers.Add()([start, branch])
    scaled = layers.Multiply()(
        [joined, layers.Dense(8, "sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(joined))]
    )
    return keras.Model(image, layers.Dense(4, "softmax")(layers.Flatten()(scaled)))


def _shared_nested_two_ended(keras):
    layers = keras.layers
    tower = keras.Sequential([keras.Input((8,)), layers.Dense(6, "relu"), layers.LayerNormalization()], name="tower")
    shared = layers.Dense(5, name="shared")
    left, right = keras.Input((8,), name="left"), keras.Input((8,), name="right")
    ends = [shared(tower(left)), shared(tower(right))]
    return keras.Model([left, right], [layers.Concatenate()(ends), layers.Subtract()(ends)])


def _operations(keras):
    ops = keras.ops
    x = keras.Input((6, 4), name="x")
    y = ops.relu(x * 2.0 + 1.0) - ops.mean(x, axis=-1, keepdims=True)
    y = ops.concatenate([y, ops.tanh(ops.transpose(ops.reshape(x, (-1, 4, 6)), (0, 2, 1)))], axis=-1)
    y = ops.matmul(y, np.linspace(-1, 1, 24, dtype=np.float32).reshape(8, 3)) / 3.0
    return keras.Model(x, ops.softmax(ops.sum(y[:, 1:], axis=1)))


def _recurrent(keras):
    layers = keras.layers
    series = keras.Input((12, 4), name="series")
    both = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(series)
    return keras.Model(series, layers.Dense(2)(layers.GRU(5)(both)))


def _tokens(keras):
    layers = keras.layers
    words = keras.Input((10,), dtype="int32", name="words")
    known = layers.Embedding(20, 8)(words)
    seen = layers.MultiHeadAttention(2, 4)(known, known)
    return keras.Model(words, layers.Dense(1, "sigmoid")(layers.GlobalAveragePooling1D()(seen)))


def _changed_activations(keras):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(4, 3, activation="hard_silu"),
            layers.Activation("hard_sigmoid"),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


def _masked(keras):
    layers = keras.layers
    words = keras.Input((10,), dtype="int32", name="words")
    known = layers.Embedding(20, 8, mask_zero=True)(words)
    seen = layers.MultiHeadAttention(2, 4)(known, known)
    both = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(layers.Add()([known, seen]))
    return keras.Model(
        words, layers.Dense(2)(layers.GlobalAveragePooling1D()(layers.GRU(5, return_sequences=True)(both)))
    )


def _adapted(keras):
    layers = keras.layers
    scaled = layers.Normalization()
    scaled.adapt(np.random.default_rng(0).normal(3, 2, (50, 4)).astype(np.float32))
    return keras.Sequential([keras.Input((4,)), scaled, layers.Dense(6), layers.LeakyReLU(0.1), layers.Dense(2)])


def _augmented(keras):
    layers = keras.layers
    changes = [
        layers.RandomFlip(),
        layers.RandomRotation(0.1),
        layers.RandomContrast(0.1),
        layers.RandomBrightness(0.1),
    ]
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            *changes,
            layers.RandomErasing(),
            layers.Conv2D(4, 3),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )


def _layers_in_layers(keras):
    layers = keras.layers
    frame = keras.Sequential(
        [keras.Input((6, 6, 1)), layers.Conv2D(3, 3), layers.BatchNormalization(), layers.Flatten()]
    )
    film = keras.Input((4, 6, 6, 1))
    series = layers.RNN([layers.LSTMCell(4), layers.GRUCell(5)], return_sequences=True)(
        layers.TimeDistributed(frame)(film)
    )
    return keras.Model(film, layers.SpectralNormalization(layers.Dense(2))(layers.SimpleRNN(4)(series)))


def _conditions(keras):
    ops = keras.ops
    x = keras.Input((6, 4), name="x")
    left, middle, right = ops.split(ops.where(x > 0, x, -x), [1, 3], axis=-1)
    joined = ops.concatenate([ops.flip(right, axis=1), ops.repeat(left, 2, axis=-1), middle], axis=-1)
    return keras.Model(x, ops.swapaxes(ops.log_softmax(joined, axis=-1), 1, 2) + ops.std(x, axis=-1)[:, None, :])


def _odd_names(keras):
    layers = keras.layers
    x = keras.Input((4,), name="Blütenlänge in cm")
    return keras.Model(x, layers.Dense(2, name="出力 1")(layers.Dense(3, name="a.b c")(x)), name="odd")


MODELS = [_residual, _shared_nested_two_ended, _operations, _recurrent, _tokens, _changed_activations]
# Keras 3 itself cannot write or read some of them as .h5.
ARCHIVES = [_masked, _adapted, _augmented, _layers_in_layers, _conditions, _odd_names]


# Keras 3 itself cannot load an .h5 with raw operations in it.
FILES = [(build, suffix) for build in MODELS for suffix in (".keras", ".h5") if (build, suffix) != (_operations, ".h5")]
FILES += [(build, ".keras") for build in ARCHIVES]


@pytest.mark.parametrize(("build", "suffix"), FILES)
def test_file_is_made_again_with_equal_answers(build, suffix, keras, tmp_path):
    original = build(keras)
    random = np.random.default_rng(1)
    for weight in original.trainable_weights:
        weight.assign(random.normal(size=weight.shape, scale=0.3))
    original.save(tmp_path / f"model{suffix}")
    loaded = model_files.load(tmp_path / f"model{suffix}")
    assert loaded.bridge_difference is not None
    inputs = [
        random.integers(0, 20, (3, *tensor.shape[1:]))
        if "int" in str(tensor.dtype)
        else random.normal(size=(3, *tensor.shape[1:])).astype(np.float32)
        for tensor in original.inputs
    ]
    given = inputs if len(inputs) > 1 else inputs[0]
    # Called, not predicted: in a graph Keras 3 refuses the names that it writes.
    wanted, found = original(given, training=False), loaded.model.predict(given, verbose=0)
    for ours, theirs in zip(keras.tree.flatten(found), map(np.asarray, keras.tree.flatten(wanted)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
        assert np.ptp(theirs) > 1e-3


def test_dropout_is_on_in_training(keras):
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dropout(0.5)])
    bridged, _ = keras_bridge.bridge(model)
    ones = np.ones((1, 64), np.float32)
    assert 0 < int((bridged(ones, training=True).numpy() == 0).sum()) < 64
    assert (bridged(ones).numpy() == 1).all()


def test_mixed_precision_is_compressed_in_float32(keras, tmp_path):
    layers = keras.layers
    policy = {"dtype": "mixed_float16"}
    image = keras.Input((8, 8, 1))
    x = layers.MultiHeadAttention(2, 4, **policy)(*2 * [layers.Reshape((6, 24))(layers.Conv2D(4, 3, **policy)(image))])
    model = keras.Model(image, layers.Dense(3, "softmax", dtype="float32")(layers.Flatten()(x)))
    model.save(tmp_path / "mixed.keras")
    loaded = model_files.load(tmp_path / "mixed.keras")
    assert loaded.limitation == ""
    assert {layer.compute_dtype for layer in loaded.model.layers} == {"float32"}
    samples = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype(np.float32)
    np.testing.assert_allclose(loaded.model.predict(samples, verbose=0), model.predict(samples, verbose=0), atol=5e-3)


def test_grouped_convolution_of_one_filter_per_channel_becomes_a_depthwise_one(keras):
    image = keras.Input((8, 8, 6))
    grouped = keras.layers.Conv2D(6, 3, groups=6, padding="same", activation="relu", name="each")(image)
    model = keras.Model(image, keras.layers.Conv2D(4, 1, groups=2)(grouped))
    bridged, difference = keras_bridge.bridge(model)
    assert type(bridged.get_layer("each")).__name__ == "DepthwiseConv2D"
    assert type(bridged.layers[-1]).__name__ == "Conv2D"
    assert difference < 1e-5
    bridged.get_layer("each").depthwise_kernel.assign_add(keras.ops.ones((3, 3, 6, 1)))
    before = model.get_layer("each").kernel.numpy().copy()
    keras_bridge.back(bridged, model)
    np.testing.assert_allclose(model.get_layer("each").kernel.numpy(), before + 1, rtol=1e-6)


def test_shared_layer_stays_shared(keras):
    bridged, _ = keras_bridge.bridge(_shared_nested_two_ended(keras))
    assert [layer.name for layer in bridged.layers].count("shared") == 1
    assert len(bridged.get_layer("shared").inbound_nodes) == 2


@pytest.mark.parametrize("build", MODELS + ARCHIVES)
def test_weights_find_their_way_back(build, keras):
    original = build(keras)
    bridged, _ = keras_bridge.bridge(original)
    random = np.random.default_rng(2)
    for weight in bridged.trainable_weights:
        weight.assign(random.normal(size=weight.shape, scale=0.3))
    keras_bridge.back(bridged, original)
    ours = sorted(float(np.abs(weight.numpy()).sum()) for weight in original.trainable_weights)
    theirs = sorted(float(np.abs(weight.numpy()).sum()) for weight in bridged.trainable_weights)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_weights_that_were_not_copied_would_be_noticed(keras, monkeypatch):
    from compressor.bridge import keras_layers

    monkeypatch.setattr(keras_layers, "copy_weights", lambda layer, made: None)
    with pytest.raises(BadInput, match="answers otherwise"):
        keras_bridge.bridge(_residual(keras))


def test_unknown_operation_is_named(keras):
    x = keras.Input((4,), name="x")
    with pytest.raises(BadInput, match=r"keras\.ops Erf"):
        keras_bridge.bridge(keras.Model(x, keras.ops.erf(x)))


def test_custom_layer_is_named(keras):
    class Doubled(keras.layers.Layer):
        def call(self, x):
            return x * 2

    x = keras.Input((4,), name="x")
    with pytest.raises(BadInput, match=r"'twice' \(Doubled\)"):
        keras_bridge.bridge(keras.Model(x, Doubled(name="twice")(x)))


def test_subclassed_model_is_refused(keras):
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(BadInput, match="no graph of layers"):
        keras_bridge.bridge(Own())


@pytest.mark.parametrize("recipe", ["prune50_int8", "qat_int8"])
def test_run_takes_a_keras_3_file(recipe, keras, command, read_report, tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 16, 16, 3)).astype(np.float32)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3), name="image"),
            keras.layers.Conv2D(8, 3, strides=2, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
            keras.layers.Dense(4, "softmax"),
        ]
    )
    y = model.predict(x, verbose=0).argmax(-1)
    model.save(tmp_path / "residual.keras")
    arrays = {f"{axis}_{name}": data[part] for name, part in _PARTS.items() for axis, data in (("x", x), ("y", y))}
    np.savez(tmp_path / "data.npz", **arrays)
    settings = ["--recipe", recipe, "--data", tmp_path / "data.npz", "--out", tmp_path / "out"]
    done = command("run", tmp_path / "residual.keras", *settings, "--target", "host", "--max-accuracy-drop", "100")
    assert done.returncode == 0, done.stderr
    report = read_report(tmp_path / "out")
    assert report["model"]["bridge_difference"] <= 1e-5
    again = keras.models.load_model(tmp_path / "out" / "keras" / "compressed.keras")
    with np.load(tmp_path / "out" / "outputs" / "compressed-tflite-int8-litert.npz") as outputs:
        answers = next(iter(outputs.values()))
    agreement = (again.predict(x[_PARTS["evaluation"]], verbose=0).argmax(-1) == answers.argmax(-1)).mean()
    assert agreement >= 0.9
    if recipe == "prune50_int8":
        kernel = again.layers[0].kernel.numpy()
        assert 0.45 <= (kernel == 0).mean() <= 0.55
    baseline = [row for row in report["rows"] if row["stage"] == "float32"]
    assert all(row["max_abs_error"] <= 1e-5 for row in baseline)


_PARTS = {"train": slice(0, 200), "calibration": slice(200, 230), "evaluation": slice(230, 300)}
