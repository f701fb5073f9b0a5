"""A CMake project around a model: what TensorFlow Lite Micro is built with, and the self-test of the device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compressor import cpp_self_test
from compressor.target import Target
from compressor.tflm import c_array, operators, skeleton
from compressor.tflm.arena import arena
from compressor.tflm.fit import need
from compressor.values import Array

_ANY_CORE = "-mcpu=cortex-m4 -mthumb"


def files(
    content: bytes,
    target: Target,
    asked: Sequence[Array],
    told: Sequence[Array],
    steps: int,
    relative: float,
    npu: str = "",
) -> dict[str, bytes]:
    """The project's files by name.

    Args:
        content: the `.tflite` file that the device runs.
        target: may state `compiler_flags`.
        asked, told: per input and output, samples and expected answers as the device stores them.
        steps: how far integer answers may be off.
        relative: how far floats may be, against 1 or the largest of those expected.
        npu: of an Ethos-U beside the core, such as u55.

    Raises:
        BadInput: tensors of a type that TFLM has no memory for.
    """
    needed = arena(content)
    floats = [float(np.abs(each).max(initial=0)) for each in told if each.dtype.kind == "f"]
    absolute = relative * max(1.0, *floats) if floats else relative
    flags = str(target.facts["compiler_flags"].value) if "compiler_flags" in target.facts else _ANY_CORE
    texts = {
        "CMakeLists.txt": skeleton.cmake_lists(flags, _fits_with_self_test(content, target, asked, told), npu),
        "arm-none-eabi.cmake": skeleton.TOOLCHAIN,
        "main.cc": skeleton.main_source(operators.resolver_calls(content), needed.head, needed.total - needed.head),
        "model.cc": c_array.source(content),
        "model.h": c_array.header(),
        "self_test.cc": cpp_self_test.source(asked, told),
        "self_test.h": cpp_self_test.header(len(asked), len(told), len(asked[0]), steps, absolute),
    }
    return {name: text.encode() for name, text in texts.items()}


def _fits_with_self_test(content: bytes, target: Target, asked: Sequence[Array], told: Sequence[Array]) -> bool:
    """Whether the samples of the self-test have room in flash beside model and code."""
    if "flash_bytes" not in target.facts:
        return True
    samples = sum(each.nbytes for each in (*asked, *told))
    return need(content).flash + samples <= target.number("flash_bytes")
