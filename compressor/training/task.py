"""What a training is about: a model, what it minimizes, and on which samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compressor.errors import BadInput
from compressor.training import losses
from compressor.training.batches import Samples, labelled
from compressor.values import Split

if TYPE_CHECKING:
    import tf_keras

_ITS_OWN = "the model's own"


@dataclass(frozen=True, slots=True)
class Task:
    """What a training is about.

    Attributes:
        model: what is trained; may have more outputs than the one that is wanted, made by the same layers.
        loss: in words.
        samples: what is trained on.
        held_out: what tells when to stop, or None.
        compiled: what `Model.compile` gets besides the optimizer, made where training happens.
        told: what else decides the weights, for the name that training is known by.
        facts: how it learns, for the report.
    """

    model: tf_keras.Model
    loss: str
    samples: Samples
    held_out: Samples | None
    compiled: Callable[[], dict[str, Any]] = dict
    told: tuple[Any, ...] = ()
    facts: tuple[tuple[str, Any], ...] = ()


def by_labels(
    model: tf_keras.Model, parts: tuple[Split, Split | None], loss: str | None, stage: str, source: str
) -> Task:
    """Learning from labels, or as the model's own training step does.

    Args:
        parts: what is trained on, and what is held out.
        loss: a tf_keras loss name, None to choose by the labels.
        stage, source: what the training and its data are called in messages.

    Raises:
        BadInput: there are no labels, or several outputs.
    """
    samples, held_out = labelled(parts[0]), None if parts[1] is None else labelled(parts[1])
    if trains_itself(model):
        return Task(model, _ITS_OWN, samples, held_out)
    labels = parts[0].labels
    if labels is None:
        raise BadInput(f"{stage} needs labels to train", expected="y_train", received=source)
    if len(model.outputs) != 1:
        raise BadInput(f"{stage} trains models with one output", received=f"a model with {len(model.outputs)} outputs")
    chosen = loss or losses.choose_loss(model, labels)

    def compiled() -> dict[str, Any]:
        return {"loss": losses.loss_object(chosen, model), "metrics": [losses.told_metric(chosen)]}

    return Task(model, chosen, samples, held_out, compiled)


def trains_itself(model: tf_keras.Model) -> bool:
    """Whether a model's class brings its own training step."""
    import tf_keras

    return type(model).train_step is not tf_keras.Model.train_step
