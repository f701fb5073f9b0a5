"""A `.tflite` file opened by LiteRT, with a choice of kernels: shared by the LiteRT runtimes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from compressor.errors import BadInput
from compressor.feeding import whole
from compressor.stacking import stacked
from compressor.values import Array, TensorSpec

# Integers of so many bits fit into a float32 with their zero point.
_SMALL = 16
# Numbers that are worked on stay in the processor's cache: a whole block takes three times as long.
_CACHED_BYTES = 1 << 17
_HALF = 0.5


class Kernels(Enum):
    """Which implementations compute the operators; the values are LiteRT's own names."""

    DEFAULT = "BUILTIN"
    BUILTIN = "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
    REFERENCE = "BUILTIN_REF"


@dataclass(frozen=True, slots=True)
class _End:
    """One input or output tensor of the file."""

    spec: TensorSpec
    index: int
    scale: float
    zero_point: int

    @property
    def quantized(self) -> bool:
        """True when the integers stand for real numbers."""
        return self.scale != 0 and np.dtype(self.spec.dtype).kind in "iu"


class TfliteSession:
    """Runs one sample at a time; variables (the state of a fused LSTM) are reset before each.

    Raises:
        BadInput: the file is no TFLite model, or holds operators that LiteRT does not run.

    Args:
        read: takes the TFLite model out of a file of another kind.
        keep: every tensor can be looked at after a run, not the outputs alone.
    """

    def __init__(
        self,
        path: Path,
        threads: int,
        kernels: Kernels,
        read: Callable[[Path], bytes] = Path.read_bytes,
        keep: bool = False,
    ) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        try:
            content = read(path)
            with warnings.catch_warnings():
                # It warns of the memory that kept tensors take.
                warnings.simplefilter("ignore")
                self._interpreter = Interpreter(
                    model_content=content,
                    num_threads=threads,
                    experimental_op_resolver_type=OpResolverType[kernels.value],
                    experimental_preserve_all_tensors=keep,
                )
            self._interpreter.allocate_tensors()
            inputs, outputs = _signature_names(self._interpreter)
            self._inputs = tuple(_end(detail, inputs) for detail in self._interpreter.get_input_details())
            self._outputs = tuple(_end(detail, outputs) for detail in self._interpreter.get_output_details())
        except (ValueError, RuntimeError, OSError, TypeError, KeyError) as error:
            raise _refusal(f"run {path}", error) from None

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Inputs as the file states them."""
        return tuple(end.spec for end in self._inputs)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Outputs as the file states them."""
        return tuple(end.spec for end in self._outputs)

    def load(self, sample: Mapping[str, Array]) -> None:
        """Reset all state and put one sample in place."""
        with _refused("take a single sample"):
            self._interpreter.reset_all_variables()
            for end in self._inputs:
                self._interpreter.set_tensor(end.index, _quantized(sample[end.spec.name], end))

    def invoke(self) -> None:
        """Run the loaded sample.

        Raises:
            BadInput: an operator refuses these values, or the file lacks what it needs.
        """
        # No context manager here: entering one takes longer than a small network does.
        try:
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise _refusal("run the file on a single sample", error) from None

    def results(self) -> dict[str, Array]:
        """Outputs of the last run by name, dequantized."""
        with _refused("tell the file's outputs"):
            return {end.spec.name: _dequantized(self._interpreter.get_tensor(end.index), end) for end in self._outputs}

    def put(self, tensors: Mapping[int, Array]) -> None:
        """Reset all state and put inputs in place by their numbers, as they are stored."""
        with _refused("take a single sample"):
            self._interpreter.reset_all_variables()
            for index, array in tensors.items():
                self._interpreter.set_tensor(index, array)

    def stored(self, index: int) -> Array:
        """A tensor of the last run, as it is stored; one inside the graph only when all are kept."""
        with _refused("tell a tensor"):
            return np.asarray(self._interpreter.get_tensor(index))

    @property
    def takes_batches(self) -> bool:
        """False: files have a batch of one, and another would lay out all of the file's memory anew."""
        return False

    def answers(self, block: Mapping[str, Array], together: int) -> dict[str, Array]:
        """Outputs by name of all samples, quantized and dequantized in one go; all state is reset before each.

        Raises:
            BadInput: an operator refuses these values, or the file lacks what it needs.
        """
        fed = [(end.index, _quantized(block[end.spec.name], end)) for end in self._inputs]
        count = len(fed[0][1]) if fed else 0
        found: list[list[Array]] = [[] for _ in self._outputs]
        interpreter = self._interpreter
        try:
            for place in range(count):
                interpreter.reset_all_variables()
                for index, values in fed:
                    interpreter.set_tensor(index, values[place : place + 1])
                interpreter.invoke()
                for kept, end in zip(found, self._outputs, strict=True):
                    kept.append(interpreter.get_tensor(end.index))
        except (ValueError, RuntimeError) as error:
            raise _refusal("run the file on a single sample", error) from None
        return {
            end.spec.name: _dequantized(stacked(end.spec.name, kept), end)
            for kept, end in zip(found, self._outputs, strict=True)
        }


