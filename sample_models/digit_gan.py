"""A GAN of handwritten digits: a generator and a discriminator, trained against each other, compressed side by side.

Network: after DCGAN (Radford, Metz, Chintala, arXiv:1511.06434), with enlarging and convolution in place of transposed
convolution, which drew checkerboards (Odena et al., distill.pub/2016/deconv-checkerboard); non-saturating loss of
Goodfellow et al. (arXiv:1406.2661).
Data, the first that is at hand: MNIST from the folder that COMPRESSOR_DATA names, or as Keras downloads it; else
scikit-learn's 8×8 digits, enlarged. `Dataset.source` says which.
The generator is judged by its likeness to its float self (SSIM), the discriminator by telling real digits from those
that the float generator makes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.errors import BadInput
from compressor.sample import Part, SampleModel
from compressor.values import Dataset, Split
from sample_models import _mnist, digits_cnn

if TYPE_CHECKING:
    import tf_keras

_SIDE, _NOISE = 28, 64
_TRAIN, _CALIBRATION, _EVALUATION = 24_000, 200, 500
_SEED = 0


def build() -> tf_keras.Model:
    """Both untrained networks in one: 64 values of noise and a (28, 28, 1) picture → a picture and 1 probability."""
    from tf_keras import layers

    noise = layers.Input((_NOISE,), name="noise")
    image = layers.Input((_SIDE, _SIDE, 1), name="image")
    return _adversaries()([noise, image], [_generator()(noise), _discriminator()(image)], name="digit_gan")


def dataset() -> Dataset:
    """24 000 samples to train, 200 to calibrate and 500 to evaluate on: noise, and pictures (28, 28, 1) in -1..1.

    There are no labels. Few pictures are repeated for training, which draws noise of its own.
    """
    try:
        found = _mnist.dataset()
    except BadInput:
        found = _enlarged(digits_cnn.dataset())
    assert found.train is not None
    assert isinstance(found.evaluation, Split)
    rng = np.random.default_rng(_SEED)

    def part(split: Split, count: int) -> Split:
        pictures = np.resize(2 * split.inputs["image"] - 1, (count, _SIDE, _SIDE, 1))
        return Split({"noise": rng.standard_normal((count, _NOISE)).astype(np.float32), "image": pictures})

    return replace(
        found,
        train=part(found.train, _TRAIN),
        calibration=part(found.calibration, min(_CALIBRATION, found.calibration.count)),
        evaluation=part(found.evaluation, _EVALUATION),
    )


def _enlarged(digits: Dataset) -> Dataset:
    """8×8 pictures as 28×28 ones, by linear interpolation."""
    place = np.clip((np.arange(_SIDE) + 0.5) * 8 / _SIDE - 0.5, 0, 7)
    weights = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(8))).astype(np.float32)

    def larger(split: Split) -> Split:
        return Split({"image": np.einsum("ia,nabc,jb->nijc", weights, split.inputs["image"], weights)})

    return replace(_each(larger, digits), source=f"{digits.source}, enlarged to {_SIDE}×{_SIDE}")


def _generator(normalized: bool = True) -> tf_keras.Model:
    from tf_keras import Sequential, layers

    def weighty(layer: type[tf_keras.layers.Layer], *shape: int, name: str, **settings: Any) -> list[Any]:
        norm = [layers.BatchNormalization(name=f"norm_{name}")] if normalized else []
        return [layer(*shape, use_bias=not normalized, name=name, **settings), *norm, layers.ReLU(name=f"relu_{name}")]

    return Sequential(
        [
            layers.Input((_NOISE,), name="noise"),
            *weighty(layers.Dense, 7 * 7 * 64, name="dense"),
            layers.Reshape((7, 7, 64), name="reshape"),
            layers.UpSampling2D(name="up_1"),
            *weighty(layers.Conv2D, 32, 3, padding="same", name="conv_1"),
            layers.UpSampling2D(name="up_2"),
            *weighty(layers.Conv2D, 16, 3, padding="same", name="conv_2"),
            layers.Conv2D(1, 5, padding="same", activation="tanh", name="picture"),
        ],
        name="generator",
    )


def _folded(whole: tf_keras.Model) -> tf_keras.Model:
    """The generator with its normalizations in the weights before them.

    Steps train it to answer as it does; normalizations would answer by the batch instead.
    """
    trained, folded = whole.get_layer("generator"), _generator(normalized=False)
    for layer in (layer for layer in folded.layers if layer.weights):
        kernel, *bias = trained.get_layer(layer.name).get_weights()
        if not bias:
            norm = trained.get_layer(f"norm_{layer.name}")
            gamma, beta, mean, variance = norm.get_weights()
            scale = gamma / np.sqrt(variance + norm.epsilon)
            kernel, bias = kernel * scale, [beta - mean * scale]
        layer.set_weights([kernel, *bias])
    return folded


def _discriminator() -> tf_keras.Model:
    from tf_keras import Sequential, layers

    return Sequential(
        [
            layers.Input((_SIDE, _SIDE, 1), name="image"),
            layers.Conv2D(24, 5, strides=2, padding="same", name="conv_1"),
            layers.LeakyReLU(0.2, name="leaky_1"),
            layers.Dropout(0.2, name="dropout_1"),
            layers.Conv2D(48, 5, strides=2, padding="same", name="conv_2"),
            layers.LeakyReLU(0.2, name="leaky_2"),
            layers.Dropout(0.2, name="dropout_2"),
            layers.Flatten(name="flatten"),
            layers.Dense(1, name="logit"),
            layers.Activation("sigmoid", name="real"),
        ],
        name="discriminator",
    )


@functools.cache
def _adversaries() -> type[tf_keras.Model]:
    import tensorflow as tf
    import tf_keras

    class Adversaries(tf_keras.Model):  # type: ignore[misc]
        """Trains its two networks against each other.

        Noise and Dropout are drawn anew in every step, from the optimizer's step count alone: training that goes on
        from weights and optimizer goes on as if it had never stopped.
        """

        def train_step(self, data: Any) -> dict[str, Any]:
            """One step of each network against the other as it stands."""
            _, pictures = tf_keras.utils.unpack_x_y_sample_weight(data)[0]
            generator, discriminator = self.get_layer("generator"), self.get_layer("discriminator")
            noise = tf.random.stateless_normal((tf.shape(pictures)[0], _NOISE), self._seed(0))
            with tf.GradientTape(persistent=True) as tape:
                made = generator(noise, training=True)
                real = self._judged(discriminator, pictures, 1)
                fake = self._judged(discriminator, made, 2)
                fooled = _cross_entropy(1.0, fake)
                told = _cross_entropy(1.0, real) + _cross_entropy(0.0, fake)
                # Gradients of replicas are summed.
                shares = [each / self.distribute_strategy.num_replicas_in_sync for each in (fooled, told)]
            variables = [network.trainable_variables for network in (generator, discriminator)]
            gradients = [tape.gradient(*pair) for pair in zip(shares, variables, strict=True)]
            pairs = [pair for both in zip(gradients, variables, strict=True) for pair in zip(*both, strict=True)]
            self.optimizer.apply_gradients(pairs)
            return {"loss": fooled + told, "generator_loss": fooled, "discriminator_loss": told}

        def _judged(self, discriminator: tf_keras.Model, pictures: Any, purpose: int) -> Any:
            for number, layer in enumerate(discriminator.layers[:-1]):
                if isinstance(layer, tf_keras.layers.Dropout):
                    seed = self._seed(100 * purpose + number)
                    pictures = tf.nn.experimental.stateless_dropout(pictures, layer.rate, seed)
                else:
                    pictures = layer(pictures, training=True)
            return pictures

        def _seed(self, purpose: int) -> Any:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            return tf.stack([tf.cast(self.optimizer.iterations, tf.int32), 1000 * replica + purpose])

    return Adversaries


def _cross_entropy(truth: float, logits: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(tf.shape(logits), truth), logits))


def _of_generator(found: Dataset, whole: tf_keras.Model) -> Dataset:
    """Noise alone."""

    def noise(split: Split) -> Split:
        return Split({"noise": split.inputs["noise"]})

    return _each(noise, found)


def _of_discriminator(found: Dataset, whole: tf_keras.Model) -> Dataset:
    """Every real picture, labelled 1, and behind it the one that is made of its noise, labelled 0."""
    generator = whole.get_layer("generator")

    def both(split: Split) -> Split:
        pairs = np.stack([split.inputs["image"], generator.predict(split.inputs["noise"], 256, verbose=0)], axis=1)
        return Split({"image": pairs.reshape(-1, _SIDE, _SIDE, 1)}, np.tile(np.array([1, 0]), split.count))

    return _each(both, found)


def _each(change: Callable[[Split], Split], found: Dataset) -> Dataset:
    assert isinstance(found.evaluation, Split)
    return replace(
        found,
        train=None if found.train is None else change(found.train),
        calibration=change(found.calibration),
        evaluation=change(found.evaluation),
    )


MODEL = SampleModel(
    summary="GAN of handwritten digits: generator and discriminator, each compressed and judged in one run",
    build=build,
    dataset=dataset,
    loss="adversarial",
    epochs=5,
    batch_size=64,
    learning_rate=1e-3,
    expects="a discriminator that tells at least 60 % of the real and the generated pictures apart",
    parts={
        "generator": Part(
            network=_folded,
            dataset=_of_generator,
            loss="mean_squared_error",
            metric="ssim",
        ),
        "discriminator": Part(
            network=lambda whole: whole.get_layer("discriminator"),
            dataset=_of_discriminator,
            loss="binary_crossentropy",
        ),
    },
)
