"""`build_engine.sh`: the exact `trtexec` line for a file, a target and its TensorRT."""

from __future__ import annotations

import shlex

from compressor.lint.tensorrt.sparsity import sparse_layers
from compressor.onnx_view import Graph
from compressor.tensorrt import command
from compressor.tensorrt.board import Board

# What the calibrated script builds from, unless it is told another file.
FLOAT_FILE = "model_float32.onnx"
_SPARSE_FROM = 8.0


def text(board: Board, graph: Graph, precision: str) -> str:
    """The script for the file as it is."""
    about = f"# Builds model.plan of model.onnx ({precision}) with TensorRT {board.version}, for {board.target}."
    return _script(about, board, graph, precision, "", "model.onnx")


def calibrated_text(board: Board, graph: Graph, cache: str) -> str:
    """The script for the float32 file that this one was made of: TensorRT quantizes it with the cache's scales."""
    about = (
        f"# Builds model.plan of a float32 file without Q/DQ pairs, with the scales in {cache} and TensorRT\n"
        f"# {board.version}, for {board.target}. Tensors that the cache does not name stay float16."
    )
    return _script(about, board, graph, "int8", cache, FLOAT_FILE)


def _script(about: str, board: Board, graph: Graph, precision: str, cache: str, file: str) -> str:
    sparse = board.capability >= _SPARSE_FROM and bool(sparse_layers(graph))
    line = command.words(board, "@", "model.plan", precision, board.profiles(graph), sparse, cache)
    told = " ".join('--onnx="$ONNX"' if word == "--onnx=@" else shlex.quote(word) for word in line)
    return f"""#!/bin/sh
{about}
# An engine runs on the GPU, the system and the TensorRT it was built with alone: build it on the device itself.
# Other arguments are passed on to trtexec. This script was not run on a device.
set -eu
ONNX={file}
if [ $# -gt 0 ] && [ "${{1%.onnx}}" != "$1" ]; then
  case $1 in /*) ONNX=$1 ;; *) ONNX=$PWD/$1 ;; esac
  shift
fi
cd "$(dirname "$0")"
command -v trtexec >/dev/null 2>&1 || PATH="$PATH:/usr/src/tensorrt/bin"
{told} "$@"
"""
