"""Losses between a student's answers and its teacher's, which stand side by side with the labels in one target.

Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network" (arXiv:1503.02531): both answer softer at a higher
temperature T, and T² keeps the size of the slopes. Features: Romero et al., "FitNets" (arXiv:1412.6550).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compressor.training import losses

if TYPE_CHECKING:
    import tf_keras

# Keras's own smallest probability.
_LEAST = 1e-7
_SQUASHED = {"softmax": "Softmax", "sigmoid": "Sigmoid"}


def kind(model: tf_keras.Model, loss: str | None, output: int = 0) -> str:
    """What an output answers: "softmax" or "sigmoid" for one of several, or each for itself; else "values".

    Args:
        loss: a tf_keras loss name; a linear output is one of logits where it is a cross-entropy.
    """
    entropy = loss is not None and loss.endswith("crossentropy")
    if loss is not None and not entropy:
        return "values"
    activation = losses.last_activation(model, output)
    if activation in _SQUASHED or not entropy:
        return activation if activation in _SQUASHED else "values"
    return "sigmoid" if loss == "binary_crossentropy" else "softmax"


def logits(answers: Any, kind: str, activation: str) -> Any:
    """What stood before an output's softmax or sigmoid: read from the graph, or the logarithm of what is answered.

    Args:
        activation: of the output; another one than `kind` names leaves the answers as they are.
    """
    import tensorflow as tf

    if activation != kind or kind == "values":
        return answers
    operation = None if tf.executing_eagerly() else answers.op
    if operation is not None and operation.type == _SQUASHED[kind]:
        return operation.inputs[0]
    likely = tf.clip_by_value(answers, _LEAST, 1 - _LEAST)
    return tf.math.log(likely) - (tf.math.log(1 - likely) if kind == "sigmoid" else 0.0)


def softened(kind: str, temperature: float, teacher: Any, student: Any) -> Any:
    """T² · Kullback-Leibler divergence of softened answers, given as logits; of values the mean squared difference."""
    import tensorflow as tf

    if kind == "values":
        return tf.reduce_mean(tf.square(student - teacher), -1)
    soft, own = teacher / temperature, student / temperature
    if kind == "softmax":
        sure = tf.nn.log_softmax(soft)
        apart = tf.reduce_sum(tf.exp(sure) * (sure - tf.nn.log_softmax(own)), -1)
    else:
        likely = tf.sigmoid(soft)
        apart = tf.reduce_mean(_entropy(likely, own) - _entropy(likely, soft), -1)
    return temperature**2 * apart


def _entropy(likely: Any, found: Any) -> Any:
    import tensorflow as tf

    return tf.nn.sigmoid_cross_entropy_with_logits(labels=likely, logits=found)


@dataclass(frozen=True, slots=True)
class Answered:
    """One output of a student, and how it is judged by a target: the teacher's logits, then the label's numbers.

    Attributes:
        activation: of the student's output.
        units: how many numbers of the target are the teacher's.
        weight: of what the teacher says; the rest is the labels'.
        by_label: Keras's loss, a function of labels and answers; None without labels.
        sparse: labels are class numbers.
    """

    kind: str
    activation: str
    units: int
    temperature: float
    weight: float
    by_label: Callable[[Any, Any], Any] | None = None
    sparse: bool = False

    def loss(self, target: Any, answers: Any) -> Any:
        """One number per sample (and place), as Keras wants it."""
        teacher, label = self._parted(target)
        student = logits(answers, self.kind, self.activation)
        found = softened(self.kind, self.temperature, teacher, student)
        if self.by_label is None or self.weight == 1:
            return found
        return self.weight * found + (1 - self.weight) * self.by_label(label, answers)

    def metric(self) -> Any:
        """How often it is right, or answers as the teacher does, or how far off it is: what is told while training."""
        import tf_keras

        if self.kind == "values":
            name, told = "mean_absolute_error", self._mean_absolute_error
        elif self.by_label is None:
            name, told = "agreement", self._agreement
        else:
            name, told = "accuracy", self._accuracy
        return tf_keras.metrics.MeanMetricWrapper(told, name=name)

    def _parted(self, target: Any) -> tuple[Any, Any]:
        label = target[..., self.units :]
        return target[..., : self.units], label[..., 0] if self.sparse else label

    def _mean_absolute_error(self, target: Any, answers: Any) -> Any:
        import tensorflow as tf

        teacher, label = self._parted(target)
        return tf.reduce_mean(tf.abs(answers - (teacher if self.by_label is None else label)), -1)

    def _agreement(self, target: Any, answers: Any) -> Any:
        return self._same(logits(answers, self.kind, self.activation), self._parted(target)[0])

    def _accuracy(self, target: Any, answers: Any) -> Any:
        import tensorflow as tf

        label, student = self._parted(target)[1], logits(answers, self.kind, self.activation)
        if self.sparse:
            return tf.cast(tf.equal(tf.argmax(student, -1), tf.cast(label, tf.int64)), tf.float32)
        return self._same(student, label if self.kind == "softmax" else label - 0.5)

    def _same(self, one: Any, other: Any) -> Any:
        import tensorflow as tf

        if self.kind == "softmax":
            return tf.cast(tf.equal(tf.argmax(one, -1), tf.argmax(other, -1)), tf.float32)
        return tf.reduce_mean(tf.cast(tf.equal(one > 0, other > 0), tf.float32), -1)


def of_features(spread: float) -> Callable[[Any, Any], Any]:
    """Mean squared difference of features over the variance of the teacher's."""

    def loss(target: Any, made: Any) -> Any:
        import tensorflow as tf

        apart = tf.square(tf.cast(made, tf.float32) - target) / max(spread, 1e-12)
        return tf.reduce_mean(apart, axis=list(range(1, len(target.shape))))

    return loss
