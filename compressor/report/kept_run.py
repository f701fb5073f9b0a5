"""A report and what lies beside it: outputs of every file and the labels, which pairs of samples are made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compressor.data.npz import NpzFile
from compressor.errors import BadInput
from compressor.report.schema import DataPart, Report, Row
from compressor.values import Array


@dataclass(frozen=True, slots=True)
class Run:
    """A report, and the run folder it is of, where that is there."""

    report: Report
    folder: Path | None = None

    def data(self, row: Row) -> DataPart:
        """The data of the row's network."""
        own = (each.data for each in self.report.model.networks if each.name == row.network)
        return next(own, self.report.data)

    def labels(self, row: Row) -> Array | None:
        """The labels of the evaluation set; None where they are not there."""
        path = self._in_folder(row, "data.npz")
        if path is None:
            return None
        column = NpzFile(path).columns().get("y_evaluation")
        return None if column is None else column.pick(np.arange(column.shape[0]))

    def outputs(self, row: Row) -> Array | None:
        """What the row's file answered to the evaluation set, the output that labels belong to; None as above.

        Raises:
            BadInput: the file is damaged.
        """
        name = f"outputs/{row.stage}-{row.format}-{row.precision}-{row.runtime}.npz"
        path = self._in_folder(row, name)
        if path is None:
            return None
        found = NpzFile(path).columns()
        column = found.get(self._judged(row)) or next(iter(found.values()), None)
        return None if column is None else column.pick(np.arange(column.shape[0]))

    def _judged(self, row: Row) -> str:
        own = (each.outputs for each in self.report.model.networks if each.name == row.network)
        outputs = next(own, self.report.model.outputs)
        return outputs[0].name if outputs else ""

    def _in_folder(self, row: Row, name: str) -> Path | None:
        if self.folder is None:
            return None
        path = self.folder / (row.network or "") / name
        return path if path.is_file() else None


def of(path: Path) -> Run:
    """The run of a folder, or of a `report.json`, with what lies beside it.

    Raises:
        BadInput: no report.
    """
    from compressor.report.schema import read

    report = read(path)
    folder = path if path.is_dir() else path.parent
    if not folder.is_dir():
        raise BadInput(f"there is no folder {folder}")
    return Run(report, folder)
