"""Measuring one artifact on one runtime, in this very process, which never imports TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compressor import metrics, runtimes
from compressor.errors import BadInput
from compressor.files import whole_file
from compressor.measurement import latency, memory, outputs
from compressor.measurement.machine import cores, host
from compressor.progress import Listener, silent
from compressor.values import Array, Latency, Split, Stream, TensorSpec

__all__ = ["Measurement", "Reader", "cores", "host", "judge", "measure", "metric_value"]

# Of an artifact's inputs: the evaluation set that belongs to them.
Reader = Callable[[tuple[TensorSpec, ...]], Split | Stream]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Numbers of one artifact on one runtime on one host.

    Attributes:
        metric: name, or "" when the evaluation set has no labels.
        value: of the metric over all `samples`.
        latency: None where it was not asked for.
    """

    runtime: str
    host: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    samples: int
    metric: str
    value: float | None
    latency: Latency | None
    peak_rss_bytes: int | None


def measure(
    artifact: Path,
    evaluation: Split | Stream | Reader,
    runtime: str | None = None,
    threads: int = 1,
    judged: str | None = None,
    metric: str | None = None,
    results: Path | None = None,
    listener: Listener = silent,
    trusted: bool = False,
    first: int | None = None,
    timed: bool = True,
) -> Measurement:
    """Latency and memory on one sample, then the metric over the whole evaluation set.

    Args:
        artifact: a `.tflite`, `.onnx`, `.ort`, `.ncnn` or `.cc` file.
        evaluation: samples as the model takes them, and labels for the metric; or a function of the artifact's inputs
            that reads them. A single input may go without a name ("").
        runtime: name, or None for the first that opens the file.
        threads: threads of the runtime while latency is timed.
        judged: name of the output that the labels belong to; the file's first when None or not in the file.
        metric: name of the metric, or None for the one that suits labels and outputs.
        results: receives the outputs of every sample, by output name, as `.npz`.
        trusted: the metric may be code that the user names.
        first: only so many of the evaluation samples, the first ones; None takes all.
        timed: measure latency.

    Raises:
        BadInput: a file that cannot be read, or data that does not fit the artifact.
        MissingTool: the runtime is not installed.
    """
    if not artifact.is_file():
        raise BadInput(f"there is no artifact {artifact}", expected="the path of a .tflite or .onnx file")
    used = runtimes.for_file(artifact, runtime)
    if metric is not None:
        metrics.load(metric, trusted)
    opened = runtimes.load(used).open
    with latency.pinned(threads):
        session = opened(artifact, threads)
        samples = evaluation(session.inputs) if callable(evaluation) else evaluation
        if first is not None:
            samples = outputs.shortened(samples, first)
        sample = outputs.first_sample(samples, session.inputs)
        found_latency = latency.time_session(session, sample, threads) if timed else None
    rss = memory.peak_rss_bytes()
    collected = outputs.collect(lambda: opened(artifact, 1), samples, listener)
    found, labels = collected.outputs, collected.labels
    answers = found[judged] if judged in found else next(iter(found.values()))
    name, value = judge(labels, answers, metric, trusted)
    if results is not None:
        with whole_file(results) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **found)  # type: ignore[arg-type]
    return Measurement(used, host(), session.inputs, session.outputs, samples.count, name, value, found_latency, rss)


def judge(
    labels: Array | None, answers: Array, metric: str | None = None, trusted: bool = False
) -> tuple[str, float | None]:
    """Name and value of the metric that is asked for or suits; "" and None without labels.

    Raises:
        BadInput: a metric is asked for and there are no labels, or they do not fit the outputs.
    """
    if metric is None and labels is None:
        return "", None
    choice = metrics.choose(labels, answers) if metric is None else metrics.named(metric, labels, answers, trusted)
    assert labels is not None
    return choice.name, metric_value(choice.name, labels, answers, trusted)


def metric_value(metric: str, labels: Array, answers: Array, trusted: bool = False) -> float:
    """The metric's value.

    Raises:
        BadInput: the labels do not fit the outputs; or the metric is the user's own, and not trusted or at fault.
    """
    try:
        found = metrics.load(metric, trusted).value(labels, answers)
    except ValueError:
        raise BadInput(
            "the labels do not fit the model's output",
            expected=f"class numbers of shape {answers.shape[:-1]}, or values of shape {answers.shape}",
            received=f"y_evaluation of shape {labels.shape}",
        ) from None
    if not np.isfinite(found):
        raise BadInput(f"{metric} is not a finite number", received=f"labels from {labels.min()} to {labels.max()}")
    return found
