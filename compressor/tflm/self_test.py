"""Ten samples and the answers expected of them, as C++ that a device compares itself with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compressor.feeding import whole
from compressor.tflite_edit.graph import Graph
from compressor.tflite_session import quantized
from compressor.values import Array, TensorSpec

SAMPLES = 10
# The reference kernels of LiteRT and TFLM give the same integers; floats differ by the order of sums.
INTEGER_TOLERANCE, FLOAT_TOLERANCE = 0, 1e-5
_PER_LINE = 12


@dataclass(frozen=True, slots=True)
class End:
    """One input or output of a file; scale 0 when its numbers stand for themselves."""

    spec: TensorSpec
    scale: float
    zero_point: int

    def stored(self, values: Array) -> Array:
        """Real numbers as the file holds them."""
        if not self.scale:
            return whole(values, self.spec)
        return quantized(values, self.spec.dtype, self.scale, self.zero_point)


def ends(graph: Graph, tensors: Sequence[int], specs: Sequence[TensorSpec]) -> tuple[End, ...]:
    """Inputs or outputs, in the file's order, named as `specs` name them."""
    found = []
    for index, spec in zip(tensors, specs, strict=True):
        known = graph.tensor(index).quantization if graph.quantized(index) else None
        scale, zero = (float(known.scale[0]), int(known.zeroPoint[0])) if known is not None else (0.0, 0)
        found.append(End(spec, scale, zero))
    return tuple(found)


def header(inputs: int, outputs: int, samples: int) -> str:
    """`self_test.h`."""
    return (
        "#ifndef SELF_TEST_H_\n#define SELF_TEST_H_\n\n"
        f"constexpr int kSamples = {samples};\nconstexpr int kInputs = {inputs};\nconstexpr int kOutputs = {outputs};\n"
        f"constexpr double kIntegerTolerance = {INTEGER_TOLERANCE};\n"
        f"constexpr double kFloatTolerance = {FLOAT_TOLERANCE};\n\n"
        "// Of each input and output: the bytes of all samples, one after the other.\n"
        "extern const unsigned char* const self_test_inputs[kInputs];\n"
        "extern const unsigned char* const self_test_outputs[kOutputs];\n\n#endif  // SELF_TEST_H_\n"
    )


def source(inputs: Sequence[Array], outputs: Sequence[Array]) -> str:
    """`self_test.cc`; the first axis of every array is the sample."""
    parts = ['#include "self_test.h"\n\nnamespace {\n']
    for kind, arrays in (("input", inputs), ("output", outputs)):
        parts += [f"const unsigned char {kind}_{at}[] = {{\n{_bytes(each)}\n}};\n" for at, each in enumerate(arrays)]
    parts.append("}  // namespace\n")
    for kind, arrays in (("input", inputs), ("output", outputs)):
        named = ", ".join(f"{kind}_{at}" for at in range(len(arrays)))
        parts.append(f"const unsigned char* const self_test_{kind}s[k{kind.capitalize()}s] = {{{named}}};\n")
    return "\n".join(parts)


def _bytes(array: Array) -> str:
    # Cortex-M is little-endian.
    content = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    rows = (content[start : start + _PER_LINE] for start in range(0, len(content), _PER_LINE))
    return ",\n".join("  " + ", ".join(f"0x{each:02x}" for each in row) for row in rows)
