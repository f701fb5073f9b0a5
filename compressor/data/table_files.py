"""Tables in text files: the separator and the header found, features and labels read line by line."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from compressor.data.spec import DataSpec
from compressor.data.written_labels import number
from compressor.errors import BadInput
from compressor.values import Array

# The order decides where several fit: semicolons separate where commas are decimal.
_SEPARATORS = "\t;,"
_LOOKED_AT = 20
_MISSING = frozenset({"", "?", "-", "na", "n/a", "nan", "null", "none"})


@dataclass(frozen=True, slots=True)
class Table:
    """How a file is read: `label` and `features` are column numbers, `columns` all names."""

    path: Path
    separator: str
    header: bool
    columns: tuple[str, ...]
    label: int
    features: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(self.columns[column] for column in self.features)


@dataclass(frozen=True, slots=True)
class Values:
    """Features of shape (N, columns) in float32, labels as written, and the line number of each row."""

    features: Array
    labels: list[str]
    lines: Array


def inspected(path: Path, spec: DataSpec) -> Table:
    """How the file is to be read, from its first lines.

    Raises:
        BadInput: no text in UTF-8, fewer than two columns, no rows, or a target or feature that is no column.
    """
    with path.open("rb") as file:
        first = list(islice((line for line in _text(path, file) if line.strip()), _LOOKED_AT))
    if not first:
        raise BadInput(f"{path} is empty", expected="a line per sample, with a header line or without")
    separator = _separator(path, first)
    rows = [row for _, row in _rows(path, first, separator)]
    header = _is_header(rows[0])
    if header and len(rows) == 1:
        raise BadInput(f"{path} has no rows", expected="a line per sample", received=f"a header alone: {first[0][:80]}")
    columns = tuple(name.strip() for name in rows[0]) if header else tuple(map(str, range(len(rows[0]))))
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise BadInput(f"{path} has two columns of one name", received=", ".join(f"'{name}'" for name in twice))
    label = _label(path, columns, spec.target)
    return Table(path, separator, header, columns, label, _features(path, columns, label, spec.features))


def values(table: Table) -> Values:
    """All rows.

    Raises:
        BadInput: a missing value, text or an infinite number where a feature should be, or a line of another length.
    """
    features, labels, lines = array("f"), [], array("q")
    with table.path.open("rb") as file:
        rows = ((line, row) for line, row in _rows(table.path, _text(table.path, file), table.separator) if row)
        for line, row in islice(rows, int(table.header), None):
            if len(row) != len(table.columns):
                raise BadInput(
                    f"{table.path}, line {line} has another number of columns",
                    expected=f"{len(table.columns)}, as in the first line",
                    received=str(len(row)),
                )
            features.extend(_number(table, line, column, row[column]) for column in table.features)
            labels.append(row[table.label])
            lines.append(line)
    read = np.frombuffer(features, np.float32).reshape(len(labels), len(table.features))
    _check_finite(table, read, lines)
    return Values(read, labels, np.array(lines))


def _text(path: Path, file: Iterator[bytes]) -> Iterator[str]:
    for line, data in enumerate(file, 1):
        try:
            yield data.decode("utf-8-sig" if line == 1 else "utf-8")
        except UnicodeDecodeError:
            raise BadInput(f"{path}, line {line} is not in UTF-8", fix="save the file in UTF-8") from None


def _rows(path: Path, text: Iterator[str] | Sequence[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text, delimiter=separator)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BadInput(f"{path}, line {reader.line_num} cannot be read: {error}") from None
        yield reader.line_num, row


def _separator(path: Path, lines: Sequence[str]) -> str:
    for separator in _SEPARATORS:
        widths = {len(row) for _, row in _rows(path, lines, separator)}
        if len(widths) == 1 and widths != {1}:
            return separator
    # Lines of different length are told by their number later.
    found = max(_SEPARATORS, key=lambda each: lines[0].count(each))
    if found not in lines[0]:
        raise BadInput(
            f"{path} has one column",
            expected="features and a label, separated by commas, semicolons or tabs",
            received=lines[0].strip()[:80],
        )
    return found


def _is_header(row: Sequence[str]) -> bool:
    """A line without numbers, or one that counts its columns as pandas does for those without names."""
    numbers = [cell for cell in row if number(cell) is not None]
    return not numbers or (len(numbers) > 2 and numbers == list(map(str, range(len(numbers)))))


def _label(path: Path, columns: Sequence[str], target: str | int | None) -> int:
    if isinstance(target, str):
        if target not in columns:
            raise _no_column(path, "target", target, columns)
        return columns.index(target)
    place = -1 if target is None else target
    if not -len(columns) <= place < len(columns):
        raise _no_column(path, "target", str(target), columns)
    return place % len(columns)


def _features(path: Path, columns: Sequence[str], label: int, chosen: Sequence[str] | None) -> tuple[int, ...]:
    if chosen is None:
        return tuple(column for column in range(len(columns)) if column != label)
    for name in chosen:
        if name not in columns:
            raise _no_column(path, "feature", name, columns)
    numbers = tuple(columns.index(name) for name in chosen)
    if not numbers or label in numbers or len(set(numbers)) < len(numbers):
        raise BadInput(
            f"features of {path} have to be columns that differ, without the target '{columns[label]}'",
            received=", ".join(chosen) or "none",
        )
    return numbers


def _no_column(path: Path, kind: str, name: str, columns: Sequence[str]) -> BadInput:
    return BadInput(
        f"the {kind} '{name}' is no column of {path}",
        expected=f"one of {', '.join(columns[:20])}{', …' if len(columns) > 20 else ''}",
    )


def _number(table: Table, line: int, column: int, text: str) -> float:
    value = number(text)
    if value is not None and value == value:
        return value
    place = f"{table.path}, line {line}, column '{table.columns[column]}'"
    if text.strip().lower() in _MISSING:
        raise BadInput(
            f"{place}: the value is missing",
            received=f"'{text}'",
            fix="fill it in as in training, or take the line out",
        )
    raise BadInput(
        f"{place}: '{text[:40]}' is not a number",
        expected="numbers with a decimal point; a header line has no numbers at all",
        fix="turn the column into numbers as in training, or choose other columns with features",
    )


def _check_finite(table: Table, read: Array, lines: Sequence[int]) -> None:
    bad = np.argwhere(~np.isfinite(read))
    if len(bad):
        row, column = bad[0]
        raise BadInput(
            f"{table.path}, line {lines[row]}, column '{table.names[column]}': the value is infinite in float32",
            expected="finite numbers",
        )
