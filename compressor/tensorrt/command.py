"""The `trtexec` line of a release: flags choose precision up to TensorRT 10, the file does from 11 on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compressor.lint.tensorrt import Profile
from compressor.tensorrt.board import Board

PROGRAM = "trtexec"
_FLAGS = {"float16": ("--fp16",), "int8": ("--int8", "--fp16"), "float32": ()}


def words(
    board: Board,
    onnx: str,
    plan: str,
    precision: str,
    profiles: Mapping[str, Profile],
    sparse: bool = False,
    cache: str = "",
) -> list[str]:
    """The program and its arguments.

    Args:
        precision: what the engine is to compute in; a DLA has no float32, and takes float16 instead.
        sparse: some layer is 2:4 sparse.
        cache: a calibration cache, for a file without Q/DQ pairs.
    """
    line = [PROGRAM, f"--onnx={onnx}", f"--saveEngine={plan}"]
    if board.weakly_typed:
        line += _FLAGS[board.computes_in(precision)]
    line += [f"--calib={cache}"] if cache else []
    if board.dla:
        line += ["--useDLACore=0", "--allowGPUFallback"]
    line += _shapes(profiles)
    line += ["--sparsity=enable"] if sparse else []
    return line


def _shapes(profiles: Mapping[str, Profile]) -> Sequence[str]:
    if not profiles:
        return ()
    return [
        f"--{limit}Shapes=" + ",".join(f"{name}:{'x'.join(map(str, each[place]))}" for name, each in profiles.items())
        for place, limit in enumerate(("min", "opt", "max"))
    ]
