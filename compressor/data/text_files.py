"""Files of labelled texts, a line each: `label<TAB>text`. Labels and places are kept; texts are read when needed."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compressor.errors import BadInput
from compressor.values import Array

_TAB = b"\t"
_BOM = b"\xef\xbb\xbf"
_HEADERS = ("label", "class", "target")


@dataclass(frozen=True, slots=True)
class Lines:
    """Labels as written, and where each text stands: its line number and the offset of its first byte."""

    path: Path
    labels: list[str]
    numbers: Array
    offsets: Array

    def texts(self, rows: Iterable[int]) -> Iterator[str]:
        """Texts of these rows."""
        with self.path.open("rb") as file:
            for row in rows:
                file.seek(self.offsets[row])
                yield _decoded(self.path, int(self.numbers[row]), file.readline().rstrip(b"\r\n"))


def first_line(path: Path) -> None:
    """Raise `BadInput` when the first line has no label and text."""
    with path.open("rb") as file:
        if next(_labelled(path, file), None) is None:
            raise BadInput(f"{path} is empty", expected=_EXPECTED)


def indexed(path: Path) -> Lines:
    """Go through the file once.

    Raises:
        BadInput: a line without a tab or not in UTF-8, or no line at all.
    """
    known: dict[str, str] = {}
    labels: list[str] = []
    numbers, offsets = array("q"), array("q")
    with path.open("rb") as file:
        for line, offset, label in _labelled(path, file):
            if line == 1 and label.lower() in _HEADERS:
                continue
            labels.append(known.setdefault(label, label))
            numbers.append(line)
            offsets.append(offset)
    if not labels:
        raise BadInput(f"{path} is empty", expected=_EXPECTED)
    return Lines(path, labels, np.array(numbers), np.array(offsets))


_EXPECTED = "a line per text: its label, a tab, the text"


def _labelled(path: Path, file: Iterable[bytes]) -> Iterator[tuple[int, int, str]]:
    """Line number, offset of the text and label of each line that is not blank."""
    offset = 0
    for line, data in enumerate(file, 1):
        label, tab, text = data.partition(_TAB)
        start = offset + len(label) + 1
        offset += len(data)
        if not data.strip():
            continue
        if not tab:
            received = _decoded(path, line, data).strip()
            raise BadInput(f"{path}, line {line} has no tab", expected=_EXPECTED, received=received[:80])
        _decoded(path, line, text)
        yield line, start, _decoded(path, line, label.removeprefix(_BOM) if line == 1 else label).strip()


def _decoded(path: Path, line: int, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadInput(f"{path}, line {line} is not in UTF-8", fix="save the file in UTF-8") from None
