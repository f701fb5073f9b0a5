"""Arrays in the folder that COMPRESSOR_DATA names: the first place where every sample looks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from compressor.errors import BadInput
from compressor.values import Array

# Sizes of the axes, None where any size will do.
Shape = tuple[int | None, ...]


def arrays(name: str, what: str, wanted: Mapping[str, Shape]) -> tuple[dict[str, Array], str] | None:
    """The wanted arrays of the `.npz` file of that name, and where they are from; None when it is not there.

    Args:
        what: the data that the file should be, for messages.

    Raises:
        BadInput: the file is there, and cannot be read or is something else.
    """
    folder = os.environ.get("COMPRESSOR_DATA")
    path = Path(folder) / name if folder else None
    if path is None or not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = {key: stored[key] for key in wanted}
    except Exception as error:
        raise BadInput(f"{path} cannot be read: {error}", expected=f"{what} with {', '.join(wanted)}") from None
    shapes = {key: array.shape for key, array in found.items()}
    if not all(_fits(shapes[key], shape) for key, shape in wanted.items()):
        raise BadInput(f"{path} is not {what}", expected=str(dict(wanted)), received=str(shapes))
    return found, f"{name} in COMPRESSOR_DATA"


def _fits(given: tuple[int, ...], wanted: Shape) -> bool:
    return len(given) == len(wanted) and all(size in (None, got) for got, size in zip(given, wanted, strict=True))
