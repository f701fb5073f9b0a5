"""Metrics beside the implementations that everyone compares with."""

from __future__ import annotations

import numpy as np
import pytest

from compressor import metrics

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module", params=[(32, 24, 3), (11, 17, 1), (64, 64, 1)], ids=str)
def images(request):
    """Smooth images in 0..1, and the same with noise."""
    rng = np.random.default_rng(0)
    waves = np.sin(np.linspace(0, 9, int(np.prod(request.param))).reshape(request.param))
    labels = np.clip(0.5 + 0.5 * waves * rng.uniform(0.5, 1, (20, 1, 1, 1)), 0, 1).astype(np.float32)
    return labels, np.clip(labels + rng.normal(0, 0.1, labels.shape), 0, 1).astype(np.float32)


@pytest.mark.parametrize("peak", [1, 255])
def test_ssim_is_tensorflows(images, peak):
    import tensorflow as tf

    labels, outputs = (array * peak for array in images)
    theirs = float(tf.reduce_mean(tf.image.ssim(labels, outputs, max_val=peak)))
    assert theirs < 0.95
    assert metrics.load("ssim").value(labels, outputs) == pytest.approx(theirs, abs=1e-4)


@pytest.mark.parametrize("peak", [1, 255])
def test_psnr_is_tensorflows(images, peak):
    import tensorflow as tf

    labels, outputs = (array * peak for array in images)
    theirs = float(tf.reduce_mean(tf.image.psnr(labels, outputs, max_val=peak)))
    assert metrics.load("psnr").value(labels, outputs) == pytest.approx(theirs, abs=1e-3)


def test_top_5_is_kerass():
    import tf_keras

    rng = np.random.default_rng(0)
    outputs, labels = rng.random((300, 20)).astype(np.float32), rng.integers(0, 20, 300)
    theirs = float(np.mean(tf_keras.metrics.sparse_top_k_categorical_accuracy(labels, outputs, k=5)))
    assert metrics.load("top_5_accuracy").value(labels, outputs) == pytest.approx(theirs)


def test_perplexity_is_exp_of_kerass_loss():
    import tf_keras

    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(40, 7, 9)).astype(np.float32), rng.integers(0, 9, (40, 7))
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert metrics.load("perplexity").value(labels, logits) == pytest.approx(np.exp(float(loss(labels, logits))))


def test_roc_auc_and_r2_are_scikit_learns():
    from sklearn.metrics import r2_score, roc_auc_score

    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 200), rng.integers(0, 30, 200) / 30
    assert metrics.load("roc_auc").value(labels, scores[:, None]) == pytest.approx(roc_auc_score(labels, scores))
    classes, raw = rng.integers(0, 4, 200), rng.random((200, 4))
    shares = raw / raw.sum(1, keepdims=True)
    theirs = roc_auc_score(classes, shares, multi_class="ovr", average="macro")
    assert metrics.load("roc_auc").value(classes, shares) == pytest.approx(theirs)
    values = rng.normal(size=(50, 3))
    outputs = values + rng.normal(size=values.shape) * [0.1, 1, 3]
    assert metrics.load("r2").value(values, outputs) == pytest.approx(r2_score(values, outputs))
