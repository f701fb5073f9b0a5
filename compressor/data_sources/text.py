"""Labelled texts, a line each, as token ids. What is evaluated on is read and cut into tokens block by block."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from compressor.data import parts, text_files, tokens, written_labels
from compressor.data.source_checks import existing_file, one_input, only_settings
from compressor.data.spec import DataSpec
from compressor.data.text_files import Lines
from compressor.data.tokens import Vocabulary
from compressor.data_sources import MAX_CALIBRATION, DataSource, Wanted
from compressor.errors import BadInput
from compressor.values import Array, Dataset, Split, Stream, TensorSpec

_SETTINGS = ("classes", "vocabulary", "tokens", "lowercase", "length")
_AT_ONCE = 4096


def claims(source: str) -> bool:
    """Text files; a `.tsv` comes here by way of the tables when it is to be cut into tokens."""
    return Path(source).suffix.lower() == ".txt"


def look(spec: DataSpec, trains: bool, trusted: bool) -> None:
    """Is there a file of labels and texts, and the vocabulary?

    Raises:
        BadInput: there is not.
    """
    only_settings(spec, _SETTINGS, "texts")
    existing_file(Path(spec.source), "text file")
    text_files.first_line(Path(spec.source))
    tokens.vocabulary(spec)


def read(spec: DataSpec, wanted: Wanted) -> Dataset:
    """All sets: token ids of calibration and training texts in memory, evaluation texts as a stream.

    Raises:
        BadInput: the file, the vocabulary or the model's input do not fit.
    """
    path = Path(spec.source)
    tensor = one_input(wanted.inputs, "a file of texts")
    length = _length(spec, tensor)
    existing_file(path, "text file")
    known = tokens.vocabulary(spec)
    lines = text_files.indexed(path)
    labels, classes = written_labels.numbered(
        lines.labels, spec.classes, lambda row: f"{path}, line {lines.numbers[row]}"
    )
    texts = _Texts(lines, labels, tokens.tokenizer(spec, known), length, tensor.name)
    rows = parts.divided(
        len(labels),
        texts.hashes,
        labels,
        spec.evaluation_share,
        trains=wanted.trains,
        only_evaluation=wanted.only_evaluation,
        calibrate_on=MAX_CALIBRATION,
    )
    calibration = texts.split(rows.calibration)
    return Dataset(
        name=path.stem,
        source=str(path),
        calibration=calibration,
        evaluation=texts.stream(rows.evaluation),
        train=None if rows.train is None else texts.split(rows.train),
        classes=classes,
        split_here=not wanted.only_evaluation,
        notes=(rows.note, *_notes(spec, known, calibration, tensor)),
    )


@dataclass(frozen=True, slots=True)
class _Texts:
    """All texts of a file, as token ids of one length on demand."""

    lines: Lines
    labels: Array
    cut: Callable[[str], Sequence[int]]
    length: int
    name: str

    def ids(self, rows: Iterable[int]) -> Array:
        """Of shape (N, length), int32."""
        return tokens.padded([self.cut(text) for text in self.lines.texts(rows)], self.length)

    def hashes(self) -> list[bytes]:
        """Of what the model sees: texts that differ in nothing else must not stand on both sides."""
        blocks = (
            range(start, min(start + _AT_ONCE, len(self.labels))) for start in range(0, len(self.labels), _AT_ONCE)
        )
        return [hashlib.sha256(row.tobytes()).digest() for block in blocks for row in self.ids(block)]

    def split(self, rows: Array) -> Split:
        """Some of them in memory."""
        return Split({self.name: self.ids(rows)}, self.labels[rows])

    def stream(self, rows: Array) -> Stream:
        """Some of them, read again each time."""

        def blocks(size: int) -> Iterator[Split]:
            for start in range(0, len(rows), size):
                yield self.split(rows[start : start + size])

        return Stream(len(rows), blocks)


def _length(spec: DataSpec, tensor: TensorSpec) -> int:
    if len(tensor.shape) != 2:
        raise BadInput(
            f"the input '{tensor.name}' takes no token ids",
            expected="an input of shape (N, tokens)",
            received=str(tensor),
        )
    own = tensor.shape[1]
    if own is None and spec.length is None:
        raise BadInput(
            f"the input '{tensor.name}' takes texts of any length: which one is not said",
            received=str(tensor),
            fix="give the number of tokens that the model was trained on, e.g. length: 200",
        )
    if own is not None and spec.length not in (None, own):
        raise BadInput(
            f"length does not fit the input '{tensor.name}'",
            expected=f"{own} tokens",
            received=str(spec.length),
            fix="leave length away: texts get the model's own",
        )
    return own or spec.length or 0


def _notes(spec: DataSpec, known: Vocabulary | None, calibration: Split, tensor: TensorSpec) -> tuple[str, ...]:
    """How well the vocabulary fits, on a sample of the texts."""
    if known is None:
        return ()
    told = known.notes(spec.lowercase)
    if calibration.count == 1:
        return told
    ids = calibration.inputs[tensor.name]
    share = float((ids[ids != 0] == known.unknown).mean()) if ids.any() else 1.0
    if share == 1.0:
        raise BadInput(
            f"not one token of {calibration.count} texts is in the vocabulary {known.path}",
            fix="give the vocabulary that the model was trained with, and cut texts as in training (tokens, lowercase)",
        )
    return (*told, f"{share:.1%} of the tokens are not in the vocabulary (of {calibration.count} calibration texts)")


DATA_SOURCE = DataSource(
    summary="labelled texts, a line each: label, tab, text",
    example="reviews.txt",
    claims=claims,
    look=look,
    read=read,
)
