"""Fit a data set to a model: names, shapes, number formats and plausible values, or a clear refusal."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from compressor.errors import BadInput
from compressor.values import Array, Dataset, Split, TensorSpec, clean_name

# Two sets of one source never differ this much in root mean square; 0..255 against 0..1 does.
_SCALE_FACTOR = 10.0


def fit(
    dataset: Dataset, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
) -> tuple[Dataset, tuple[str, ...]]:
    """The data set with inputs named, ordered and typed as the model wants them, and warnings.

    Raises:
        BadInput: a shape, dtype, value or label that cannot belong to this model.
    """
    splits = {
        name: _fit_split(name, split, inputs, outputs)
        for name, split in (
            ("calibration", dataset.calibration),
            ("evaluation", dataset.evaluation),
            ("train", dataset.train),
        )
        if split is not None
    }
    _check_scales(splits)
    fitted = replace(
        dataset, calibration=splits["calibration"], evaluation=splits["evaluation"], train=splits.get("train")
    )
    return fitted, tuple(_overlap_warning(fitted))


def _fit_split(name: str, split: Split, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> Split:
    given = {clean_name(key): array for key, array in split.inputs.items()}
    if set(given) == {""} and len(inputs) == 1:
        given = {inputs[0].name: given[""]}
    wanted = [spec.name for spec in inputs]
    if set(given) != set(wanted):
        raise BadInput(
            f"the {name} set does not name the model's inputs",
            expected=", ".join(f"x_{name}_{input_name}" for input_name in wanted),
            received=", ".join(f"x_{name}_{key}" if key else f"x_{name}" for key in given),
        )
    arrays = {spec.name: _fit_array(f"x_{name}", given[spec.name], spec) for spec in inputs}
    return Split(arrays, None if split.labels is None else _fit_labels(f"y_{name}", split.labels, outputs))


def _fit_array(name: str, array: Array, spec: TensorSpec) -> Array:
    shape = array.shape[1:]
    if len(shape) != len(spec.shape) - 1 or any(
        want is not None and want != got for want, got in zip(spec.shape[1:], shape, strict=False)
    ):
        raise BadInput(
            f"{name} does not fit the input '{spec.name}'",
            expected=f"samples of shape {_told(spec.shape[1:])}",
            received=str(array.shape),
        )
    if 0 in shape:
        raise BadInput(f"{name} has samples without values", expected="no axis of length 0", received=str(array.shape))
    if array.dtype.kind not in "fiub":
        raise BadInput(f"{name} is not numeric", expected=spec.dtype, received=str(array.dtype))
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = int(array.size - np.isfinite(array).sum())
        raise BadInput(
            f"{name} holds {bad} values that are NaN or infinite", expected="finite numbers", fix="clean the data first"
        )
    wanted = np.dtype(spec.dtype)
    if wanted.kind in "iu" and not _fits_integers(array, wanted):
        raise BadInput(
            f"{name} does not fit the integer input '{spec.name}'",
            expected=f"whole numbers in the range of {wanted}",
            received=f"{array.dtype} from {array.min()} to {array.max()}",
        )
    with np.errstate(over="ignore"):
        cast = array.astype(wanted, copy=False)
    if wanted.kind == "f" and not np.isfinite(cast).all():
        raise BadInput(f"{name} is out of the range of {wanted}", received=f"{array.min()} to {array.max()}")
    return cast


def _fits_integers(array: Array, wanted: np.dtype[np.generic]) -> bool:
    info = np.iinfo(wanted)  # type: ignore[type-var]
    # Compared as Python numbers: the largest int64 has no float of its own.
    in_range = info.min <= array.min().item() and array.max().item() <= info.max
    return bool(in_range and np.all(array == np.round(array)))


def _fit_labels(name: str, labels: Array, outputs: tuple[TensorSpec, ...]) -> Array:
    """Labels as the first output wants them: class numbers without a trailing axis, one-hot rows, or values."""
    if labels.dtype.kind not in "fiub":
        raise BadInput(f"{name} is not numeric", expected="class numbers or values", received=str(labels.dtype))
    if labels.dtype.kind == "f" and not np.isfinite(labels.astype(np.float32)).all():
        raise BadInput(f"{name} holds NaN or infinite values for float32", expected="finite labels")
    shape = outputs[0].shape
    if labels.ndim == len(shape) and labels.shape[-1] == 1 and shape[-1] != 1:
        labels = labels[..., 0]
    numbered = labels.ndim == len(shape) - 1 and _fits(labels.shape[1:], shape[1:-1])
    if not numbered and not (labels.ndim == len(shape) and _fits(labels.shape[1:], shape[1:])):
        raise BadInput(
            f"{name} does not fit the output '{outputs[0].name}'",
            expected=f"class numbers of shape {_told(shape[:-1])}, or values of shape {_told(shape)}",
            received=str(labels.shape),
        )
    if numbered and shape[-1] is not None and shape[-1] > 1:
        _check_classes(name, labels, shape[-1], outputs[0].name)
    return labels


def _fits(given: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return all(want is None or want == got for want, got in zip(wanted, given, strict=True))


def _check_classes(name: str, labels: Array, classes: int, output: str) -> None:
    if labels.min() < 0 or labels.max() >= classes or not np.all(labels == np.round(labels)):
        raise BadInput(
            f"{name} holds class numbers that the model does not have",
            expected=f"0 to {classes - 1}: the output '{output}' has {classes} classes",
            received=f"{labels.min()} to {labels.max()}",
        )


def _check_scales(splits: dict[str, Split]) -> None:
    reference = splits["evaluation"]
    for name in ("calibration", "train"):
        if name not in splits:
            continue
        for key, array in splits[name].inputs.items():
            ours, theirs = _rms(array), _rms(reference.inputs[key])
            if array.dtype.kind == "f" and max(ours, theirs) > _SCALE_FACTOR * min(ours, theirs):
                raise BadInput(
                    f"the {name} and evaluation sets are scaled differently",
                    expected="the same preprocessing for every set",
                    received=f"{name} from {array.min():g} to {array.max():g}, evaluation from "
                    f"{reference.inputs[key].min():g} to {reference.inputs[key].max():g}",
                )


def _rms(array: Array) -> float:
    return float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))


def _overlap_warning(dataset: Dataset) -> list[str]:
    shared = _hashes(dataset.calibration) & _hashes(dataset.evaluation)
    if not shared:
        return []
    return [
        f"{len(shared)} samples are in the calibration and in the evaluation set: the accuracy is too good for them"
    ]


def _hashes(split: Split) -> set[bytes]:
    arrays = [np.ascontiguousarray(array) for array in split.inputs.values()]
    return {hashlib.sha256(b"".join(array[row].tobytes() for array in arrays)).digest() for row in range(split.count)}


def _told(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
