"""TensorRT without TensorRT: what a target's release takes of a file, and the scripts that build and run it there."""

from __future__ import annotations

from pathlib import Path

from compressor.lint.tensorrt import lint_graph
from compressor.onnx_view import read
from compressor.target import Target
from compressor.tensorrt import build_script, calibration_cache
from compressor.tensorrt.board import Board
from compressor.tensorrt.build_script import FLOAT_FILE

__all__ = ["BUILD", "BUILD_CALIBRATED", "CACHE", "FLOAT_FILE", "RUN", "needs_calibration", "refusals", "scripts"]

BUILD, BUILD_CALIBRATED, CACHE, RUN = (
    "build_engine.sh",
    "build_engine_calibrated.sh",
    "calibration.cache",
    "run_engine.py",
)


def refusals(path: Path, target: Target, precision: str) -> tuple[str, ...]:
    """Why TensorRT would not build an engine of a file for a target, one line for each broken rule.

    Raises:
        BadInput: no file that can be read as ONNX.
    """
    board = Board.of(target)
    graph = read(path)
    found = [*lint_graph(graph, board.platform(graph, precision)), *board.dla_findings(graph, precision)]
    return tuple(f"{each.rule} {each.where}: {each.message}" for each in found if each.severity == "error")


def scripts(onnx_path: Path, target: Target, precision: str) -> dict[str, str]:
    """Texts to lie beside a file, `model.onnx` there: how its engine is built on the target, and run.

    Args:
        precision: of the file, as the recipe says.

    Raises:
        BadInput: no file that can be read as ONNX.
    """
    board, graph = Board.of(target), read(onnx_path)
    texts = {BUILD: build_script.text(board, graph, precision), RUN: _runner()}
    scales = calibration_cache.scales(graph)
    if scales and board.weakly_typed:
        texts[CACHE] = calibration_cache.text(scales, board.version)
        texts[BUILD_CALIBRATED] = build_script.calibrated_text(board, graph, CACHE)
    return texts


def needs_calibration(target: Target) -> bool:
    """Whether int8 comes from a calibration cache there: on the DLA of TensorRT 8 to 10."""
    board = Board.of(target)
    return bool(board.dla) and board.weakly_typed


def _runner() -> str:
    return Path(__file__).with_name("run_engine.py").read_text(encoding="utf-8")
