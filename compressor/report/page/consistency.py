"""Parts of a report that have to fit together, which the schema alone does not say."""

from __future__ import annotations

from collections.abc import Iterator

from compressor.errors import BadInput
from compressor.report.evidence import ConfusionPart, WeightsPart
from compressor.report.schema import Report


def check(report: Report) -> None:
    """Refuse a report that says two things at once.

    Raises:
        BadInput: a judgement of no row, a confusion matrix that is not square, a histogram with too few edges.
    """
    if told := list(_mistakes(report)):
        raise BadInput(
            "the report does not fit together:" + "".join(f"\n  {each}" for each in told[:10]),
            fix="make the report again; report.json is not to be changed by hand",
        )


def _mistakes(report: Report) -> Iterator[str]:
    for position, judgement in enumerate(report.verdict.judgements):
        if not 0 <= judgement.row < len(report.rows):
            yield f"verdict.judgements.{position}.row: there is no row {judgement.row}"
    for position, answers in enumerate(report.answers):
        if answers.confusion is not None and not _is_square(answers.confusion):
            yield f"answers.{position}.confusion: must have a line and a column for each class"
    for position, weights in enumerate(report.weights):
        if not _has_edges(weights):
            yield f"weights.{position}.edges: must be one more than the counts, and grow"


def _is_square(confusion: ConfusionPart) -> bool:
    count = len(confusion.classes)
    matrices = (confusion.reference, confusion.compressed)
    return all(len(matrix) == count and all(len(line) == count for line in matrix) for matrix in matrices)


def _has_edges(weights: WeightsPart) -> bool:
    grows = all(low < high for low, high in zip(weights.edges, weights.edges[1:], strict=False))
    return grows and len(weights.before) == len(weights.after) == len(weights.edges) - 1
