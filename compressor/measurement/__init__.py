"""Measuring one artifact on one runtime, in this very process, which never imports TensorFlow."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from compressor import metrics, runtimes
from compressor.errors import BadInput
from compressor.files import whole_file
from compressor.measurement import interleaved, latency, memory, outputs, slowness
from compressor.measurement.interleaved import LatencyRatio, Turn
from compressor.measurement.machine import cores, host
from compressor.measurement.memory import Memory
from compressor.measurement.onnx_profile import OperatorTime
from compressor.progress import Listener, silent
from compressor.runtimes import Session
from compressor.values import Array, Latency, Split, Stream, TensorSpec

__all__ = ["Against", "Measurement", "Reader", "cores", "host", "judge", "measure", "metric_value"]

# Of an artifact's inputs: the evaluation set that belongs to them.
Reader = Callable[[tuple[TensorSpec, ...]], Split | Stream]


@dataclass(frozen=True, slots=True)
class Against:
    """The file that latency is compared with, and its runtime; None for the measured file's own."""

    artifact: Path
    runtime: str | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """Numbers of one artifact on one runtime on one host.

    Attributes:
        metric: name, or "" when the evaluation set has no labels.
        value: of the metric over all `samples`.
        latency: None where it was not asked for.
        peak_rss_bytes: of the process, until latency was timed.
        repeatable: the first sample gets the same answer after all others; see `outputs.Collected`.
        latency_ratio: against the file that was named.
        operator_times: the longest, where the file is slower than that one and the runtime has a profile.
        notes: why it is slower, in a sentence.
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
    memory: Memory
    repeatable: bool
    latency_ratio: LatencyRatio | None = None
    operator_times: tuple[OperatorTime, ...] = ()
    notes: tuple[str, ...] = ()


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
    against: Against | None = None,
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
        against: a file that takes the same samples, usually the float32 one, to be timed turn about with this one.

    Raises:
        BadInput: a file that cannot be read, or data that does not fit the artifact.
        MissingTool: the runtime is not installed.
    """
    _check_there(artifact)
    used = runtimes.for_file(artifact, runtime)
    if metric is not None:
        metrics.load(metric, trusted)
    opened = runtimes.load(used).open
    with latency.pinned(threads):
        alone = _alone(artifact, used, threads, evaluation, first, timed)
        compared = _Compared()
        if timed and against is not None:
            compared = _compared(artifact, used, alone, against, threads)
    collected = outputs.collect(lambda: opened(artifact, 1), alone.samples, listener)
    found = collected.outputs
    answers = found[judged] if judged in found else next(iter(found.values()))
    name, value = judge(collected.labels, answers, metric, trusted)
    if results is not None:
        with whole_file(results) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **found)  # type: ignore[arg-type]
    return Measurement(
        runtime=used,
        host=host(),
        inputs=alone.session.inputs,
        outputs=alone.session.outputs,
        samples=alone.samples.count,
        metric=name,
        value=value,
        latency=alone.latency,
        peak_rss_bytes=alone.peak_rss_bytes,
        memory=alone.memory,
        repeatable=collected.repeatable,
        latency_ratio=compared.ratio,
        operator_times=compared.operator_times,
        notes=compared.notes,
    )


@dataclass(frozen=True, slots=True)
class _Alone:
    """A file opened by itself, with what it took."""

    session: Session
    samples: Split | Stream
    sample: dict[str, Array]
    latency: Latency | None
    memory: Memory
    peak_rss_bytes: int | None


@dataclass(frozen=True, slots=True)
class _Compared:
    ratio: LatencyRatio | None = None
    operator_times: tuple[OperatorTime, ...] = ()
    notes: tuple[str, ...] = ()


def _alone(
    artifact: Path, used: str, threads: int, evaluation: Split | Stream | Reader, first: int | None, timed: bool
) -> _Alone:
    runtime = runtimes.load(used)
    importlib.import_module(runtime.module or runtime.package)
    account = memory.Account()
    session = runtime.open(artifact, threads)
    with account.leaving_out():
        samples = evaluation(session.inputs) if callable(evaluation) else evaluation
        samples = samples if first is None else outputs.shortened(samples, first)
        sample = outputs.first_sample(samples, session.inputs)
    if timed:
        found = latency.time_session(session, sample, threads)
    else:
        found = None
        latency.once(session, sample)
    over, peak = account.over_baseline(), account.peak()
    told = replace(memory.of_microcontroller(artifact), baseline_bytes=account.baseline, over_baseline_bytes=over)
    return _Alone(session, samples, sample, found, told, peak)


def _compared(artifact: Path, used: str, alone: _Alone, against: Against, threads: int) -> _Compared:
    """Both files turn about, and why this one is slower when it is."""
    _check_there(against.artifact)
    same = against.runtime is None and against.artifact.suffix in runtimes.load(used).suffixes
    other = runtimes.for_file(against.artifact, used if same else against.runtime)
    opened, again = (runtimes.load(other).open(against.artifact, threads) for _ in range(2))
    sample = outputs.first_sample(alone.samples, opened.inputs)
    ratio = interleaved.ratio(Turn(alone.session, alone.sample), Turn(opened, sample), Turn(again, sample), threads)
    times, told = slowness.why(artifact, used, alone.sample, ratio)
    return _Compared(ratio, times, (told,) if told else ())


def _check_there(artifact: Path) -> None:
    if not artifact.is_file():
        raise BadInput(f"there is no artifact {artifact}", expected="the path of a .tflite or .onnx file")


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
