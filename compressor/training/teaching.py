"""Learning from a teacher: its answers are asked for once, and stand beside the labels in what is trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.errors import BadInput, unknown
from compressor.keras_graph import flat, nodes
from compressor.training import losses, soft_losses
from compressor.training.batches import Samples, fed
from compressor.training.soft_losses import Answered
from compressor.training.task import Task, trains_itself
from compressor.values import Array, Split

if TYPE_CHECKING:
    import tf_keras

    from compressor.steps import Teaching
    from compressor.training.place import Place

_BATCH = 256
_MOST_BYTES = 8 * 2**30
_EITHER = ("softmax", "sigmoid")


@dataclass(frozen=True, slots=True)
class Kinds:
    """What a student's outputs answer, and the loss by labels, None where labels do not count."""

    outputs: tuple[str, ...]
    by_label: str | None


class Teacher:
    """A model that others learn from.

    Args:
        model: answers; it is not changed.
        name: in messages.
        features: names of the layers whose answers are taught too.
    """

    def __init__(self, model: tf_keras.Model, name: str, features: tuple[str, ...] = ()) -> None:
        self._model, self.name, self._features = model, name, features
        self._answered: dict[tuple[int, Kinds], list[Array]] = {}

    def answers(self, split: Split, kinds: Kinds) -> list[Array]:
        """Logits or values of each output, then the features that are asked for, of every sample.

        Args:
            split: is kept, and so are the answers: they are asked for once.

        Raises:
            BadInput: the samples do not fit the teacher, or its features do not fit memory.
        """
        asked = (id(split), kinds)
        if asked not in self._answered:
            self._answered[asked] = self._answers(split, kinds)
        return self._answered[asked]

    def _answers(self, split: Split, kinds: Kinds) -> list[Array]:
        import tensorflow as tf

        asked, shapes = self._asked, [each.shape[1:] for each in split.inputs.values()]
        wanted = [tuple(each.shape[1:]) for each in asked.inputs]
        if len(wanted) != len(shapes) or not all(map(_fits, shapes, wanted)):
            raise BadInput(f"the teacher {self.name} takes other inputs", expected=str(shapes), received=str(wanted))
        activations = [losses.last_activation(self._model, at) for at in range(len(kinds.outputs))]

        def answer(inputs: Any) -> list[Any]:
            made = tf.nest.flatten(asked(inputs, training=False))
            told = [soft_losses.logits(*each) for each in zip(made, kinds.outputs, activations, strict=False)]
            return [tf.cast(each, tf.float32) for each in (*told, *made[len(told) :])]

        return _of_all(tf.function(answer, reduce_retracing=True), split)

    def feature(self, name: str) -> tuple[int | None, ...]:
        """The shape of a layer's answers."""
        return tuple(_answer(self._model, name, f"teacher {self.name}").shape)

    @cached_property
    def _asked(self) -> tf_keras.Model:
        import tf_keras

        made = [_answer(self._model, name, f"teacher {self.name}") for name in self._features]
        return tf_keras.Model(self._model.inputs, [*self._model.outputs, *made])

    def check(self, student: tf_keras.Model, kinds: Kinds) -> None:
        """See that a student can learn from it.

        Raises:
            BadInput: it answers in other shapes, or otherwise than the student.
        """
        shapes = [[tuple(each.shape) for each in model.outputs] for model in (student, self._model)]
        if shapes[0] != shapes[1]:
            raise BadInput(
                f"the teacher {self.name} answers in other shapes than the model",
                expected=str(shapes[0]),
                received=str(shapes[1]),
            )
        for at, kind in enumerate(kinds.outputs):
            activation = losses.last_activation(self._model, at)
            if kind in _EITHER and activation in _EITHER and activation != kind:
                raise BadInput(
                    f"the teacher {self.name} answers otherwise than the model",
                    expected=kind,
                    received=activation,
                )


def _fits(shape: tuple[int, ...], wanted: Sequence[int | None]) -> bool:
    return len(shape) == len(wanted) and all(size in (None, found) for found, size in zip(shape, wanted, strict=True))


def _of_all(answer: Callable[[Any], list[Any]], split: Split) -> list[Array]:
    found: list[Array] = []
    for start in range(0, split.count, _BATCH):
        made = [each.numpy() for each in answer(fed(split.rows(slice(start, start + _BATCH))))]
        if not found:
            needed = sum(each[0].nbytes for each in made) * split.count
            if needed > _MOST_BYTES:
                raise BadInput(
                    f"what the teacher answers takes {needed / 2**30:.0f} GiB",
                    expected=f"at most {_MOST_BYTES / 2**30:.0f} GiB",
                    fix="match features of smaller layers, or train on fewer samples",
                )
            found = [np.empty((split.count, *each.shape[1:]), np.float32) for each in made]
        for whole, part in zip(found, made, strict=True):
            whole[start : start + len(part)] = part
    return found


