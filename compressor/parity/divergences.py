"""Cells that are out of order, and where it begins: the stage, and the layer as far as it can be told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from compressor.report.evidence import Divergence, LayersPart, ParityCell

Fault = Literal["conversion", "runtime"]
# Of a file, as its cells name it, a fault and the runtime that shows it: where it begins; None where nobody knows.
Locate = Callable[["FileKey", Fault, str], Divergence | None]

_STATE = "the first sample is answered otherwise after the others: state is not reset between samples"


@dataclass(frozen=True, slots=True)
class FileKey:
    """A file of a run, as the cells of its matrix name it."""

    stage: str
    format: str
    precision: str


@dataclass(slots=True)
class Naming:
    """Names what is out of order in the cells of one matrix.

    Attributes:
        locate: takes seconds, and is asked once for a file and a fault.
        unrepeatable: files on runtimes that answer the first sample otherwise after the others.
        layers: of the compressed files.
    """

    locate: Locate
    unrepeatable: frozenset[tuple[FileKey, str]] = frozenset()
    layers: Sequence[LayersPart] = ()
    _found: dict[tuple[FileKey, Fault], Divergence] = field(default_factory=dict)

    def named(self, cells: Sequence[ParityCell]) -> list[ParityCell]:
        """The cells, those out of order with what is known of it."""
        exact = {key(cell) for cell in cells if cell.against == "keras" and cell.within}
        return [self._named(cell, exact) for cell in cells]

    def _named(self, cell: ParityCell, exact: set[FileKey]) -> ParityCell:
        if cell.host is None and (key(cell), cell.runtime) in self.unrepeatable:
            found: Divergence | None = Divergence(stage="state", layer=None, told=_STATE)
        elif cell.within is False:
            # Where other kernels give the model's own answers, the file is in order.
            converted = cell.against == "keras" and key(cell) not in exact
            found = self._located(cell, "conversion" if converted else "runtime")
        else:
            found = self._compression(cell)
        return cell if found is None else cell.model_copy(update={"diverges": found})

    def _located(self, cell: ParityCell, fault: Fault) -> Divergence:
        if (key(cell), fault) not in self._found:
            located = self.locate(key(cell), fault, cell.runtime)
            told = f"the answers are {_UNLIKE[fault]}; no single layer was found where that begins"
            self._found[key(cell), fault] = located or Divergence(stage=fault, layer=None, told=told)
        return self._found[key(cell), fault]

    def _compression(self, cell: ParityCell) -> Divergence | None:
        if cell.against != "float32":
            return None
        return next((found for part in self.layers for found in _faults(part) if _about(part, cell)), None)


_UNLIKE: Mapping[Fault, str] = {
    "conversion": "not those of the model that the file was made of",
    "runtime": "not those that other kernels give for the same file",
}


def key(cell: ParityCell) -> FileKey:
    """The file that a cell is about; one on an emulated core is a file of its own, for its kernels are other ones."""
    return FileKey(cell.stage, cell.format, cell.precision)


def _about(part: LayersPart, cell: ParityCell) -> bool:
    return (part.format, part.precision) == (cell.format, cell.precision) and cell.stage == "compressed"


def _faults(part: LayersPart) -> Iterable[Divergence]:
    if part.faults:
        named = (each.layer for each in part.layers if each.layer and each.layer in part.faults[0])
        yield Divergence(stage="compression", layer=next(named, None), told="; ".join(part.faults))
