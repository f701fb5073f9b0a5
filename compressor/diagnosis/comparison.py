"""A compressed file against its float32 file, tensor by tensor, sample by sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compressor import runtimes
from compressor.diagnosis.matching import Matches, match
from compressor.diagnosis.opened import INPUT, Alone, Key, Node, Opened, fed, open_file
from compressor.diagnosis.sums import Sums
from compressor.errors import BadInput
from compressor.measurement.outputs import named
from compressor.values import Array, clean_name


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Two opened files, which tensors are the same, and what all samples say of those."""

    reference: Opened
    file: Opened
    matches: Matches
    sums: Mapping[Key, Sums]
    samples: int

    @property
    def rows(self) -> tuple[Node, ...]:
        """The tensors of the file that the float32 file has too, in running order; zeros tell nothing."""
        seen = {key: kept.whole for key, kept in self.sums.items() if kept.whole.signal or kept.whole.noise}
        return tuple(node for node in self.file.nodes if node.key in seen)


def compare(float_file: Path, file: Path, inputs: Mapping[str, Array], runtime: str | None = None) -> Compared:
    """Run both files on the samples, and every operator of `file` alone on the float32 file's values.

    Args:
        inputs: samples by input name; a single input may go without a name ("").
        runtime: of `file`, and of the float32 file where that runs on it; None for the first that opens each.

    Raises:
        BadInput: a file that cannot be looked into, or samples that do not fit.
        MissingTool: see `open_file`.
    """
    file_opened = open_file(file, runtime)
    reference = open_file(float_file, _runtime(float_file, runtime))
    matches = match(reference, file_opened)
    theirs = named(inputs, reference.inputs)
    samples = named(_renamed(theirs, reference, file_opened), file_opened.inputs)
    alone = _alone(file_opened, matches)
    sums = {node.key: Sums(node.grid, _axis(file_opened, node)) for node in file_opened.nodes if node.key in matches}
    sums |= {key: Sums(None, -1) for key in file_opened.input_keys if key not in sums and key in matches}
    count = len(next(iter(samples.values())))
    rounded = [node.key for node in file_opened.nodes if node.op == INPUT]

    def asked(got: Mapping[Key, Array]) -> dict[Key, Array]:
        """Nothing comes before an input: all of its error is its own."""
        return {key: got[key] for key in rounded if key in got}

    for row in range(count):
        before = reference.values(fed(reference, theirs, row))
        wanted = {key: found.moved(before[found.key]) for key, found in matches.items() if found.key in before}
        got = file_opened.values(fed(file_opened, samples, row))
        own = {**asked(got), **(alone(wanted) if alone is not None else {})}
        for key, kept in sums.items():
            _add(kept, wanted.get(key), got.get(key), own.get(key))
    return Compared(reference, file_opened, matches, sums, count)


def _renamed(samples: Mapping[str, Array], reference: Opened, file: Opened) -> Mapping[str, Array]:
    """Samples by the names of the file's inputs: other converters name them otherwise, and keep their order."""
    ours = {clean_name(spec.name) for spec in file.inputs}
    if ours == {clean_name(name) for name in samples} or len(ours) != len(samples):
        return samples
    pairs = zip(reference.inputs, file.inputs, strict=True)
    return {other.name: samples[spec.name] for spec, other in pairs}


def _add(sums: Sums, wanted: Array | None, got: Array | None, own: Array | None) -> None:
    """Leave out what one of both files lacks, and what is no real number: sizes and places are none."""
    if wanted is None or got is None or wanted.size != got.size or not _finite(wanted, got):
        return
    sums.add(wanted, got, own if own is not None and _finite(own) else None)


def _finite(*arrays: Array) -> bool:
    return all(each.dtype.kind == "f" and np.isfinite(each).all() for each in arrays)


def _alone(file: Opened, matches: Matches) -> Alone | None:
    try:
        return file.apart(list(matches))
    except BadInput:
        # A runtime that runs the file as a whole may refuse its operators one by one.
        return None


def _runtime(path: Path, runtime: str | None) -> str | None:
    return runtime if runtime is not None and path.suffix in runtimes.load(runtime).suffixes else None


def _axis(file: Opened, node: Node) -> int:
    return 1 if file.channels_first and len(node.shape) > 2 else -1
