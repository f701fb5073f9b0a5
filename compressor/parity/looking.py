"""Jobs of a worker process, for a file that crashes a runtime is not to end the run: layers, and where they diverge."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compressor import diagnosis
from compressor.measurement import evaluation
from compressor.values import Array, TensorSpec


def layers(float_file: str, file: str, samples: dict[str, Any], runtime: str | None) -> dict[str, Any]:
    """See `compressor.diagnosis.layers`.

    Args:
        samples: arguments of `read`.
    """
    return diagnosis.layers(Path(float_file), Path(file), read(**samples), runtime).model_dump(mode="json")


def locate(reference: str, file: str, samples: dict[str, Any], stage: Any, runtime: str, log: str) -> Any:
    """See `compressor.diagnosis.locate`; None where no layer diverges."""
    found = diagnosis.locate(Path(reference), Path(file), read(**samples), stage, runtime, Path(log))
    return None if found is None else found.model_dump(mode="json")


def read(data: str, inputs: list[Mapping[str, Any]], count: int, trusted: bool) -> dict[str, Array]:
    """The first samples of an evaluation set.

    Args:
        inputs: of the file, as a measuring process tells them.
    """
    specs = tuple(TensorSpec(each["name"], tuple(each["shape"]), each["dtype"]) for each in inputs)
    return evaluation.first_samples(data, specs, count, trusted)