def task(
    model: tf_keras.Model,
    parts: tuple[Split, Split | None],
    teacher: Teacher,
    taught: Teaching,
    loss: str | None,
    stage: str,
    place: Place,
) -> Task:
    """Learning from a teacher, and from labels as far as there are any.

    Args:
        parts: what is trained on, and what is held out.
        loss: a tf_keras loss name for the labels, None to choose.

    Raises:
        BadInput: teacher and student do not fit each other, or a model that trains itself.
    """
    if trains_itself(model):
        raise BadInput(f"{stage} cannot teach this model: its class brings a training step of its own")
    if any(len(each.shape) < 2 or each.shape[-1] is None for each in model.outputs):
        raise BadInput(
            f"{stage} cannot teach this model: an output has no last axis of a known size",
            received=", ".join(str(tuple(each.shape)) for each in model.outputs),
            fix="end the model with its last Dense layer, without a squeeze, or train it without a teacher",
        )
    kinds = _kinds(model, parts[0].labels, loss)
    teacher.check(model, kinds)
    student = _with_features(model, teacher, taught, place)
    samples = _packed(parts[0], teacher.answers(parts[0], kinds), kinds)
    held_out = None if parts[1] is None else _packed(parts[1], teacher.answers(parts[1], kinds), kinds)
    spreads = [float(each.var()) for each in samples.targets[len(kinds.outputs) :]]

    def compiled() -> dict[str, Any]:
        outputs = [_answered(model, at, kinds, taught) for at in range(len(kinds.outputs))]
        found = [*(each.loss for each in outputs), *map(soft_losses.of_features, spreads)]
        metrics = [[each.metric()] for each in outputs] + [[] for _ in spreads]
        if len(found) == 1:
            return {"loss": found[0], "metrics": metrics[0]}
        return {
            "loss": found,
            "metrics": metrics,
            "loss_weights": [1.0] * len(outputs) + [taught.weight] * len(spreads),
        }

    with_labels = kinds.by_label is not None and taught.weight < 1
    told = f"the teacher's answers and {kinds.by_label}" if with_labels else "the teacher's answers"
    return Task(student, told, samples, held_out, compiled, (_digest(samples),), (("teacher", teacher.name),))


def _kinds(model: tf_keras.Model, labels: Array | None, loss: str | None) -> Kinds:
    single = len(model.outputs) == 1
    by_label = None if labels is None or not single else loss or losses.choose_loss(model, labels)
    told = by_label or (loss if single else None)
    return Kinds(tuple(soft_losses.kind(model, told, at) for at in range(len(model.outputs))), by_label)


def _answered(model: tf_keras.Model, at: int, kinds: Kinds, taught: Teaching) -> Answered:
    by_label = None
    if kinds.by_label is not None:
        found = losses.loss_object(kinds.by_label, model)
        by_label = getattr(found, "call", found)
    return Answered(
        kinds.outputs[at],
        losses.last_activation(model, at),
        int(model.outputs[at].shape[-1]),
        taught.temperature,
        taught.weight,
        by_label,
        sparse=(kinds.by_label or "").startswith("sparse"),
    )


def _packed(split: Split, answers: list[Array], kinds: Kinds) -> Samples:
    """What the teacher answers, with the labels behind it where they count."""
    targets = list(answers)
    if kinds.by_label is not None:
        assert split.labels is not None
        labels = split.labels.astype(np.float32)
        places = answers[0].shape[:-1]
        targets[0] = np.concatenate([answers[0], labels.reshape(*places, -1)], -1)
    return Samples(tuple(split.inputs.values()), tuple(targets))


def _with_features(model: tf_keras.Model, teacher: Teacher, taught: Teaching, place: Place) -> tf_keras.Model:
    """The same layers, with the features that are matched as further outputs.

    Where a layer makes another number of channels than the teacher's, a projection that learns along stands between.
    """
    import tf_keras

    if not taught.features:
        return model
    with place.scope():
        made = [_projected(model, teacher, own, other) for own, other in taught.features.items()]
        return tf_keras.Model(model.inputs, [*model.outputs, *made], name=model.name)


def _projected(model: tf_keras.Model, teacher: Teacher, own: str, other: str) -> Any:
    import tf_keras

    tensor, wanted = _answer(model, own, "model"), teacher.feature(other)
    if tuple(tensor.shape)[:-1] != wanted[:-1]:
        raise BadInput(
            f"the feature '{own}' cannot be matched with the teacher's '{other}': their places differ",
            expected=str(wanted),
            received=str(tuple(tensor.shape)),
        )
    if tensor.shape[-1] == wanted[-1]:
        return tensor
    return tf_keras.layers.Dense(wanted[-1], use_bias=False, name=f"{own}_projected")(tensor)


def _answer(model: tf_keras.Model, name: str, told: str) -> Any:
    """What a layer answers, the layer given by its name or by the name of the one that it is wrapped around."""
    by_name = {getattr(layer, "layer", layer).name: layer for layer in model.layers}
    by_name |= {layer.name: layer for layer in model.layers}
    if name not in by_name:
        raise unknown(f"layer of the {told}", name, list(by_name))
    made = [each.outputs for each in nodes(model) if each.layer is by_name[name]]
    if len(made) != 1 or len(flat(made[0])) != 1:
        what = "is called more than once" if len(made) > 1 else "answers with several tensors"
        raise BadInput(f"the layer '{name}' of the {told} {what}", fix="match another layer's answers (features)")
    return flat(made[0])[0]


def _digest(samples: Samples) -> str:
    digest = hashlib.sha256()
    for array in samples.targets:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
