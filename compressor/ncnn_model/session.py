"""A `.ncnn` file opened by NCNN: in float32 throughout, so that answers can be compared, or as a phone has it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from compressor.errors import BadInput
from compressor.feeding import whole
from compressor.ncnn_model.container import End, NcnnModel, read
from compressor.ncnn_model.param import parse
from compressor.values import Array, TensorSpec


class NcnnSession:
    """Runs one sample at a time; recurrent layers start each from zero.

    Args:
        model: as read from a `.ncnn` file.
        keep_all: no blob is thrown away before the end, so that any can be asked for.
        float16: numbers between layers are float16 where the machine computes with them, NCNN's default.

    Raises:
        BadInput: NCNN does not load the model.
    """

    def __init__(self, model: NcnnModel, threads: int, keep_all: bool = False, float16: bool = False) -> None:
        self._model = model
        self._net = _net(model, threads, keep_all, float16)
        self._feed: list[tuple[str, Any]] = []
        self._found: list[Any] = []

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Inputs as the file states them."""
        return tuple(end.spec for end in self._model.inputs)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Outputs as the file states them."""
        return tuple(end.spec for end in self._model.outputs)

    def load(self, sample: Mapping[str, Array]) -> None:
        """Put one sample in place."""
        self._feed = [(end.blob, _mat(_as_ncnn(sample[end.name], end))) for end in self._model.inputs]

    def invoke(self) -> None:
        """Run the loaded sample.

        Raises:
            BadInput: a layer cannot compute it.
        """
        self._found = self._extracted([end.blob for end in self._model.outputs])

    def results(self) -> dict[str, Array]:
        """Outputs of the last run by name."""
        return {
            end.name: _as_model(np.array(found), end)
            for end, found in zip(self._model.outputs, self._found, strict=True)
        }

    def blobs(self, names: list[str]) -> list[Array]:
        """What these blobs hold for the loaded sample."""
        return [np.array(found) for found in self._extracted(names)]

    def _extracted(self, names: list[str]) -> list[Any]:
        extractor = self._net.create_extractor()
        for blob, value in self._feed:
            if extractor.input(blob, value) != 0:
                raise BadInput(f"NCNN does not take a sample at '{blob}'")
        found = []
        for name in names:
            code, value = extractor.extract(name)
            if code != 0:
                raise BadInput("NCNN cannot run the file on a single sample", received=f"code {code} at '{name}'")
            found.append(value)
        return found


def open_session(path: Path, threads: int) -> NcnnSession:
    """Open a `.ncnn` file with `threads` threads, in float32."""
    return NcnnSession(read(path), threads)


def open_float16_session(path: Path, threads: int) -> NcnnSession:
    """Open a `.ncnn` file with `threads` threads and NCNN's default options."""
    return NcnnSession(read(path), threads, float16=True)


def _net(model: NcnnModel, threads: int, keep_all: bool, float16: bool) -> Any:
    import ncnn

    _check_layers(model.param)
    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.lightmode = not keep_all
    net.opt.use_vulkan_compute = False
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"):
        setattr(net.opt, option, float16)
    # From a folder: weights that NCNN takes from memory must stay there as long as it lives.
    with tempfile.TemporaryDirectory() as folder:
        param, weights = Path(folder) / "model.param", Path(folder) / "model.bin"
        param.write_text(model.param, encoding="utf-8")
        weights.write_bytes(model.bin)
        if net.load_param(str(param)) != 0 or net.load_model(str(weights)) != 0:
            raise BadInput("NCNN does not load the model", expected="a graph and weights that belong together")
    return net


def _check_layers(param: str) -> None:
    import ncnn

    try:
        kinds = sorted({layer.kind for layer in parse(param)})
    except ValueError as error:
        raise BadInput("NCNN does not load the model", received=str(error)) from None
    unknown = [kind for kind in kinds if ncnn.layer_to_index(kind) < 0]
    if unknown:
        raise BadInput(f"NCNN has no layer {', '.join(unknown)}")


def _mat(array: Array) -> Any:
    """A copy: a Mat made of an array looks into its memory, and does not keep it alive."""
    import ncnn

    return ncnn.Mat(array).clone()


def _as_ncnn(sample: Array, end: End) -> Array:
    """In NCNN's order of axes, the first one left out where the blob has none."""
    moved = whole(sample, end.spec).reshape(end.shape).transpose(end.order)
    return np.ascontiguousarray(moved if end.keeps_first else moved[0])


def _as_model(found: Array, end: End) -> Array:
    """As the model has it: NCNN leaves out axes of size 1."""
    if found.size != int(np.prod(end.shape)):
        raise BadInput(f"the output '{end.name}' has another size", expected=str(end.shape), received=str(found.shape))
    moved = found.astype(end.dtype, copy=False).reshape([end.shape[axis] for axis in end.order])
    return np.ascontiguousarray(moved.transpose(np.argsort(end.order)))
