"""Fit a data set to a model and leave it as `data.npz`, in one pass over the evaluation set, or refuse it clearly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import compress
from pathlib import Path

import numpy as np

from compressor.data import checks, lint
from compressor.data.columns import rows_per_block
from compressor.data.layout import Layout
from compressor.data.npz import PREPARATION, NpzFile
from compressor.data.npz_writer import NpzWriter
from compressor.data.observed import Observed
from compressor.data.overlap import Overlap, left_out
from compressor.data.preparation import Preparation
from compressor.data.spec import DataSpec
from compressor.data.split import content_hashes
from compressor.errors import BadInput
from compressor.files import whole_file
from compressor.values import Array, Dataset, Split, Stream, TensorSpec

# Two sets of one source never differ this much in root mean square; 0..255 against 0..1 does.
_SCALE_FACTOR = 10.0
# Blocks are copied to float64, the widest that is computed in.
_WIDEST = 8


@dataclass(frozen=True, slots=True)
class Fitted:
    """A data set whose samples go into the model as they are, and what is odd about it.

    Attributes:
        dataset: inputs named, ordered, typed and changed as the model wants them; evaluation is read from the file.
    """

    dataset: Dataset
    warnings: tuple[str, ...]


def fit(
    dataset: Dataset,
    spec: DataSpec,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    destination: Path,
) -> Fitted:
    """Fit a data set to a model, and leave its evaluation and calibration samples in `destination`.

    The file holds the samples as they came and, where the model is fed others, how they are prepared; whoever reads it
    with `NpzFile` and `Layout` gets them prepared.

    Raises:
        BadInput: a shape, dtype, value or label that cannot belong to this model, sets that share samples, or
            nothing to calibrate on.
    """
    model = _Model(inputs, outputs, Preparation(spec, {each.name: each.dtype for each in inputs}))
    model.preparation.check()
    calibration = _Passing("calibration", dataset.calibration, model)
    raw, hashes = calibration.whole()
    train = _Passing("train", dataset.train, model) if dataset.train is not None else None
    raw_train, train_hashes = train.whole() if train is not None else (None, [])
    evaluation = _Passing("evaluation", dataset.evaluation, model)
    overlap = Overlap(frozenset(hashes), frozenset(train_hashes))
    with whole_file(destination) as temporary, NpzWriter(temporary) as archive:
        passing = overlap.watched(evaluation.blocks())
        archive.write_blocks(dataset.evaluation.count, (_members("evaluation", block) for block in passing))
        _check_scales(evaluation, *filter(None, (calibration, train)))
        keep = np.array([each not in overlap.calibrating for each in hashes])
        notes = left_out(int((~keep).sum()), len(keep), dataset.split_here or spec.overlap == "drop")
        raw = raw if keep.all() else raw.rows(keep)
        archive.write(_members("calibration", raw) | model.told_preparation(evaluation, calibration))
    fitted = replace(
        dataset,
        calibration=model.preparation(raw),
        evaluation=_from_file(destination, model),
        train=None if raw_train is None else model.preparation(raw_train),
        notes=(*dataset.notes, *notes),
    )
    odd = lint.warnings(calibration.seen, evaluation.seen, list(compress(hashes, keep)))
    return Fitted(fitted, (*overlap.warning(), *odd))


@dataclass(frozen=True, slots=True)
class _Model:
    """What a data set is fitted to."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    preparation: Preparation

    def numbers_classes(self, labels: Array) -> bool:
        """True when fitted labels are class numbers of the first output; one unit tells 0 from 1."""
        shape = self.outputs[0].shape
        if shape[-1] == 1:
            return labels.dtype.kind in "iub" and set(np.unique(labels)) <= {0, 1}
        return labels.ndim == len(shape) - 1

    def told_preparation(self, *sets: _Passing) -> dict[str, Array]:
        """The member that says how the samples are prepared; none when the model is fed them as they are."""
        dtypes = self.preparation.dtypes
        same = all(each.dtypes == dtypes for each in sets)
        if same and not self.preparation.changes_values:
            return {}
        stored = {"": next(iter(dtypes.values()))} if len(dtypes) == 1 else dtypes
        return {PREPARATION: np.array(Preparation(self.preparation.spec, stored).to_json())}


