"""Tables in text files: numbers in columns, one of them the label. They are read whole: a row is a few numbers."""

from __future__ import annotations

import hashlib
from pathlib import Path

from compressor import data_sources
from compressor.data import parts, table_files, written_labels
from compressor.data.source_checks import existing_file, one_input, only_settings
from compressor.data.spec import DataSpec
from compressor.data.table_files import Table
from compressor.data_sources import MAX_CALIBRATION, DataSource, Wanted
from compressor.errors import BadInput
from compressor.values import Array, Dataset, Split, TensorSpec


def claims(source: str) -> bool:
    """Comma-separated or tab-separated values."""
    return Path(source).suffix.lower() in (".csv", ".tsv")


def look(spec: DataSpec, trains: bool, trusted: bool) -> None:
    """Is there a file with the target and feature columns?

    Raises:
        BadInput: there is not.
    """
    if _is_text(spec):
        return data_sources.load("text").look(spec, trains, trusted)
    only_settings(spec, ("classes", "target", "features"), "a table")
    existing_file(Path(spec.source), "table")
    table_files.inspected(Path(spec.source), spec)
    return None


def read(spec: DataSpec, wanted: Wanted) -> Dataset:
    """All sets in memory: float32 features of the input's shape, labels as `written_labels.numbered` makes them.

    Raises:
        BadInput: the file, a value in it or the model's input do not fit.
    """
    if _is_text(spec):
        return data_sources.load("text").read(spec, wanted)
    path = Path(spec.source)
    tensor = one_input(wanted.inputs, "a table")
    existing_file(path, "table")
    table = table_files.inspected(path, spec)
    _check_width(table, tensor)
    values = table_files.values(table)
    labels, classes = written_labels.numbered(
        values.labels, spec.classes, lambda row: f"{path}, line {values.lines[row]}"
    )
    rows = parts.divided(
        len(labels),
        lambda: [hashlib.sha256(row.tobytes()).digest() for row in values.features],
        labels,
        spec.evaluation_share,
        trains=wanted.trains,
        only_evaluation=wanted.only_evaluation,
        calibrate_on=MAX_CALIBRATION,
    )
    inputs = values.features.reshape(len(labels), *(size or -1 for size in tensor.shape[1:]))

    def split(chosen: Array) -> Split:
        return Split({tensor.name: inputs[chosen]}, labels[chosen])

    return Dataset(
        name=path.stem,
        source=str(path),
        calibration=split(rows.calibration),
        evaluation=split(rows.evaluation),
        train=None if rows.train is None else split(rows.train),
        classes=classes,
        split_here=not wanted.only_evaluation,
        notes=(_told(table), rows.note),
    )


def _is_text(spec: DataSpec) -> bool:
    # Tabs separate columns of numbers as well as labels from texts; only texts are cut into tokens.
    return spec.source.lower().endswith(".tsv") and (spec.vocabulary is not None or spec.tokens == "bytes")


def _check_width(table: Table, tensor: TensorSpec) -> None:
    """Columns fill an input of shape (N, columns), or of another fixed shape row by row, such as (N, 28, 28, 1)."""
    free = [size for size in tensor.shape[1:] if size is None]
    width = 1
    for size in tensor.shape[1:]:
        width *= size or 1
    fits = len(table.features) % width == 0 if len(free) == 1 else len(table.features) == width and not free
    if not fits:
        raise BadInput(
            f"{table.path} does not fit the input '{tensor.name}'",
            expected=f"{width} feature columns for {tensor}" if not free else str(tensor),
            received=f"{len(table.features)}: {', '.join(repr(name) for name in table.names[:12])}"
            + (", …" if len(table.features) > 12 else ""),
            fix="choose columns with features: [...] and the label with target",
        )


def _told(table: Table) -> str:
    first = "line 1 taken as header" if table.header else "no header line"
    return f"label from column '{table.columns[table.label]}', {len(table.features)} features, {first}"


DATA_SOURCE = DataSource(
    summary="a table of numbers with a label column, in .csv or .tsv",
    example="measurements.csv",
    claims=claims,
    look=look,
    read=read,
)
