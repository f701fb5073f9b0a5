"""Answers of single samples: the confusion matrix, and the samples on which float32 and compressed file disagree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from compressor.report.evidence import AnswersPart, ConfusionPart, SampleValue
from compressor.report.page import figures_as_text as text
from compressor.report.page.section import Section
from compressor.report.page.table import Cell, Line, Table, columns, number
from compressor.report.schema import Report

# Larger matrices are no picture any more: their changes are listed.
_CLASSES = 20
_CHANGES = 20
_SAMPLES = 24
# Of all pictures in the page, which is to stay below 2 MB.
_PICTURE_BYTES = 500_000
_PNG = re.compile(r"data:image/png;base64,[A-Za-z0-9+/]+={0,2}")
_COLUMNS = columns(("label", "answer"), ("float32", "compressed", "change"))


@dataclass(frozen=True, slots=True)
class Count:
    """One cell of the matrix: `strength` of its colour in percent, `change` against the float32 file."""

    count: int
    change: int
    strength: int
    right: bool


@dataclass(frozen=True, slots=True)
class Matrix:
    """How often each label (line) got each answer (column)."""

    classes: tuple[str, ...]
    lines: tuple[tuple[str, tuple[Count, ...]], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample as it is shown; `image` is a picture that is safe to show, or None."""

    value: SampleValue
    image: str | None
    alternative: str


@dataclass(frozen=True, slots=True)
class Part:
    """The answers of one file; `differs` where any is another one than the float32 file's."""

    title: str
    told: str
    matrix: Matrix | None
    differs: bool
    changes: Table | None
    samples: tuple[Sample, ...]


def section(report: Report) -> Section:
    """Matrix and samples of every compressed file."""
    if not report.answers:
        return Section("answers", "Answers", "The answers of single samples were not kept in this run.")
    # Every file gets its share of the room for pictures.
    room = _PICTURE_BYTES // len(report.answers)
    lead = (
        "Samples on which the compressed file answers otherwise than the float32 file. In the matrix a line is a "
        "label, a column an answer; + and − tell the change against the float32 file."
    )
    return Section("answers", "Answers", lead, {"parts": [_part(part, room) for part in report.answers]})


def picture(address: str | None) -> str | None:
    """The address, if it is that of a PNG which is in it; anything else is not shown."""
    return address if address is not None and _PNG.fullmatch(address) else None


def _part(part: AnswersPart, room: int) -> Part:
    of = f"{part.network}: " if part.network else ""
    told = [f"{part.disagreeing:,} of {part.evaluated:,} answers differ"]
    if part.worse is not None:
        told.append(f"{part.worse:,} are wrong only after compression")
    if part.better is not None:
        told.append(f"{part.better:,} are right only after compression")
    confusion = part.confusion
    small = confusion is not None and len(confusion.classes) <= _CLASSES
    return Part(
        title=f"{of}{part.format} {part.precision} on {part.runtime}",
        told="; ".join(told),
        matrix=_matrix(confusion) if confusion and small else None,
        differs=bool(part.disagreeing),
        changes=_changes(confusion) if confusion and not small else None,
        samples=_samples(part.samples[:_SAMPLES], room),
    )


def _matrix(confusion: ConfusionPart) -> Matrix:
    lines = []
    for label, name in enumerate(confusion.classes):
        total = sum(confusion.compressed[label]) or 1
        counts = tuple(
            Count(count, count - before, round(8 + 32 * count / total) if count else 0, label == answer)
            for answer, (count, before) in enumerate(
                zip(confusion.compressed[label], confusion.reference[label], strict=True)
            )
        )
        lines.append((name, counts))
    return Matrix(tuple(confusion.classes), tuple(lines))


def _changes(confusion: ConfusionPart) -> Table:
    """The pairs of label and answer that changed most."""
    names = confusion.classes
    found = [
        (names[label], names[answer], before, after)
        for label, (old, new) in enumerate(zip(confusion.reference, confusion.compressed, strict=True))
        for answer, (before, after) in enumerate(zip(old, new, strict=True))
        if before != after
    ]
    found.sort(key=lambda each: -abs(each[3] - each[2]))
    lines = tuple(
        Line((Cell(label), Cell(answer), number(before), number(after), number(after - before, "{:+d}")))
        for label, answer, before, after in found[:_CHANGES]
    )
    return Table("What changed most", _COLUMNS, lines)


def _samples(samples: Sequence[SampleValue], room: int) -> tuple[Sample, ...]:
    shown = []
    for sample in samples:
        image = picture(sample.image)
        room -= len(image or "")
        shown.append(Sample(sample, image if room >= 0 else None, _alternative(sample)))
    return tuple(shown)


def _alternative(sample: SampleValue) -> str:
    label = f", labelled {sample.label}" if sample.label is not None else ""
    return f"Sample {sample.index}{label}: float32 says {sample.reference}, compressed {sample.compressed}"


def confidence(value: float | None) -> str:
    """A confidence as it stands beside an answer."""
    return "" if value is None else text.percent(value, 0)
