"""What goes into the layers of a float network on the calibration samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from compressor import thresholds
from compressor.ncnn_model.container import NcnnModel
from compressor.ncnn_model.param import Layer
from compressor.ncnn_model.session import NcnnSession
from compressor.values import Array


def input_thresholds(model: NcnnModel, layers: Sequence[Layer], calibration: Mapping[str, Array]) -> dict[str, float]:
    """Where int8 cuts off the input of each of these layers, by layer name.

    Args:
        layers: some of the float32 model's; each one's first input is looked at.
    """
    blobs = list(dict.fromkeys(layer.inputs[0] for layer in layers))
    session = NcnnSession(model, 1, keep_all=True)
    seen = thresholds.observe(blobs, lambda: _held(session, blobs, calibration))
    return {layer.name: seen[layer.inputs[0]].threshold for layer in layers}


def _held(session: NcnnSession, blobs: list[str], calibration: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
    for row in range(len(next(iter(calibration.values())))):
        session.load({name: array[row : row + 1] for name, array in calibration.items()})
        yield dict(zip(blobs, session.blobs(blobs), strict=True))
