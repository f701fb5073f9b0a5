"""Tables of the page: what is shown in a cell, and what it is sorted by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compressor.report.layout import ABSENT


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Attributes:
        value: the number it is sorted by; None sorts by the text, and an absent number last.
        state: a verdict or place, shown by colour and sign.
        href: a place in the page.
        share: 0 to 1, drawn as a bar behind the text.
    """

    text: str
    value: float | None = None
    state: str = ""
    href: str = ""
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One row, and the name by which the page links to it."""

    cells: tuple[Cell, ...]
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns are pairs of a title and whether it is of numbers; the column `head` names its row."""

    caption: str
    columns: tuple[tuple[str, bool], ...]
    lines: tuple[Line, ...]
    head: int = 0


def columns(words: Sequence[str], numbers: Sequence[str]) -> tuple[tuple[str, bool], ...]:
    """Columns of words, then of numbers."""
    return tuple((title, False) for title in words) + tuple((title, True) for title in numbers)


def number(value: float | None, form: str = "{:g}") -> Cell:
    """A cell with a number, or with the sign for none."""
    return Cell(ABSENT) if value is None else Cell(form.format(value), value)
