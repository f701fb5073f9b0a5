"""What training simulated, held against the TFLite file that has its ranges: the metric, and arithmetic left in float.

Users of other tools found files far from the model that was trained to be quantized
(github.com/tensorflow/model-optimization, issues 368, 974, 1107). Here each such file is compared, and a file that is
surely more than half a point worse than its simulation fails the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from compressor import intervals, metrics, tflite_view
from compressor.report.evidence import PromisePart
from compressor.values import Array, Artifact

STEP, WHOLE = "quantize_aware", "whole file"
# Points; for errors, percent.
_MOST_LOST = 0.5
_ROUNDING = 1e-9


def of_operators(artifact: Artifact, steps_done: Sequence[Mapping[str, Any]]) -> Iterator[PromisePart]:
    """Operators of the file that compute in float32, where the step said that all layers are simulated.

    What the file's notes say is float on purpose, such as a softmax over many classes, leaves the question open.
    """
    done = next((each for each in steps_done if each["step"] == STEP), None)
    if done is None or done.get("stays_float"):
        return
    count = len(float_operators(artifact.path))
    told = next((note for note in artifact.notes if "float" in note), None)
    kept = None if count and told else count == 0
    yield _part(artifact, "float_operators", 0, count, kept, told if kept is None else None)


def float_operators(path: Path) -> list[str]:
    """Names of the operators of a TFLite file that read or write float32."""
    ends = ((each.op, (*each.inputs, *each.outputs)) for each in tflite_view.read(path).operators)
    return [name for name, tensors in ends if any(each is not None and each.type == "FLOAT32" for each in tensors)]


def of_metric(
    artifact: Artifact, name: str, labels: Array | None, answers: tuple[Array, Array], trusted: bool
) -> Iterator[PromisePart]:
    """The metric of a file against that of its simulation.

    Args:
        name: of the metric; nothing comes of none, or without labels.
        answers: those of the file, and those of the simulation.
    """
    if labels is None or not name:
        return
    metric = metrics.load(name, trusted)
    ours, simulated = (metric.value(labels, each) for each in answers)
    lost, sure = metric.drop(ours, simulated), intervals.of_drop(metric, labels, *answers).bounds
    if lost <= _MOST_LOST + _ROUNDING:
        yield _part(artifact, "simulated_metric", simulated, ours, True, None)
    elif sure is not None and sure.low > _MOST_LOST:
        yield _part(artifact, "simulated_metric", simulated, ours, False, None)
    else:
        yield _part(artifact, "simulated_metric", simulated, ours, None, "too few samples to be sure of the difference")


def _part(
    artifact: Artifact,
    kind: Literal["float_operators", "simulated_metric"],
    promised: float,
    received: float,
    kept: bool | None,
    reason: str | None,
) -> PromisePart:
    return PromisePart(
        format=artifact.format,
        precision=str(artifact.precision),
        step=STEP,
        layer=WHOLE,
        kind=kind,
        promised=promised,
        received=received,
        kept=kept,
        reason=reason,
    )
