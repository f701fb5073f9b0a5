"""Outputs of an artifact for a whole evaluation set, read in blocks and spread over the cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from compressor.data.npz import NpzFile
from compressor.errors import BadInput, StageFailed
from compressor.progress import Listener, Progress
from compressor.runtimes import Session
from compressor.values import Array, TensorSpec

_BLOCK = 512


def first_sample(file: NpzFile, inputs: tuple[TensorSpec, ...]) -> dict[str, Array]:
    """The first evaluation sample, named as the artifact names its inputs.

    Raises:
        BadInput: names or shapes do not fit the artifact.
    """
    arrays, _ = next(iter(file.rows("evaluation", block=1)))
    return _named(arrays, inputs)


def collect(
    open_session: Callable[[], Session], file: NpzFile, count: int, listener: Listener
) -> tuple[dict[str, Array], Array | None]:
    """Outputs by name for every evaluation sample, in order, and the labels.

    Runtimes let go of Python's lock while they compute, so one session per core runs in a thread each.

    Raises:
        BadInput: the samples do not fit the artifact.
        StageFailed: an answer is not a finite number.
    """
    sessions = [open_session() for _ in range(min(os.cpu_count() or 1, count))]
    blocks: list[dict[str, Array]] = []
    labels: list[Array] = []
    done = 0
    with ThreadPoolExecutor(len(sessions)) as pool:
        for arrays, answers in file.rows("evaluation", _BLOCK):
            inputs = _named(arrays, sessions[0].inputs)
            rows = len(next(iter(inputs.values())))
            shares = np.array_split(np.arange(rows), len(sessions))
            blocks += pool.map(_run, sessions, [inputs] * len(sessions), shares)
            if answers is not None:
                labels.append(answers)
            done += rows
            listener(Progress("evaluate", done, count))
    names = [spec.name for spec in sessions[0].outputs]
    found = {name: np.concatenate([block[name] for block in blocks if name in block]) for name in names}
    for name, values in found.items():
        _check_finite(name, values)
    return found, np.concatenate(labels) if labels else None


def _check_finite(name: str, values: Array) -> None:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        broken = int((~np.isfinite(values.reshape(len(values), -1))).any(axis=1).sum())
        raise StageFailed(
            f"the artifact answers NaN or infinity in '{name}' for {broken} of {len(values)} samples",
            fix="a float16 file may be out of its range (65 504): try int8 or float32",
        )


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


def _named(arrays: Mapping[str, Array], inputs: tuple[TensorSpec, ...]) -> dict[str, Array]:
    given = dict(arrays)
    if set(given) == {""} and len(inputs) == 1:
        given = {inputs[0].name: given[""]}
    wanted = {spec.name for spec in inputs}
    if set(given) != wanted:
        raise BadInput(
            "the evaluation set does not name the artifact's inputs",
            expected=", ".join(sorted(f"x_evaluation_{name}" for name in wanted)),
            received=", ".join(sorted(f"x_evaluation_{name}" if name else "x_evaluation" for name in given)),
        )
    for spec in inputs:
        _check(given[spec.name], spec)
    return given


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
