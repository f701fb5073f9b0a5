"""Where the operators of a run's files run on its targets, as the report tells it."""

from __future__ import annotations

from pathlib import Path

from compressor.errors import BadInput
from compressor.inspection import Inspection, inspect
from compressor.report.figures import PlacedOperator, PlacementValue
from compressor.target import Target

# A graph of more is no picture any more, and would be most of the report.
MOST_OPERATORS = 400


class Placements:
    """Asks every file once for each target; rows of one file and target share what is known."""

    def __init__(self) -> None:
        self._found: dict[tuple[Path, str], Inspection | None] = {}
        self._drawn: set[tuple[Path, str]] = set()

    def of(self, path: Path, target: Target, drawn: bool) -> PlacementValue | None:
        """What of a file the target accelerates; None for a target without rules.

        Args:
            drawn: the file's operators are wanted too: the first time that it is asked for, and none of a file that has
                more than `MOST_OPERATORS`.
        """
        if not target.placement:
            return None
        key = (_inspected(path), target.name)
        if key not in self._found:
            self._found[key] = _inspection(key[0], target)
        found = self._found[key]
        if found is None:
            return None
        drawn = drawn and key not in self._drawn and len(found.operators) <= MOST_OPERATORS
        if drawn:
            self._drawn.add(key)
        return PlacementValue(
            accelerator_ops=found.accelerator_ops,
            cpu_ops=found.cpu_ops,
            accelerated_macs_share=found.accelerated_macs_share,
            reasons=list(found.reasons),
            operators=operators(found) if drawn else [],
        )


def operators(found: Inspection) -> list[PlacedOperator]:
    """All operators of a file, in the order they run in."""
    return [
        PlacedOperator(
            index=each.index,
            op=each.op,
            layer=each.layer,
            where=each.where,
            reason=each.reason,
            macs=each.macs,
            reads=list(each.reads),
        )
        for each in found.operators
    ]


def _inspection(path: Path, target: Target) -> Inspection | None:
    try:
        return inspect(path, target)
    except BadInput:
        # A file that cannot be read is told where it was to be measured.
        return None


def _inspected(path: Path) -> Path:
    """The file whose operators are told: of an ORT file, the one that it was made of, where that is kept."""
    made_of = path.parent.parent / "onnx" / f"{path.stem}.onnx"
    return made_of if path.suffix == ".ort" and made_of.is_file() else path
