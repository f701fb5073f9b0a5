"""Steps: one Keras → Keras change per file, found by file name.

A step file defines `STEP`, a `Step`. Its `apply` takes the workpiece and returns a new one that is again a
plain model: no wrapper layer of any framework is left in it.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from compressor import registry
from compressor.errors import BadInput, unknown
from compressor.values import Array, Precision

if TYPE_CHECKING:
    import tf_keras

    from compressor.training import Trainer


class StepSettings(BaseModel):
    """What every step's settings share: a typo is an error, and so is a value of the wrong type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @property
    def undoes(self) -> tuple[str, ...]:
        """Names of earlier steps whose effect these settings would destroy, beside those that the step always does."""
        return ()


class Teaching(StepSettings):
    """How a model learns from another one's answers: by `weight` from them, by the rest from the labels.

    `teacher` is `original`, the model as it entered the first step, or the path of a model file. `features` says which
    layer is to answer like which one of the teacher's.
    """

    teacher: str = Field(min_length=1)
    temperature: float = Field(4.0, gt=0, le=1000)
    weight: float = Field(0.9, ge=0, le=1)
    features: dict[str, str] = {}


class EpochSettings(StepSettings):
    """Settings of all that trains: learning rate decays to zero along a cosine over the epochs.

    Where samples are few, there are more epochs than asked for, until `least_steps` optimizer steps are taken: a
    network recovers by steps, not by epochs. With `shift`, images are moved by up to so many pixels along rows and
    columns, anew in every epoch. `dropout` is the share of the model's dropout that stays on.
    """

    epochs: int = Field(2, ge=1, le=10_000)
    learning_rate: float = Field(1e-4, gt=0, le=1)
    batch_size: int = Field(64, ge=1)
    least_steps: int = Field(0, ge=0, le=10_000_000)
    shift: int = Field(0, ge=0, le=64)
    dropout: float = Field(1.0, ge=0, le=1)

    @property
    def taught(self) -> Teaching | None:
        """How it learns from a teacher; None from labels alone."""
        return None


class TrainingSettings(EpochSettings):
    """Settings of a step that trains, from the labels or as `fine_tune` says from a teacher."""

    fine_tune: Teaching | None = None

    @property
    def taught(self) -> Teaching | None:
        """How it learns from a teacher; None from labels alone."""
        return self.fine_tune


class LayerSettings(TrainingSettings):
    """Settings of a step that works layer by layer; patterns are as in a shell, e.g. `conv_*`."""

    layers: list[str] = ["*"]
    skip: list[str] = []


@dataclass(frozen=True, slots=True)
class Workpiece:
    """The model as it stands between two steps.

    `simulated` is the model with quantization simulated, once a step has trained it so.
    `facts` are what the steps did, for the report: one dictionary per step.
    `precision` is what the file is written in.
    """

    model: tf_keras.Model
    simulated: tf_keras.Model | None = None
    facts: tuple[dict[str, Any], ...] = ()
    precision: Precision = Precision.FLOAT32


@dataclass(frozen=True, slots=True)
class Step:
    """One Keras → Keras change.

    Attributes:
        trains: needs x_train and y_train, unless its settings say no epochs, or a teacher.
        precisions: the precisions it makes sense with; empty means all.
        undoes: names of earlier steps whose effect it would destroy.
        last: no step may follow it.
    """

    summary: str
    settings: type[StepSettings]
    apply: Callable[[Workpiece, Any, Trainer], Workpiece]
    trains: bool = True
    precisions: tuple[Precision, ...] = ()
    undoes: tuple[str, ...] = ()
    last: bool = False


def names() -> tuple[str, ...]:
    """Names of all steps."""
    return registry.names(__name__)


def load(name: str) -> Step:
    """The step of that name."""
    return cast(Step, registry.load(__name__, name, "STEP", "step"))


def chosen_layers(step: str, model: tf_keras.Model, settings: LayerSettings) -> set[str]:
    """Names of the layers that `layers` selects and `skip` leaves.

    Raises:
        BadInput: a pattern matches no layer of the model.
    """
    known = [layer.name for layer in model.layers]
    for pattern in (*settings.layers, *settings.skip):
        if not fnmatch.filter(known, pattern):
            raise unknown(f"layer of this model ({step})", pattern, known)
    return _matching(known, settings.layers) - _matching(known, settings.skip)


def kernel(layer: tf_keras.layers.Layer) -> Array:
    """The weight that steps work on: of a separable convolution its pointwise kernel, else the layer's largest."""
    if hasattr(layer, "pointwise_kernel"):
        return cast(Array, layer.pointwise_kernel.numpy())
    return max((weight.numpy() for weight in layer.weights), key=np.size)


def weights_at_stake(layer: tf_keras.layers.Layer) -> list[Any]:
    """The trainable weights, and all of a model inside the model.

    A frozen backbone that was left out without a word would leave most of a network as it is.
    """
    return list(layer.weights if hasattr(layer, "layers") else layer.trainable_weights)


def _matching(names: Sequence[str], patterns: Iterable[str]) -> set[str]:
    return {name for pattern in patterns for name in fnmatch.filter(names, pattern)}


def refuse(step: str, layers: Sequence[tf_keras.layers.Layer], reason: str, fix: str = "") -> BadInput:
    """The error for layers that a step cannot work on; without a `fix` it is to skip them."""
    told = ", ".join(f"'{layer.name}' ({type(layer).__name__})" for layer in layers)
    skip = ", ".join(layer.name for layer in layers)
    return BadInput(
        f"{step} cannot work on layer{'s' * (len(layers) > 1)} {told}: {reason}",
        fix=fix or f"leave them out with the step's setting skip: [{skip}]",
    )
