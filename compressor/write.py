"""The writing station: one artifact from a model on disk, in a child process.

Runs as a job of `compressor.process.Worker`; arguments and result are plain JSON.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from compressor import formats, runtimes
from compressor.errors import CompressorError, Refused, StageFailed
from compressor.files import deflated_size, sha256, whole_file
from compressor.packing.files import packed_size
from compressor.values import Granularity, Precision, Source, TensorSpec
from compressor.worker import report_progress

# Other files are made of these, or hold their weights in another form.
_PACKED = (".tflite", ".onnx")


def write(
    source: dict[str, Any], format_name: str, precision: str, calibration: str, destination: str
) -> dict[str, Any]:
    """Write `destination` in the format and precision; returns the record of the file.

    Raises:
        Refused: the converter does not take the model in this precision.
        StageFailed: it wrote nothing.
    """
    path = Path(destination)
    report_progress(f"write {path.name}")
    with np.load(calibration, allow_pickle=False) as arrays:
        samples = {name: arrays[name] for name in arrays.files}
    try:
        with whole_file(path) as temporary:
            notes = formats.load(format_name).write(_source(source), Precision(precision), samples, temporary)
            if temporary.stat().st_size == 0:
                raise StageFailed(f"the {format_name} converter wrote an empty file")
    # A full disk says nothing of the model.
    except (CompressorError, MemoryError, OSError):
        raise
    except Exception as error:
        raise Refused(f"the {format_name} converter refused {precision}: {_summary(error)}") from error
    return {
        "bytes": path.stat().st_size,
        "bytes_deflated": deflated_size(path),
        "bytes_packed": packed_size(path) if path.suffix in _PACKED else None,
        "sha256": sha256(path),
        "notes": list(notes),
    }


def check(
    source: dict[str, Any], format_name: str, precision: str, calibration: str, destination: str
) -> dict[str, Any]:
    """As `write`, and run the file on one sample.

    Raises:
        CompressorError: as `write`; also when no runtime here opens or runs the file.
    """
    record = write(source, format_name, precision, calibration, destination)
    path = Path(destination)
    session = runtimes.load(runtimes.for_file(path)).open(path, 1)
    with np.load(calibration, allow_pickle=False) as arrays:
        session.load({name: arrays[name][:1] for name in arrays.files})
    session.invoke()
    return record


def _source(source: dict[str, Any]) -> Source:
    return Source(
        name=source["name"],
        model=Path(source["model"]),
        simulated=Path(source["simulated"]) if source["simulated"] else None,
        inputs=tuple(_spec(spec) for spec in source["inputs"]),
        outputs=tuple(_spec(spec) for spec in source["outputs"]),
        granularity=Granularity(source["granularity"]),
    )


def _spec(spec: dict[str, Any]) -> TensorSpec:
    return TensorSpec(spec["name"], tuple(spec["shape"]), spec["dtype"])


def _summary(error: Exception) -> str:
    """The line of a converter's message that says most: its last error line, else its first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    telling = [line for line in lines if "error:" in line.lower()]
    return (telling or lines)[0][:400]
