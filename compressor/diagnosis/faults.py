"""What is out of order in a compressed file: sentences that name the layer, one per layer, the most telling first.

The bounds:

* Weights and biases that both files hold differ by rounding alone, which is a few steps at most.
* A scale fits when the samples fill 64 integers of an input, 32 of an inner tensor, and at most 1 % of the values lie
  beyond the integers, or those of less than a quarter of the samples. Fewer integers are as if two or three bits were
  missing. Less than 8 samples and less than 256 values say nothing: they may lie together, or beyond what calibration
  saw.
* A bias is stored in steps of input scale × weights scale, within 1 %.
* A slope is off when it is 1 % from 1 and two standard errors more. Rounding has no slope.
* An operator introduces too much when that is four times what its number formats explain, and at least 3 % of the
  tensor (1 % in 16 bits, 0.01 % in float32); where no rule tells what they explain, ten times the median of all
  operators and at least 10 %.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from compressor.diagnosis import weights
from compressor.diagnosis.comparison import Compared
from compressor.diagnosis.expectation import expected
from compressor.diagnosis.opened import INPUT, Node
from compressor.diagnosis.sums import Sums
from compressor.tflite_view.layers import plain

_STEPS_OF_INPUT, _STEPS = 64, 32
_CUT_OFF, _SEVERAL, _SHARE_OF_SAMPLES = 0.01, 3, 0.25
_FEWEST_SAMPLES, _FEWEST_VALUES = 8, 256
_SLOPE, _ERRORS = 0.01, 2.0
_TIMES, _TIMES_MEDIAN, _LEAST_OF_MEDIAN = 4.0, 10.0, 0.1
_LEAST = {8: 0.03, 16: 0.01}
_LEAST_OF_FLOAT = 1e-4
_EXPLAINED = 0.9
# The range of their answers is known without samples.
_OF_KNOWN_RANGE = ("SOFTMAX", "LOG_SOFTMAX", "LOGISTIC", "TANH", "L2_NORMALIZATION", "Softmax", "Sigmoid", "Tanh")
_MOVING = ("Reshape", "Transpose", "RESHAPE", "TRANSPOSE", "Identity", "QUANTIZE", "Squeeze", "Unsqueeze", "Flatten")


@dataclass(frozen=True, slots=True)
class Fault:
    """A layer and the sentence on what is out of order with it; `place` of its operator in the running order."""

    place: int
    layer: str
    told: str


def faults(compared: Compared) -> list[Fault]:
    """All of them, in running order."""
    findings = _constants(compared)
    retrained = _retrained(compared, findings)
    found: dict[str, Fault] = {}
    median = _median(compared)
    for place, node in enumerate(compared.rows):
        # What is told of a layer is told where its weights are, once.
        layer = plain(node.layer) if node.index >= 0 else f"input {node.title}"
        finding = findings.get(layer) if layer not in found and _reads(node, compared) else None
        if finding is not None and retrained and not finding.certain:
            finding = None
        told = None if finding is None else weights.sentence(node.title, finding)
        misfit = _misfit(compared, node, retrained)
        told = told or (misfit if _tells(compared, node) else None) or _foreign_scale(compared, node)
        if told is None and not retrained and misfit is None:
            told = _of_values(compared, node, median)
        if told is not None:
            found.setdefault(layer, Fault(place, _title(compared, node), told))
    return list(found.values())


def _constants(compared: Compared) -> dict[str, weights.Finding]:
    theirs, ours = weights.by_layer(compared.reference.nodes), weights.by_layer(compared.file.nodes)
    found = {layer: weights.compared(theirs[layer], ours[layer]) for layer in ours if layer and layer in theirs}
    return {layer: finding for layer, finding in found.items() if finding is not None}


def _reads(node: Node, compared: Compared) -> bool:
    """Whether a layer's constants are read up to this operator."""
    return bool(node.constants) or not any(
        plain(each.layer) == plain(node.layer) and each.constants for each in compared.rows
    )


def _retrained(compared: Compared, findings: dict[str, weights.Finding]) -> bool:
    """Whether the compressed model was trained again, pruned, or has other widths: then other weights are no fault."""
    theirs, ours = weights.by_layer(compared.reference.nodes), weights.by_layer(compared.file.nodes)
    # Layers that only the compressed model has, such as one of two that another was split into, tell nothing.
    layers = [layer for layer in ours if layer and layer in theirs]
    # No conversion gives a layer weights of another size; who took some away trained the others after it.
    if any(weights.resized(theirs[layer], ours[layer]) for layer in layers):
        return True
    other = {layer for layer, finding in findings.items() if finding.kind in ("other weights", "other bias")}
    return 2 * len(other) > max(len(layers), 1)


def _misfit(compared: Compared, node: Node, retrained: bool = False) -> str | None:
    """Whether the samples fit the integers of a tensor; a model trained again has values of its own inside."""
    kept = compared.sums[node.key]
    if kept.range is None or not kept.whole.signal or node.op in _OF_KNOWN_RANGE or _takes_over(compared, node):
        return None
    what = "input" if _is_input(compared, node) else "output"
    title = _title(compared, node)
    # Some samples may well lie beyond what calibration saw.
    samples = kept.range.samples
    several = kept.range.samples_beyond >= max(min(_SEVERAL, samples), _SHARE_OF_SAMPLES * samples)
    if kept.range.cut_off > _CUT_OFF and several and (what == "input" or not retrained):
        share = f"{100 * kept.range.cut_off:.0f} %"
        return f"{share} of the values of `{title}` are cut off: its {what} scale does not fit the samples"
    if kept.range.steps >= (_STEPS_OF_INPUT if what == "input" else _STEPS):
        return None
    share = f"{100 * kept.range.use:.1f} %"
    return f"the samples fill only {share} of the range of `{title}`: its {what} scale does not fit them"


