"""Ten samples and the answers expected of them, as C++ that a device compares itself with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compressor.values import Array

_PER_LINE = 12


def header(inputs: int, outputs: int, samples: int, integer_tolerance: int, float_tolerance: float) -> str:
    """`self_test.h`."""
    return (
        "#ifndef SELF_TEST_H_\n#define SELF_TEST_H_\n\n"
        f"constexpr int kSamples = {samples};\nconstexpr int kInputs = {inputs};\nconstexpr int kOutputs = {outputs};\n"
        f"constexpr double kIntegerTolerance = {integer_tolerance};\n"
        f"constexpr double kFloatTolerance = {float_tolerance:g};\n\n"
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
    # Every device here is little-endian.
    content = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    rows = (content[start : start + _PER_LINE] for start in range(0, len(content), _PER_LINE))
    return ",\n".join("  " + ", ".join(f"0x{each:02x}" for each in row) for row in rows)