@contextmanager
def _refused(what: str) -> Iterator[None]:
    """What LiteRT says against a file that it opened, and cannot run after all, is bad input."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        raise _refusal(what, error) from None


def _refusal(what: str, error: Exception) -> BadInput:
    return BadInput(f"LiteRT cannot {what}", received=" ".join(str(error).split())[:300])


def _signature_names(interpreter: Any) -> tuple[dict[int, str], dict[int, str]]:
    """Tensor index → the name the model's author gave it, where the file has exactly one signature."""
    signatures = list(interpreter.get_signature_list())
    if len(signatures) != 1:
        return {}, {}
    runner = interpreter.get_signature_runner(signatures[0])
    return (
        {detail["index"]: name for name, detail in runner.get_input_details().items()},
        {detail["index"]: name for name, detail in runner.get_output_details().items()},
    )


def _end(detail: dict[str, Any], names: dict[int, str]) -> _End:
    scale, zero_point = detail["quantization"]
    shape = tuple(int(size) for size in detail["shape"])
    spec = TensorSpec(names.get(detail["index"], detail["name"]), shape, np.dtype(detail["dtype"]).name)
    return _End(spec, detail["index"], float(scale), int(zero_point))


def _quantized(array: Array, end: _End) -> Array:
    dtype = np.dtype(end.spec.dtype)
    if not end.quantized or array.dtype == dtype:
        return whole(array, end.spec)
    return quantized(array, end.spec.dtype, end.scale, end.zero_point)


def quantized(array: Array, dtype: str, scale: float, zero_point: int) -> Array:
    """Real numbers as the integers that stand for them, rounded as TFLite's own QUANTIZE does."""
    values = np.atleast_1d(array)
    found = np.empty(values.shape, dtype)
    rows = max(1, _CACHED_BYTES // max(1, 4 * math.prod(values.shape[1:])))
    for start in range(0, len(values), rows):
        found[start : start + rows] = _rounded(values[start : start + rows], found.dtype, scale, zero_point)
    return found.reshape(array.shape)


def _rounded(array: Array, dtype: np.dtype[Any], scale: float, zero_point: int) -> Array:
    """Divided in float32 and rounded half away from zero."""
    info = np.iinfo(dtype)
    scaled = np.divide(array, np.float32(scale), dtype=np.float32)
    if info.bits > _SMALL:
        scaled = scaled.astype(np.float64)
    rounded: Array = np.rint(scaled)
    # numpy rounds half to even: what lies halfway goes on, where that was towards zero.
    rest = np.subtract(scaled, rounded, out=scaled)
    if rest.size and max(rest.max(), -rest.min()) == _HALF:
        rounded += (rest == _HALF) & (rounded >= 0)
        rounded -= (rest == -_HALF) & (rounded <= 0)
    rounded += zero_point
    whole: Array = np.clip(rounded, info.min, info.max, out=rounded).astype(dtype)
    return whole


def _dequantized(array: Array, end: _End) -> Array:
    if not end.quantized:
        return array
    return (array.astype(np.float32) - np.float32(end.zero_point)) * np.float32(end.scale)
