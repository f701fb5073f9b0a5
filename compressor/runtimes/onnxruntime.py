"""ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from compressor.errors import BadInput
from compressor.feeding import whole
from compressor.onnx_graph import wide_sums
from compressor.runtimes import Runtime
from compressor.stacking import stacked
from compressor.values import Array, TensorSpec

_NUMPY_NAMES = {"float": "float32", "double": "float64"}


class OnnxSession:
    """Runs one sample at a time.

    Args:
        profile: how the name of a file begins that takes the time of every operator; None for no profile.

    Raises:
        BadInput: the file is no ONNX model, or holds operators that ONNX Runtime does not run.
    """

    def __init__(self, path: Path, threads: int, profile: Path | None = None) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        if profile is not None:
            options.enable_profiling, options.profile_file_prefix = True, str(profile)
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            if wide_sums.marked(self._session.get_modelmeta().custom_metadata_map):
                wide_sums.heed(options)
                self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise BadInput(f"ONNX Runtime cannot run {path}", received=" ".join(str(error).split())[:300]) from None
        self._inputs = tuple(_spec(value) for value in self._session.get_inputs())
        for spec in self._inputs:
            if spec.dtype not in np.sctypeDict:
                raise BadInput(f"the input '{spec.name}' of {path} is not numeric", received=spec.dtype)
        self._outputs = tuple(_spec(value) for value in self._session.get_outputs())
        self._feed: dict[str, Array] = {}
        self._results: list[Array] = []

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Inputs as the file states them."""
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Outputs as the file states them."""
        return self._outputs

    def load(self, sample: Mapping[str, Array]) -> None:
        """Put one sample in place."""
        self._feed = {spec.name: whole(sample[spec.name], spec) for spec in self._inputs}

    def invoke(self) -> None:
        """Run the loaded sample.

        Raises:
            BadInput: the file does not take single samples, or an operator refuses these values.
        """
        self._results = self._run(self._feed)

    def results(self) -> dict[str, Array]:
        """Outputs of the last run by name."""
        return {spec.name: result for spec, result in zip(self._outputs, self._results, strict=True)}

    def end_profile(self) -> str:
        """The path of the profile, which is whole then."""
        return str(self._session.end_profiling())

    @property
    def takes_batches(self) -> bool:
        """True when the first axis of every input and output is free."""
        return all(spec.shape[:1] == (None,) for spec in (*self._inputs, *self._outputs))

    def answers(self, block: Mapping[str, Array], together: int) -> dict[str, Array]:
        """Outputs by name of all samples, `together` of them in one run.

        Raises:
            BadInput: the file does not take so many samples, or an operator refuses these values.
        """
        feed = {spec.name: whole(block[spec.name], spec) for spec in self._inputs}
        count = len(next(iter(feed.values()))) if feed else 0
        found = [
            self._run({name: values[start : start + together] for name, values in feed.items()})
            for start in range(0, count, together)
        ]
        columns = zip(self._outputs, zip(*found, strict=True), strict=True)
        if together > 1:
            return {spec.name: np.concatenate(values) for spec, values in columns}
        return {spec.name: stacked(spec.name, values) for spec, values in columns}

    def _run(self, feed: Mapping[str, Array]) -> list[Array]:
        try:
            found: list[Array] = self._session.run(None, feed)
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            raise BadInput("ONNX Runtime cannot run the file on a single sample", received=reason) from None
        return found


def open_session(path: Path, threads: int) -> OnnxSession:
    """Open an `.onnx` or `.ort` file with `threads` threads."""
    return OnnxSession(path, threads)


def _spec(value: Any) -> TensorSpec:
    word = value.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(size if isinstance(size, int) else None for size in value.shape)
    return TensorSpec(value.name, shape, _NUMPY_NAMES.get(word, word))


RUNTIME = Runtime(
    summary="ONNX Runtime, CPU provider",
    suffixes=(".onnx", ".ort"),
    package="onnxruntime",
    pip_name="onnxruntime",
    open=open_session,
)
