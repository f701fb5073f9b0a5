"""Outputs of an artifact for a whole evaluation set, read in blocks and spread over the cores."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from compressor.data.columns import rows_per_block, sample_bytes
from compressor.errors import BadInput
from compressor.measurement.answers import Answers
from compressor.progress import Listener, Progress
from compressor.runtimes import Session
from compressor.values import Array, Split, Stream, TensorSpec, clean_name

_BLOCK = 512
_FLOAT = 4


def first_sample(samples: Split | Stream, inputs: tuple[TensorSpec, ...]) -> dict[str, Array]:
    """The first evaluation sample, named as the artifact names its inputs.

    Raises:
        BadInput: names or shapes do not fit the artifact.
    """
    first = next(iter(samples.blocks(1)), None)
    if first is None:
        raise BadInput("the evaluation set is empty", expected="at least one sample")
    return named(first.inputs, inputs)


def shortened(samples: Split | Stream, count: int) -> Split | Stream:
    """The first `count` samples, or all where there are fewer."""
    if isinstance(samples, Split):
        return samples.rows(slice(count))
    kept = min(count, samples.count)

    def blocks(size: int) -> Iterator[Split]:
        left = kept
        for block in samples.blocks(min(size, max(kept, 1))):
            yield block.rows(slice(left)) if block.count > left else block
            left -= block.count
            if left <= 0:
                return

    return Stream(kept, blocks)


def collect(
    open_session: Callable[[], Session], samples: Split | Stream, listener: Listener
) -> tuple[dict[str, Array], Array | None]:
    """Outputs by name for every evaluation sample, in order, and the labels.

    Runtimes let go of Python's lock while they compute, so one session per core runs in a thread each.

    Raises:
        BadInput: the samples do not fit the artifact.
        StageFailed: an answer is not a finite number.
    """
    sessions = [open_session() for _ in range(min(os.cpu_count() or 1, samples.count))]
    bytes_out = sum(_FLOAT * math.prod(axis or 1 for axis in spec.shape) for spec in sessions[0].outputs)
    first = next(iter(samples.blocks(1)))
    size = rows_per_block(sample_bytes(first) + bytes_out, _BLOCK)
    names = [spec.name for spec in sessions[0].outputs]
    found, labels = Answers(samples.count), Answers(samples.count)
    done = 0
    with ThreadPoolExecutor(len(sessions)) as pool:
        for block in samples.blocks(size):
            inputs = named(block.inputs, sessions[0].inputs)
            shares = np.array_split(np.arange(block.count), len(sessions))
            for share in pool.map(_run, sessions, [inputs] * len(sessions), shares):
                found.add(share)
            if block.labels is not None:
                labels.add({"labels": _numeric(block.labels)})
            done += block.count
            listener(Progress("evaluate", done, samples.count))
    arrays = found.arrays()
    found.check_finite()
    return {name: arrays[name] for name in names}, labels.arrays()["labels"] if first.labels is not None else None


def _numeric(labels: Array) -> Array:
    if labels.dtype.kind not in "fiub":
        raise BadInput("the labels are not numeric", expected="class numbers or values", received=str(labels.dtype))
    return labels


def _run(session: Session, inputs: Mapping[str, Array], rows: Array) -> dict[str, Array]:
    results: list[dict[str, Array]] = []
    for row in rows:
        session.load({name: array[row : row + 1] for name, array in inputs.items()})
        session.invoke()
        results.append({name: np.array(value) for name, value in session.results().items()})
    if not results:
        return {}
    return {name: np.concatenate([_batched(result[name]) for result in results]) for name in results[0]}


def _batched(value: Array) -> Array:
    return value if value.ndim and value.shape[0] == 1 else value[None]


def named(arrays: Mapping[str, Array], inputs: tuple[TensorSpec, ...]) -> dict[str, Array]:
    """Samples by the artifact's input names, of the shapes that it takes.

    Raises:
        BadInput: other names or shapes.
    """
    given = {clean_name(name): array for name, array in arrays.items()}
    if set(given) == {""} and len(inputs) == 1:
        given = {clean_name(inputs[0].name): given[""]}
    if set(given) != {clean_name(spec.name) for spec in inputs}:
        raise BadInput(
            "the evaluation set does not name the artifact's inputs",
            expected=", ".join(sorted(f"x_evaluation_{spec.name}" for spec in inputs)),
            received=", ".join(sorted(f"x_evaluation_{name}" if name else "x_evaluation" for name in arrays)),
        )
    for spec in inputs:
        _check(given[clean_name(spec.name)], spec)
    return {spec.name: given[clean_name(spec.name)] for spec in inputs}


def _check(array: Array, spec: TensorSpec) -> None:
    shape = array.shape[1:]
    fits = len(shape) == len(spec.shape) - 1 and all(
        want is None or want == got for want, got in zip(spec.shape[1:], shape, strict=True)
    )
    if not fits:
        raise BadInput(
            f"the evaluation set does not fit the artifact's input '{spec.name}'",
            expected=f"samples of shape {tuple(spec.shape[1:])}",
            received=f"{shape}",
        )
    if array.dtype.kind not in "fiub":
        raise BadInput(f"the evaluation set for '{spec.name}' is not numeric", received=str(array.dtype))
