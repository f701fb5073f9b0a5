"""What TensorRT computes of an ONNX file: on the GPU, on the DLA with the GPU behind it, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compressor import onnx_view
from compressor.lint import Finding, dla
from compressor.lint.dla import Refusal
from compressor.lint.tensorrt import lint_graph
from compressor.onnx_view import Graph
from compressor.onnx_view import listing as onnx_listing
from compressor.onnx_view.macs import macs
from compressor.placement import Placement
from compressor.placing import Compiled, Decision, Placing
from compressor.target import Target
from compressor.tensorrt import command, trtexec
from compressor.tensorrt.board import Board, precision_of

_ON_GPU = Decision("accelerator", "TensorRT computes it on the GPU")
_ON_DLA = Decision("accelerator", "the DLA computes it")


def place(graph: Graph, target: Target) -> Placing:
    """Where each operator runs; one that TensorRT refuses is unsupported, and so is the whole file then."""
    board = Board.of(target)
    precision = board.computes_in(precision_of(graph))
    found = [*lint_graph(graph, board.platform(graph, precision)), *board.dla_findings(graph, precision)]
    errors = [each for each in found if each.severity == "error"]
    fallbacks: Sequence[Refusal | None] = [None] * len(graph.nodes)
    if board.dla:
        fallbacks = dla.fallbacks(graph, board.accelerator(graph, precision))
    refused = {each.where: each for each in reversed(errors)}
    named = {node.name for node in graph.nodes}
    whole = next((_of_the_file(each) for each in errors if each.where not in named), None)
    decisions = tuple(
        _decision(refused.get(node.name), left, board, whole) for node, left in zip(graph.nodes, fallbacks, strict=True)
    )
    warnings = [_told(each) for each in found if each.severity != "error"]
    warnings += onnx_listing.uncounted(graph)
    shares = _shares(graph, fallbacks, board)
    if shares.get("gpu_fallback_ops"):
        warnings.append(f"GPU fallback: {shares['gpu_fallback_macs_share']:.1%} of multiply-accumulates leave the DLA")
    return Placing(decisions, tuple(map(_told, errors)), tuple(warnings), shares)


def _of_the_file(error: Finding) -> Decision:
    """What an error that is of no single operator, such as of the opset, means for each of them."""
    told = f"the file is refused: {error.rule} {error.where}: {error.message}"
    return Decision("unsupported", told, error.message.split("; ")[-1])


def _decision(error: Finding | None, left: Refusal | None, board: Board, whole: Decision | None) -> Decision:
    if error is not None:
        return Decision("unsupported", f"{error.rule}: {error.message}", error.message.split("; ")[-1])
    if whole is not None:
        return whole
    if left is not None:
        reason = f"the GPU computes it, not the DLA: {left.rule}, {left.reason}"
        return Decision("accelerator", reason, "keep within the limits of the DLA, or accept the GPU for it")
    return _ON_DLA if board.dla else _ON_GPU


def _shares(graph: Graph, fallbacks: Sequence[Refusal | None], board: Board) -> dict[str, float]:
    """Of a DLA, what goes to the GPU."""
    if not board.dla:
        return {}
    counted = [macs(node) for node in graph.nodes]
    on_gpu = sum(count for count, left in zip(counted, fallbacks, strict=True) if left)
    operators = sum(left is not None for left in fallbacks)
    share = on_gpu / sum(counted) if any(counted) else operators / max(len(counted), 1)
    return {"gpu_fallback_ops": operators, "gpu_fallback_macs": on_gpu, "gpu_fallback_macs_share": share}


def _told(finding: Finding) -> str:
    return f"{finding.rule} {finding.severity}: {finding.where}: {finding.message}"


def compile_file(program: str, path: Path, target: Target, timeout: float, keep: Path | None = None) -> Compiled:
    """What trtexec says of a file: whether it takes it, and how fast it is; the engine is thrown away.

    Raises:
        MissingTool, StageFailed: see `compressor.tensorrt.trtexec.time`.
    """
    graph = onnx_view.read(path)
    timed = trtexec.time(path, graph, target, precision_of(graph), timeout)
    statuses = (
        f"{timed.device}, compute capability {timed.capability:g}",
        f"latency {timed.latency[50]:g} ms (median), {timed.latency[99]:g} ms (99 %)",
        f"{timed.throughput:g} batches per second",
    )
    return Compiled(timed.version, None, {}, statuses)


PLACEMENT = Placement(
    summary="TensorRT: rules T1 to T14 of its ONNX parser, and D1 to D9 of the DLA",
    place=place,
    tool=command.PROGRAM,
    tool_help=trtexec.HELP,
    compile=compile_file,
    read=onnx_view.read,
    listed=onnx_listing.listed,
)