def _tells(compared: Compared, node: Node) -> bool:
    """Whether there are enough samples or values to judge a scale by."""
    kept = compared.sums[node.key].range
    return kept is not None and (kept.samples >= _FEWEST_SAMPLES or kept.count >= _FEWEST_VALUES)


def _foreign_scale(compared: Compared, node: Node) -> str | None:
    """Whether a bias was stored for another input scale: kernels read it as input scale × weights scale."""
    weights_of = [each for each in node.constants if each.scale is not None and each.stored.ndim > 1]
    biases = [each for each in node.constants if each.scale is not None and each.stored.dtype == np.int32]
    read = [compared.sums[key].range for key in node.inputs if key in compared.sums]
    if (len(weights_of), len(biases), len(read)) != (1, 1, 1) or read[0] is None:
        return None
    kernel, bias = (each.scale for each in (*weights_of, *biases))
    if kernel is None or bias is None or kernel.size not in (1, bias.size):
        return None
    ratio = float(np.median(read[0].grid.scale * kernel.ravel() / bias.ravel()))
    if abs(ratio - 1) <= _SLOPE:
        return None
    return f"the input scale of `{node.title}` is {ratio:.3f} × the one that its bias was stored for"


def _takes_over(compared: Compared, node: Node) -> bool:
    """It has the scale of what it reads, where that was told already."""
    read = [compared.sums[key] for key in node.inputs if key in compared.sums]
    return any(each.range is not None and each.range.grid == node.grid for each in read)


def _is_input(compared: Compared, node: Node) -> bool:
    return node.op == INPUT or (node.op in _MOVING and set(node.inputs) <= set(compared.file.input_keys))


def _title(compared: Compared, node: Node) -> str:
    if node.op == INPUT or not _is_input(compared, node):
        return node.title
    return compared.file.inputs[compared.file.input_keys.index(node.inputs[0])].name


def _of_values(compared: Compared, node: Node, median: float) -> str | None:
    kept = compared.sums[node.key]
    ranges = [compared.sums[key].range for key in (node.key, *node.inputs) if key in compared.sums]
    cut_off = any(each is not None and each.cut_off > _CUT_OFF for each in ranges)
    # What a scale does to samples that it does not fit is no error of the operator.
    if cut_off or any(_misfits(compared, key) for key in node.inputs):
        return None
    slope = kept.own_gain.fitted()
    title = _title(compared, node)
    if slope is not None and abs(slope[0] - 1) > _SLOPE + _ERRORS * slope[1] and kept.alone.relative > _SLOPE / 2:
        return f"the answers of `{title}` are {slope[0]:.3f} × the float32 ones: {weights.off(slope[0])}"
    if not _too_much(compared, node, kept, median):
        return None
    if kept.channels.explained() > _EXPLAINED:
        return f"the answers of `{title}` differ by a constant per channel: its bias is not the same"
    share = f"{100 * kept.alone.relative:.1f} %"
    explained = expected(node, compared.sums)
    if explained is None:
        return f"`{title}` introduces an error of {share}, far more than the other layers ({100 * median:.1f} %)"
    usual = 100 * explained * kept.alone.relative / kept.alone.rms
    return f"`{title}` introduces an error of {share}, where its number format explains {usual:.1f} %"


def _too_much(compared: Compared, node: Node, kept: Sums, median: float) -> bool:
    explained = expected(node, compared.sums)
    if explained is None:
        return kept.alone.relative > max(_TIMES_MEDIAN * median, _LEAST_OF_MEDIAN)
    least = _LEAST.get(_width(node, compared), _LEAST_OF_FLOAT)
    return kept.alone.rms > _TIMES * explained and kept.alone.relative > least


def _width(node: Node, compared: Compared) -> int:
    """Bits of the coarsest number format that takes part."""
    grids = [each.grid for each in compared.file.nodes if each.key in (node.key, *node.inputs)]
    return min([node.bits, *((each.last - each.first).bit_length() for each in grids if each is not None)])


def _misfits(compared: Compared, key: object) -> bool:
    return any(_misfit(compared, node) is not None for node in compared.rows if node.key == key)


def _median(compared: Compared) -> float:
    introduced = [value for node in compared.rows if (value := compared.sums[node.key].alone.relative) > 0]
    return statistics.median(introduced) if introduced else 0.0


def ranks(compared: Compared) -> Iterator[tuple[Node, int | None]]:
    """Every row and its place by what it introduces, 1 for the largest."""
    ranked = sorted(
        (node for node in compared.rows if compared.sums[node.key].alone.count),
        key=lambda node: -compared.sums[node.key].alone.relative,
    )
    places = {node.key: place for place, node in enumerate(ranked, 1)}
    for node in compared.rows:
        yield node, places.get(node.key)
