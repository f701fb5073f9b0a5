"""Data sets in `.npz` files, which `numpy.savez` writes."""

from __future__ import annotations

from pathlib import Path

from compressor.data.layout import Layout
from compressor.data.npz import NpzFile
from compressor.data.source_checks import only_settings
from compressor.data.spec import DataSpec
from compressor.data_sources import DataSource, Wanted
from compressor.errors import BadInput
from compressor.values import Dataset


def look(spec: DataSpec, trains: bool, trusted: bool) -> None:
    """See that all arrays are there.

    Raises:
        BadInput: no such file, not an `.npz`, or arrays that are missing or of uneven length.
    """
    _layout(spec).look(trains)


def read(spec: DataSpec, wanted: Wanted) -> Dataset:
    """The data set; only what trains and calibrates is in memory."""
    return _layout(spec).dataset(Path(spec.source).stem, spec, wanted.trains, wanted.only_evaluation)


def _layout(spec: DataSpec) -> Layout:
    path = Path(spec.source)
    only_settings(spec, ("classes",), "an .npz")
    file = NpzFile(path)
    preparation = file.preparation()
    if preparation is not None and preparation.changes_values and (spec.subtract != 0 or spec.divide != 1):
        raise BadInput(
            f"{path} says itself what is subtracted from its values and what they are divided by",
            fix="leave subtract and divide out",
        )
    return Layout(str(path), file.columns(), preparation)


DATA_SOURCE = DataSource(
    summary="arrays by name: x, y, or x_evaluation, y_evaluation, x_calibration, x_train, y_train",
    example="DATA.npz",
    claims=lambda source: Path(source).suffix.lower() == ".npz",
    look=look,
    read=read,
)
