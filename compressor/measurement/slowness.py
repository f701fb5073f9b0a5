"""Why a compressed file takes longer than its float32 file, as far as runtime and files tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from compressor import tflite_view
from compressor.errors import BadInput
from compressor.measurement import machine
from compressor.measurement.interleaved import LatencyRatio
from compressor.measurement.onnx_profile import OperatorTime, profile
from compressor.tflite_view import listing as tflite_listing
from compressor.values import Array

SHOWN = 10
_NAMED = 3
_CONVERTING = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear")
_FLOATS = ("FLOAT32", "FLOAT16")


def slower(found: LatencyRatio) -> bool:
    """Whether the interval of the ratio lies above 1, and the ratio beyond the noise."""
    return found.interval.low > 1 and found.ratio - 1 > found.noise


def why(
    artifact: Path, runtime: str, sample: Mapping[str, Array], found: LatencyRatio
) -> tuple[tuple[OperatorTime, ...], str]:
    """The operators that take longest where the runtime has a profile, and a sentence; nothing of a file not slower."""
    if not slower(found):
        return (), ""
    told = f"slower than float32 ({found.ratio:.2f} ×, beyond the noise of {_percent(found.noise)})"
    if runtime == "onnxruntime":
        times = profile(artifact, sample, found.threads)
        return times[:SHOWN], f"{told}: {of_profile(times)}{_processor(any(map(_of_bytes, times)))}"
    if artifact.suffix == ".tflite":
        return (), f"{told}: {of_tflite(artifact)}{_processor(_multiplies_bytes(artifact))}"
    return (), f"{told}: {runtime} has no profile that can be asked from Python"


def of_profile(times: Sequence[OperatorTime]) -> str:
    """Which kinds of operators take how much of the time: those that only convert first."""
    shares: dict[str, float] = defaultdict(float)
    for each in times:
        shares[each.op] += each.share
    converting = [op for op in _CONVERTING if op in shares]
    others = sorted((op for op in shares if op not in converting), key=lambda op: (-shares[op], op))[:_NAMED]
    told = [f"{op} {_percent(shares[op])}" for op in others]
    if converting:
        verb = "takes" if len(converting) == 1 else "take"
        first = f"{' and '.join(converting)} {verb} {_percent(sum(shares[op] for op in converting))} of the time"
        return ", ".join([first, *told])
    return f"of the time, {', '.join(told)}"


def of_tflite(artifact: Path) -> str:
    """LiteRT keeps no profile for Python: where the work is, and what is not computed in integers."""
    try:
        view = tflite_view.read(artifact)
    except BadInput:
        return "LiteRT has no profile that can be asked from Python"
    listed = tflite_listing.listed(view)
    total = sum(each.macs for each in listed) or 1
    heavy = sorted((each for each in listed if each.macs), key=lambda each: (-each.macs, each.index))[:_NAMED]
    named = ", ".join(f"{each.op} {each.layer or each.output} {_percent(each.macs / total)}" for each in heavy)
    converting = [each for each in view.operators if each.op in ("QUANTIZE", "DEQUANTIZE")]
    floats = [
        each.op
        for each in view.operators
        if each not in converting and any(made.type in _FLOATS for made in each.outputs)
    ]
    parts = [f"of the multiply-accumulates, {named}"] if named else []
    if converting:
        one = len(converting) == 1
        verbs = "operator only quantizes or dequantizes" if one else "operators only quantize or dequantize"
        parts.append(f"{len(converting)} {verbs}")
    if floats:
        parts.append(f"not computed in integers: {', '.join(dict.fromkeys(floats))}")
    return "; ".join(["LiteRT has no profile that can be asked from Python", *parts])


def _of_bytes(each: OperatorTime) -> bool:
    """ONNX Runtime's operators that multiply integers: `QLinearConv`, `QGemm`, `MatMulInteger`."""
    return (each.op.startswith("Q") and each.op not in _CONVERTING) or "Integer" in each.op


def _multiplies_bytes(artifact: Path) -> bool:
    """Whether an operator of a TFLite file reads int8 weights and no int16 values; of one that is unreadable none."""
    try:
        operators = tflite_view.read(artifact).operators
    except BadInput:
        return False
    return any(
        any(each.type == "INT8" and len(each.shape) > 1 for each in operator.constants)
        and all(made.type != "INT16" for made in operator.outputs)
        for operator in operators
    )


def _processor(integers: bool) -> str:
    """What the processor has for products of bytes, which nothing but int8 waits for."""
    found = machine.byte_products() if integers else None
    if found is None:
        return ""
    return f"; this processor has {', '.join(found) or 'no VNNI'}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.1f} %"