@dataclass(slots=True)
class _Passing:
    """One set on its way, block by block: checked, and looked at."""

    name: str
    source: Split | Stream
    model: _Model
    seen: Observed = field(default_factory=Observed)
    dtypes: dict[str, str] = field(default_factory=dict)

    def blocks(self) -> Iterator[tuple[Split, list[bytes]]]:
        """Samples as they came, by the model's input names, and the hash of each in the model's dtypes.

        Raises:
            BadInput: they do not belong to the model.
        """
        if self.source.count == 0:
            raise BadInput(f"the {self.name} set is empty", expected="at least one sample")
        one = next(iter(self.source.blocks(1)))
        size = rows_per_block(sum(array[0].size * _WIDEST for array in one.inputs.values()))
        for block in self.source.blocks(size):
            yield self._checked(block)

    def whole(self) -> tuple[Split, list[bytes]]:
        """All samples of a set that is in memory: not copied, by the model's input names, and their hashes."""
        assert isinstance(self.source, Split)
        hashes = [each for _, found in self.blocks() for each in found]
        labels = self._labels(self.source.labels, f"y_{self.name}")
        return Split(checks.named(self.name, self.source, self.model.inputs), labels), hashes

    def _checked(self, block: Split) -> tuple[Split, list[bytes]]:
        start, end = self.seen.count, self.seen.count + block.count
        place = "" if block.count == self.source.count else f" (samples {start} to {end - 1})"
        arrays = checks.named(self.name, block, self.model.inputs)
        for spec in self.model.inputs:
            checks.check_array(f"x_{self.name}{place}", arrays[spec.name], spec)
        raw = Split(arrays, self._labels(block.labels, f"y_{self.name}{place}"))
        cast = self.model.preparation.cast(raw)
        checks.check_cast(f"x_{self.name}{place}", raw.inputs, cast.inputs)
        self.model.preparation.apply(cast)
        self.dtypes = self.dtypes or {name: array.dtype.name for name, array in arrays.items()}
        self.seen.add(cast, raw.labels is not None and self.model.numbers_classes(raw.labels))
        return raw, content_hashes(cast)

    def _labels(self, labels: Array | None, name: str) -> Array | None:
        return None if labels is None else checks.fitted_labels(name, labels, self.model.outputs)


def _members(name: str, split: Split) -> dict[str, Array]:
    """Arrays as the file names them; a single input goes without its name, for files name it differently."""
    single = len(split.inputs) == 1
    arrays = {f"x_{name}" if single else f"x_{name}_{key}": array for key, array in split.inputs.items()}
    return arrays | ({} if split.labels is None else {f"y_{name}": split.labels})


def _from_file(path: Path, model: _Model) -> Stream:
    file = NpzFile(path)
    part = Layout(str(path), file.columns(), file.preparation()).part("evaluation")

    def read(size: int) -> Iterator[Split]:
        for block in part.blocks(size):
            yield Split(checks.named("evaluation", block, model.inputs), block.labels)

    return Stream(part.count, read)


def _check_scales(reference: _Passing, *others: _Passing) -> None:
    for other in others:
        for key, ours in other.seen.ranges.items():
            theirs = reference.seen.ranges[key]
            if max(ours.rms, theirs.rms) > _SCALE_FACTOR * min(ours.rms, theirs.rms):
                raise BadInput(
                    f"the {other.name} and evaluation sets are scaled differently",
                    expected="the same preprocessing for every set",
                    received=f"{other.name} from {ours.least:g} to {ours.largest:g}, evaluation from "
                    f"{theirs.least:g} to {theirs.largest:g}",
                )
