"""Does a block of samples belong to a model? Names, shapes, number formats and labels, or a clear refusal."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from compressor.errors import BadInput
from compressor.values import Array, Split, TensorSpec, clean_name


def named(name: str, split: Split, inputs: tuple[TensorSpec, ...]) -> dict[str, Array]:
    """The arrays of a set by the model's input names, in the model's order.

    Raises:
        BadInput: the set names other inputs.
    """
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
    return {spec.name: given[spec.name] for spec in inputs}


def check_array(name: str, array: Array, spec: TensorSpec) -> None:
    """See that samples have the shape of the input, and are finite numbers that it can hold.

    Raises:
        BadInput: they have not, or are not.
    """
    shape = array.shape[1:]
    if len(shape) != len(spec.shape) - 1 or any(
        want is not None and want != got for want, got in zip(spec.shape[1:], shape, strict=False)
    ):
        raise BadInput(
            f"{name} does not fit the input '{spec.name}'",
            expected=f"samples of shape {_told(spec.shape[1:])}",
            received=str(shape),
        )
    if 0 in shape:
        raise BadInput(f"{name} has samples without values", expected="no axis of length 0", received=str(shape))
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


def check_cast(name: str, before: Mapping[str, Array], after: Mapping[str, Array]) -> None:
    """See that no number became infinite in the model's dtype.

    Raises:
        BadInput: one did.
    """
    for key, array in after.items():
        if array is not before[key] and array.dtype.kind == "f" and not np.isfinite(array).all():
            raise BadInput(
                f"{name} is out of the range of {array.dtype}", received=f"{before[key].min()} to {before[key].max()}"
            )


def _fits_integers(array: Array, wanted: np.dtype[np.generic]) -> bool:
    info = np.iinfo(wanted)  # type: ignore[type-var]
    # Compared as Python numbers: the largest int64 has no float of its own.
    in_range = info.min <= array.min().item() and array.max().item() <= info.max
    return bool(in_range and np.all(array == np.round(array)))


def fitted_labels(name: str, labels: Array, outputs: tuple[TensorSpec, ...]) -> Array:
    """Labels as the first output wants them: class numbers without a trailing axis, one-hot rows, or values.

    Raises:
        BadInput: they are none of these.
    """
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


def _told(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
