"""Labels written in a text file as numbers: class names get the numbers of their order, numbers stay what they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from compressor.errors import BadInput
from compressor.values import Array

# More different whole numbers than this are values, not classes.
_MOST_CLASSES = 1000
# Names that hardly ever come twice are no classes.
_NAMES_AT_LEAST = 10


def number(text: str) -> float | None:
    """The number that a field holds, infinite and NaN included, or None. Unlike Python, 1_000 is none."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def numbered(
    written: Sequence[str], classes: Sequence[str] | None, place: Callable[[int], str]
) -> tuple[Array, tuple[str, ...]]:
    """Labels as an array of shape (N,), and the names of the classes that its numbers stand for.

    Names become class numbers (int64): their place in `classes`, or in the sorted names. Whole numbers from 0 with few
    different values are class numbers themselves (int64); other numbers are values (float32).

    Args:
        place: tells where the label of a row stands, such as "line 7".

    Raises:
        BadInput: an empty label, a name that is none of the classes, numbers and names mixed, or as many names as rows.
    """
    distinct = dict.fromkeys(label.strip() for label in written)

    def where(label: str) -> str:
        return place(next(row for row, each in enumerate(written) if each.strip() == label))

    if "" in distinct:
        raise BadInput(f"{where('')} has no label")
    if classes is not None:
        codes, names = _of_classes(distinct, classes, where), tuple(classes)
    else:
        codes, names = _of_numbers(distinct, len(written), where) or _of_names(distinct, len(written), where)
    kind = np.float32 if any(isinstance(code, float) for code in codes.values()) else np.int64
    return np.array([codes[label.strip()] for label in written], kind), names


_Codes = dict[str, float] | dict[str, int]


def _of_classes(distinct: dict[str, None], classes: Sequence[str], where: Callable[[str], str]) -> _Codes:
    if len(set(classes)) < len(classes):
        raise BadInput("classes names one class twice", received=", ".join(classes))
    places = {name: place for place, name in enumerate(classes)}
    strange = [label for label in distinct if label not in places]
    if len(strange) == len(distinct) and all(label.isdecimal() and int(label) < len(classes) for label in distinct):
        return {label: int(label) for label in distinct}
    if strange:
        raise BadInput(
            f"{where(strange[0])}: the label '{strange[0][:40]}' is none of the {len(classes)} classes",
            expected=f"one of {', '.join(classes[:20])}{', …' if len(classes) > 20 else ''}; or class numbers alone",
        )
    return places


def _of_numbers(
    distinct: dict[str, None], rows: int, where: Callable[[str], str]
) -> tuple[_Codes, tuple[str, ...]] | None:
    values = {label: number(label) for label in distinct}
    names = [label for label, value in values.items() if value is None]
    if len(names) == len(values):
        return None
    if names:
        raise BadInput(
            f"labels are numbers and names: {where(names[0])} has '{names[0]}'",
            expected="numbers alone, or names alone",
            fix="mend the line; or give all labels as classes, when numbers are names too",
        )
    numbers = {label: value for label, value in values.items() if value is not None}
    for label, value in numbers.items():
        if not math.isfinite(np.float32(value)):
            raise BadInput(f"{where(label)}: the label '{label}' is no finite number for float32")
    few = len(set(numbers.values())) <= min(_MOST_CLASSES, max(2, rows // 2))
    if few and all(0 <= value < 2**31 and value.is_integer() for value in numbers.values()):
        return {label: int(value) for label, value in numbers.items()}, ()
    return numbers, ()


def _of_names(distinct: dict[str, None], rows: int, where: Callable[[str], str]) -> tuple[_Codes, tuple[str, ...]]:
    if len(distinct) > max(_NAMES_AT_LEAST, rows // 2):
        first = next(iter(distinct))
        raise BadInput(
            f"hardly any label comes twice: {len(distinct)} names on {rows} lines",
            expected="names of classes, or numbers",
            received=f"{where(first)} has '{first[:40]}'",
            fix="tell which column has the labels",
        )
    names = tuple(sorted(distinct))
    return {name: place for place, name in enumerate(names)}, names
