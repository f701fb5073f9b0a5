"""Which arrays are which set: the one layout that `.npz` files and functions of users share.

`x_evaluation, y_evaluation` (or `x_test, y_test`), `x_calibration, y_calibration`, `x_train, y_train`; several inputs
as `x_<set>_<input name>`. Or `x, y` (`x_<input name>`), which are split here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.data.columns import Column, Part
from compressor.data.parts import shuffled
from compressor.data.preparation import Preparation
from compressor.data.spec import DataSpec
from compressor.data.split import MAX_CALIBRATION, chosen_rows, class_numbers, content_hashes, evaluation_rows
from compressor.errors import BadInput
from compressor.values import Array, Dataset

_SETS = {"evaluation": ("evaluation", "test"), "calibration": ("calibration",), "train": ("train",)}
_EXPECTED = "x_evaluation, y_evaluation and x_calibration or x_train, y_train; or x, y, which are split here"


class Layout:
    """Named arrays, told apart by their names.

    Args:
        told: what holds them, for messages.
        preparation: what is still to be done to all samples.

    Raises:
        BadInput: `x` stands beside sets that are split already.
    """

    def __init__(self, told: str, columns: Mapping[str, Column], preparation: Preparation | None = None) -> None:
        self.told = told
        self._columns = columns
        self._preparation = preparation
        self.split_already = any(self._inputs(word) for words in _SETS.values() for word in words)
        if self.split_already and "x" in columns:
            raise BadInput(f"{told} holds x beside sets that are split already", received=self._received())

    def has(self, name: str) -> bool:
        """True when there are inputs for that set ("train", "calibration", "evaluation")."""
        return self._word(name) is not None

    def has_labels(self, name: str) -> bool:
        """True when there are labels for that set, or for all samples where they are not split."""
        word = self._word(name)
        return f"y_{word}" in self._columns if self.split_already else "y" in self._columns

    def part(self, name: str) -> Part:
        """The columns of one set, or with "" of all samples that are not split.

        Raises:
            BadInput: the set is not there, is empty, or its arrays differ in length.
        """
        word = self._word(name) if name else ""
        inputs = self._plain_inputs() if not name else self._inputs(word or name)
        if not inputs:
            raise BadInput(
                f"{self.told} has no {f'x_{name}' if name else 'x'}", expected=_EXPECTED, received=self._received()
            )
        suffix = f"_{word}" if name else ""
        labels = self._columns.get(f"y{suffix}")
        named = {f"x{suffix}_{key}" if key else f"x{suffix}": column for key, column in inputs.items()}
        named |= {} if labels is None else {f"y{suffix}": labels}
        return Part(inputs, labels, self._count(name, named), self._preparation)

    def look(self, trains: bool) -> None:
        """See that all sets are there that a run needs, without reading a value.

        Raises:
            BadInput: one is missing, empty or of uneven length.
        """
        if not self.split_already:
            self.part("")
        else:
            self.part("evaluation")
            self.part("calibration" if self.has("calibration") or not self.has("train") else "train")
        if trains:
            self.check_trainable()

    def check_trainable(self) -> None:
        """See that there is something to train on.

        Raises:
            BadInput: there are no training samples, or no labels for them.
        """
        if (self.split_already and not self.has("train")) or not self.has_labels("train"):
            raise BadInput(
                f"{self.told} has nothing to train on",
                expected="x_train and y_train, or x and y",
                received=self._received(),
                fix="add both arrays, or use a recipe without training steps, e.g. int8",
            )
        if self.split_already:
            self.part("train")

    def dataset(self, name: str, spec: DataSpec, trains: bool, only_evaluation: bool) -> Dataset:
        """The data set: evaluation as a stream, calibration (at most `MAX_CALIBRATION` samples) and training in memory.

        Raises:
            BadInput: see `look`; also when there are too few samples to split.
        """
        if only_evaluation:
            part = self.part("evaluation" if self.split_already else "")
            return Dataset(name, spec.source, next(part.blocks(1)), part.stream(), classes=_classes(spec))
        self.look(trains)
        return self._as_split(name, spec, trains) if self.split_already else self._split_here(name, spec, trains)

    def _as_split(self, name: str, spec: DataSpec, trains: bool) -> Dataset:
        given = self.has("calibration")
        source = self.part("calibration" if given else "train")
        rows = np.unique(np.linspace(0, source.count - 1, min(source.count, MAX_CALIBRATION)).astype(np.intp))
        notes = () if given else (f"calibrated on {len(rows)} of {source.count} training samples",)
        if given and len(rows) < source.count:
            notes = (f"calibrated on {len(rows)} of {source.count} calibration samples, spread over all",)
        return Dataset(
            name,
            spec.source,
            calibration=source.pick(rows),
            evaluation=self.part("evaluation").stream(),
            train=self.part("train").whole() if trains else None,
            classes=_classes(spec),
            notes=notes,
        )

    def _split_here(self, name: str, spec: DataSpec, trains: bool) -> Dataset:
        part = self.part("")
        hashes: list[bytes] = []
        for block in part.blocks():
            hashes += content_hashes(block)
        labels = _few_labels(part.labels)
        evaluates = evaluation_rows(hashes, labels, spec.evaluation_share)
        others = np.flatnonzero(~evaluates)
        chosen = chosen_rows(
            [hashes[row] for row in others], None if labels is None else labels[others], MAX_CALIBRATION
        )
        calibrates = others[chosen] if chosen.any() else others[:MAX_CALIBRATION]
        return Dataset(
            name,
            spec.source,
            calibration=part.pick(calibrates),
            evaluation=part.stream(evaluates),
            train=part.pick(others).rows(shuffled(np.arange(len(others)))) if trains else None,
            classes=_classes(spec),
            split_here=True,
            notes=(_who_is_where(int(evaluates.sum()), len(calibrates), len(others), trains),),
        )

    def _word(self, name: str) -> str | None:
        return next((word for word in _SETS[name] if self._inputs(word)), None)

    def _inputs(self, word: str) -> dict[str, Column]:
        single = f"x_{word}"
        if single in self._columns:
            return {"": self._columns[single]}
        return {
            name.removeprefix(f"{single}_"): column
            for name, column in self._columns.items()
            if name.startswith(f"{single}_")
        }

    def _plain_inputs(self) -> dict[str, Column]:
        if "x" in self._columns:
            return {"": self._columns["x"]}
        return {name.removeprefix("x_"): column for name, column in self._columns.items() if name.startswith("x_")}

    def _count(self, name: str, named: Mapping[str, Column]) -> int:
        what = f"the {name} set" if name else "the data"
        lengths = {key: column.shape[:1] for key, column in named.items()}
        if len(set(lengths.values())) > 1 or () in lengths.values():
            told = ", ".join(f"{key}: {size[0] if size else 'a single number'}" for key, size in lengths.items())
            raise BadInput(f"the arrays of {what} in {self.told} differ in length", received=told)
        count = next(iter(lengths.values()))[0]
        if count == 0:
            raise BadInput(f"{what} in {self.told} is empty", expected="at least one sample")
        return count

    def _received(self) -> str:
        return ", ".join(self._columns) or "no arrays"


def _classes(spec: DataSpec) -> tuple[str, ...]:
    return tuple(spec.classes or ())


def _few_labels(labels: Column | None) -> Array | None:
    """Labels in memory when there is one number per sample: masks are large, and nothing is split by them."""
    if labels is None or any(size != 1 for size in labels.shape[1:]):
        return None
    every: NDArray[Any] = labels.pick(np.arange(labels.shape[0]))
    return class_numbers(every)


def _who_is_where(evaluates: int, calibrates: int, others: int, trains: bool) -> str:
    does = "calibrate and train" if trains else "calibrate"
    rest = f"{others} {does}" if calibrates == others else f"{calibrates} of the other {others} calibrate"
    rest += ", all of them train" if trains and calibrates < others else ""
    return f"{evaluates} of {evaluates + others} samples evaluate, {rest}: split by content hash"
