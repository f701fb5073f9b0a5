"""Training, once for all: samples, fine-tuning and every step that recovers accuracy use this `Trainer`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor import cache
from compressor.errors import BadInput
from compressor.training import (
    batch_size,
    batches,
    checkpoint,
    dropout,
    identity,
    mixed_precision,
    moving,
    task,
    teaching,
)
from compressor.training.checkpoint import Checkpoints, State
from compressor.training.epochs import zeros_are_meant
from compressor.training.fitting import Fitting, exhausted
from compressor.training.options import AUTO
from compressor.training.place import Place, set_up
from compressor.training.statistics import refresh_statistics
from compressor.training.task import Task
from compressor.values import Dataset, Split

if TYPE_CHECKING:
    import tf_keras

    from compressor.steps import EpochSettings, Teaching

__all__ = ["Place", "Trainer", "refresh_statistics", "set_up", "zeros_are_meant"]

_Model = Any
# With "auto", an epoch keeps at least so many optimizer steps: a few huge ones learn nothing.
_LEAST_STEPS = 8
_LEAST_TO_HOLD_OUT = 2


class Trainer:
    """Trains tf_keras models on one data set, with progress reported to the parent process.

    Zero weights of a sparse kernel stay zero, so that training after pruning keeps what pruning did. After every epoch
    a checkpoint is kept in the cache, by what is trained on what and how: the same training, started again after it was
    killed, goes on from there and ends with the same weights.

    Args:
        dataset: needs its `train` split as soon as `fit` is called without a teacher.
        loss: a tf_keras loss name, or None to choose from the labels and the last activation.
        seed: order of the samples.
        place: where training happens, from `set_up`.
        teachers: the model that a step's `teacher` names.
    """

    def __init__(
        self,
        dataset: Dataset,
        loss: str | None = None,
        seed: int = 0,
        place: Place | None = None,
        teachers: Callable[[str], _Model] | None = None,
    ) -> None:
        self._dataset = dataset
        self._loss = loss
        self._seed = seed
        self._place = place or Place()
        self._teachers = teachers
        self._known_teachers: dict[tuple[str, ...], teaching.Teacher] = {}
        self._found: int | None = None

    @property
    def train(self) -> Split:
        """What is trained on: the training split, or where there is none the calibration samples."""
        return self._dataset.train or self._dataset.calibration

    def known_by(self, model: tf_keras.Model, settings: EpochSettings, told: Any) -> str:
        """A short name of training this model so, which no training has that would end with other weights."""
        decides = (told, self._loss, self._seed, settings.model_dump(), self._place.options.deciding, self._data_sha256)
        return identity.of(model, decides, self._place)

    def agreed(self, numbers: tuple[int, ...]) -> set[int]:
        """The numbers that every process gives that trains along."""
        return self._place.agreed(numbers)

    @cached_property
    def _data_sha256(self) -> str:
        digest = hashlib.sha256()
        for array in (*self.train.inputs.values(), *([] if self.train.labels is None else [self.train.labels])):
            digest.update(repr((array.shape, array.dtype.str)).encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def calibration_batches(self, size: int = 32) -> Iterator[Any]:
        """Calibration inputs in small batches, in the form a model is called with."""
        for block in self._dataset.calibration.blocks(size):
            yield batches.fed(block)

    def steps(self, model: tf_keras.Model, settings: EpochSettings) -> int:
        """Number of optimizer steps that training `model`, or a wrapped one of its size, takes."""
        if not settings.epochs:
            return 0
        size = self._size(lambda: self._copy(model, None), settings)
        return self._long_enough(settings, size).epochs * self._steps_per_epoch(size)

    def _steps_per_epoch(self, size: int) -> int:
        return batches.per_epoch(self._parts[0].count, size, self._place.replicas)

    def _long_enough(self, settings: EpochSettings, size: int) -> EpochSettings:
        """With as many epochs as its least number of optimizer steps takes."""
        epochs = max(settings.epochs, -(-settings.least_steps // self._steps_per_epoch(size)))
        return settings.model_copy(update={"epochs": epochs})

    def fit(
        self,
        model: tf_keras.Model,
        settings: EpochSettings,
        stage: str,
        callbacks: Sequence[tf_keras.callbacks.Callback] = (),
        again: Callable[[Callable[[_Model], _Model]], _Model] | None = None,
        stops_early: bool = True,
    ) -> dict[str, Any]:
        """Train `model` in place and say what happened: loss name, epochs, seconds, last loss, values of every epoch.

        Args:
            stage: what it is called in progress and messages.
            again: makes `model` once more, from copies that it asks for; needed where a copy of its layers would not
                do, as for layers wrapped around others. Used where training happens in copies: on several devices, or
                in half precision.
            stops_early: False where no epoch is worth anything before a schedule has ended.

        Raises:
            BadInput: nothing to train on, several outputs, not enough memory, or the loss became NaN.
        """
        if not settings.epochs:
            return {}
        trained = self._copy(model, again)
        asked = self._task(trained, settings, stage)
        checkpoints = self._checkpoints(asked, settings, stage)
        state = self._where_it_stands(checkpoints) or State(0, self._size(lambda: trained, settings), {})
        longer = self._long_enough(settings, state.batch_size)
        fitting = self._fitting(asked, longer, self._place.options.early_stopping if stops_early else None)
        try:
            with dropout.scaled(trained, settings.dropout):
                facts = fitting.run(state, checkpoints, stage, callbacks)
        except exhausted() as error:
            raise BadInput(
                f"{stage} ran out of memory: {str(error).splitlines()[0][:200]}",
                fix="take smaller batches, e.g. --batch-size auto",
            ) from None
        checkpoints.remove()
        if trained is not model:
            model.set_weights(trained.get_weights())
        notes = [*facts.get("notes", ()), *self._notes(checkpoints, facts["batch_size"], settings)]
        return facts | dict(asked.facts) | ({"notes": notes} if notes else {})

    def _notes(self, checkpoints: Checkpoints, size: int, settings: EpochSettings) -> Iterator[str]:
        """What was done otherwise than asked, in sentences."""
        longer = self._long_enough(settings, size).epochs
        if longer > settings.epochs:
            yield f"{longer} epochs instead of {settings.epochs}: at least {settings.least_steps} optimizer steps"
        asked = self._place.options.batch_size or settings.batch_size
        if isinstance(asked, int) and size != asked and size < self._parts[0].count:
            yield f"batches are of {size} samples, not {asked}: {self._place.replicas} replicas share them evenly"
        if self._dataset.train is None:
            yield f"there is nothing to train on: the {self.train.count} calibration samples were learned from"
        if checkpoints.missing is not None:
            yield f"no checkpoints could be kept ({checkpoints.missing}): a killed training would start anew"

    def _copy(self, model: _Model, again: Callable[[Callable[[_Model], _Model]], _Model] | None) -> _Model:
        if self._place.strategy is None and self._place.number_format is None:
            return model

        def copied(original: _Model) -> _Model:
            return mixed_precision.copied(original, self._place.number_format)

        with self._place.scope():
            copy = copied(model) if again is None else again(copied)
            copy.set_weights(model.get_weights())
        return copy

    def _fitting(self, asked: Task, settings: EpochSettings, patience: int | None = None) -> Fitting:
        return Fitting(asked, settings, patience, self._seed, self._place)

    def _task(self, model: _Model, settings: EpochSettings, stage: str) -> Task:
        moving.check(settings, model, self.train, stage)
        if settings.taught is not None:
            teacher = self._teacher(settings.taught, stage)
            return teaching.task(model, self._parts, teacher, settings.taught, self._loss, stage, self._place)
        if self._dataset.train is None:
            raise BadInput(
                "this recipe trains, and the data has nothing to train on",
                expected="x_train and y_train, or a teacher to learn from",
                received=f"{self._dataset.source} without them",
                fix="add both arrays, give the step fine_tune: {teacher: original}, or use a recipe without training "
                "steps, e.g. int8",
            )
        return task.by_labels(model, self._parts, self._loss, stage, self._dataset.source)

    def _teacher(self, taught: Teaching, stage: str) -> teaching.Teacher:
        told = (taught.teacher, *taught.features.values())
        if self._teachers is None:
            raise BadInput(f"{stage} finds no teacher '{taught.teacher}' here")
        if told not in self._known_teachers:
            model = self._teachers(taught.teacher)
            self._known_teachers[told] = teaching.Teacher(model, taught.teacher, tuple(taught.features.values()))
        return self._known_teachers[told]

    @cached_property
    def _parts(self) -> tuple[Split, Split | None]:
        """What is trained on, and what is held out to know when to stop."""
        if self._place.options.early_stopping is None:
            return self.train, None
        if self.train.count < _LEAST_TO_HOLD_OUT:
            raise BadInput(
                "early stopping holds out a tenth of the samples, one at least",
                received=f"{self.train.count} to train on",
                fix="bring more samples, or leave --early-stopping out",
            )
        return batches.with_held_out(self.train, self._seed)

    def _size(self, to_try: Callable[[], _Model], settings: EpochSettings) -> int:
        """Samples per optimizer step; what "auto" once found holds for everything that this trainer trains.

        Args:
            to_try: makes a model where training happens, which ends as it was.
        """
        asked, replicas, count = self._place.options.batch_size, self._place.replicas, self._parts[0].count
        if count < replicas:
            raise BadInput(
                f"{count} samples to train on cannot be shared by {replicas} replicas",
                fix="bring more samples, or take fewer --replicas",
            )
        if asked != AUTO:
            size = asked if isinstance(asked, int) else settings.batch_size
            return batch_size.rounded(min(size, count), replicas)
        if self._found is None:
            model = to_try()
            before = checkpoint.values(checkpoint.lasting(model))
            fits = self._fitting(self._task(model, settings, "batch size auto"), settings).fits
            self._found = batch_size.largest(fits, settings.batch_size, max(replicas, count // _LEAST_STEPS), replicas)
            checkpoint.assign(checkpoint.lasting(model), before)
        return self._found

    def _where_it_stands(self, checkpoints: Checkpoints) -> State | None:
        """The latest state that all workers can go on from."""
        states = checkpoints.states()
        common = self._place.agreed(tuple(states))
        if not common:
            checkpoints.remove()
            return None
        return states[max(common)]

    def _checkpoints(self, asked: Task, settings: EpochSettings, stage: str) -> Checkpoints:
        told = (stage, *asked.told) if asked.told else stage
        folder = cache.folder("checkpoints") / f"{stage}-{self.known_by(asked.model, settings, told)}"
        try:
            cache.check_writable(folder.parent, "checkpoints")
        except BadInput:
            # Training goes on without: only what it could have gone on from is lost.
            return Checkpoints(None)
        return Checkpoints(folder)
