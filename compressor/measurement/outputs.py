"""Outputs of an artifact for a whole evaluation set, read in blocks and spread over the cores."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from compressor.data.columns import rows_per_block, sample_bytes
from compressor.errors import BadInput
from compressor.measurement.answers import Answers
from compressor.measurement.machine import cores
from compressor.measurement.spreading import spread
from compressor.progress import Listener, Progress
from compressor.runtimes import BlockSession, Session
from compressor.stacking import stacked
from compressor.values import Array, Split, Stream, TensorSpec, clean_name

_BLOCK = 512
# What a session takes at a time: enough to hand over seldom, and few enough that no core waits long for the last one.
_PART, _PART_BYTES, _PARTS_EACH = 128, 2 << 20, 8
_TOGETHER = 32
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


@dataclass(frozen=True, slots=True)
class Collected:
    """What a whole evaluation set was answered with.

    Attributes:
        outputs: by name, one row per sample.
        repeatable: the first sample, run once more after all others, was answered with the same bits. Where it was
            not, answers hang on the samples before: a state is not reset.
    """

    outputs: dict[str, Array]
    labels: Array | None
    repeatable: bool


def collect(open_session: Callable[[], Session], samples: Split | Stream, listener: Listener) -> Collected:
    """Outputs by name for every evaluation sample, in order, and the labels: a session per core, see `spreading`.

    Raises:
        BadInput: the samples do not fit the artifact.
        StageFailed: an answer is not a finite number.
    """
    sessions = [open_session() for _ in range(min(cores(), samples.count))]
    inputs, specs = sessions[0].inputs, sessions[0].outputs
    bytes_out = sum(_FLOAT * math.prod(axis or 1 for axis in spec.shape) for spec in specs)
    first = next(iter(samples.blocks(1)))
    bytes_each = sample_bytes(first) + bytes_out
    size, fair = rows_per_block(bytes_each, _BLOCK), samples.count // (_PARTS_EACH * len(sessions))
    part = max(1, min(_PART, _PART_BYTES // max(bytes_each, 1), fair))
    together = _together(sessions[0], samples)
    found, labels = Answers(samples.count), Answers(samples.count)

    def parts() -> Iterator[dict[str, Array]]:
        for block in samples.blocks(size):
            fed = named(block.inputs, inputs)
            if block.labels is not None:
                labels.add({"labels": _numeric(block.labels)})
            for start in range(0, block.count, part):
                yield {name: array[start : start + part] for name, array in fed.items()}

    told = done = 0
    for answered in spread(sessions, parts(), lambda session, fed: answers_of(session, fed, together)):
        found.add(answered)
        done += len(next(iter(answered.values())))
        if done - told >= size or done == samples.count:
            told = done
            listener(Progress("evaluate", done, samples.count))
    arrays = found.arrays()
    found.check_finite()
    again = [answers_of(session, named(first.inputs, inputs), together) for session in sessions]
    repeatable = all(np.array_equal(arrays[spec.name][:1], each[spec.name]) for spec in specs for each in again)
    kept = labels.arrays()["labels"] if first.labels is not None else None
    return Collected({spec.name: arrays[spec.name] for spec in specs}, kept, repeatable)


def _together(session: Session, samples: Split | Stream) -> int:
    """How many samples are run at once: as many as leave every bit of the first ones' answers as it is alone.

    A matrix product sums in another order for many rows than for one, and some files scale by the largest value of all
    samples: such answers are not those of the device, which gets one sample at a time.
    """
    if not isinstance(session, BlockSession) or not session.takes_batches or samples.count < _TOGETHER:
        return 1
    block = next(iter(samples.blocks(_TOGETHER)))
    fed = named(block.inputs, session.inputs)
    alone = answers_of(session, fed)
    try:
        batch = answers_of(session, fed, block.count)
    except BadInput:
        return 1
    return _TOGETHER if all(np.array_equal(alone[name], batch[name]) for name in alone) else 1


def answers_of(session: Session, fed: Mapping[str, Array], together: int = 1) -> dict[str, Array]:
    """One session's outputs by name for some samples, one row each.

    Args:
        fed: samples by input name.
        together: how many are run at once, where the session can.
    """
    if isinstance(session, BlockSession):
        return session.answers(fed, together)
    results: list[dict[str, Array]] = []
    for row in range(len(next(iter(fed.values())))):
        session.load({name: array[row : row + 1] for name, array in fed.items()})
        session.invoke()
        results.append({name: np.array(value) for name, value in session.results().items()})
    return {name: stacked(name, [result[name] for result in results]) for name in results[0]}


def _numeric(labels: Array) -> Array:
    if labels.dtype.kind not in "fiub":
        raise BadInput("the labels are not numeric", expected="class numbers or values", received=str(labels.dtype))
    return labels


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
