"""What steps promised of layers, held against the files that were written.

A step states in its facts what the file must have: `promises: [{layer, sparsity, weights}]` or
`[{layer, distinct_values, weights}]`. `weights`, which may be absent, is how many weights the promise is about, so that
other kernels of the layer do not count, nor one that a later step made smaller.

Writing keeps both kinds. A zero stays zero under any scale, of BatchNormalization or of integers, and rounding only
adds to them. The few values of one output channel stay few under the channel's scale, and rounding only joins some;
those of all channels together are more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from compressor import formats
from compressor.errors import CompressorError
from compressor.evidence import weight_figures
from compressor.kernels import Kernel, most_distinct
from compressor.plan import Job
from compressor.report.evidence import PromisePart
from compressor.tflite_view.layers import plain
from compressor.values import Artifact, Failure, Stage

_ROUNDING = 1e-9
_DIGITS = 6
_KINDS: tuple[Literal["sparsity", "distinct_values"], ...] = ("sparsity", "distinct_values")
# Where outputs are in a kernel, by the operator that reads it; the first axis else, and either where that may differ.
_OUTPUTS = {
    "CONV_3D": (-1,),
    "ConvTranspose": (1,),
    "DEPTHWISE_CONV_2D": (-1,),
    "Gemm": (0, -1),
    "MatMul": (-1,),
}


def held_against(
    artifacts: Mapping[Job, Artifact | Failure], steps_done: Sequence[Mapping[str, Any]]
) -> list[PromisePart]:
    """Every promise of every step, against every compressed file whose kernels can be read.

    What is made of another file (`.cc`, `.ort`) has its kernels.
    """
    promised = [(str(done["step"]), each) for done in steps_done for each in done.get("promises", ())]
    if not promised:
        return []
    return [part for file in _files(artifacts) for step, promise in promised for part in file.parts(step, promise)]


def _files(artifacts: Mapping[Job, Artifact | Failure]) -> Iterator[_File]:
    for job, artifact in artifacts.items():
        source = artifacts.get(Job(job.stage, formats.load(job.format).made_of or job.format, job.precision))
        if job.stage is not Stage.COMPRESSED or not isinstance(artifact, Artifact) or not isinstance(source, Artifact):
            continue
        if weight_figures.has_kernels(source.path):
            yield _File(job, source)


@dataclass(frozen=True)
class _File:
    """One compressed file, and the one that its kernels are read from."""

    job: Job
    source: Artifact

    def parts(self, step: str, promise: Mapping[str, Any]) -> Iterator[PromisePart]:
        for kind in _KINDS:
            if kind in promise:
                received, reason = self._received(kind, promise)
                yield PromisePart(
                    format=self.job.format,
                    precision=str(self.job.precision),
                    step=step,
                    layer=promise["layer"],
                    kind=kind,
                    promised=promise[kind],
                    received=received,
                    kept=None if received is None else _kept(kind, promise[kind], received),
                    reason=reason,
                )

    @cached_property
    def _kernels(self) -> tuple[Kernel, ...] | str:
        """The kernels, or why they cannot be read."""
        try:
            return weight_figures.kernels(self.source)
        except CompressorError as error:
            return " ".join(str(error).split())[:300]

    def _received(self, kind: str, promise: Mapping[str, Any]) -> tuple[float | None, str | None]:
        if isinstance(self._kernels, str):
            return None, self._kernels
        own = _of_layer(self._kernels, promise["layer"], promise.get("weights"))
        if not own:
            return None, "no kernel of that layer and size can be told by its name"
        if kind == "distinct_values":
            return max(map(_distinct, own)), None
        weights = sum(each.stored.size for each in own)
        return round(sum(each.sparsity * each.stored.size for each in own) / weights, _DIGITS), None


def _of_layer(kernels: Sequence[Kernel], layer: str, weights: int | None) -> list[Kernel]:
    """The kernels that a promise is about, none where that cannot be told."""
    own = [each for each in kernels if plain(each.layer) == plain(layer)]
    if weights is None:
        return own
    # Formats that keep no names: a size that no other kernel has tells too.
    found = own or [each for each in kernels if not each.layer]
    single = [each for each in found if each.stored.size == weights]
    if len(single) == 1:
        return single
    return own if sum(each.stored.size for each in own) == weights else []


def _distinct(kernel: Kernel) -> int:
    """The most different numbers of one output channel; of the whole kernel where that has no more."""
    if kernel.distinct_per_scale is not None:
        return kernel.distinct_per_scale
    stored = kernel.stored
    axes = _OUTPUTS.get(kernel.role.partition(" ")[0], (0,))
    # Where each place of an axis has one weight, that axis says nothing.
    telling = [axis for axis in axes if stored.size > stored.shape[axis]]
    return min((kernel.distinct, *(most_distinct(stored, axis) for axis in telling)))


def _kept(kind: str, promised: float, received: float) -> bool:
    return received >= promised - _ROUNDING if kind == "sparsity" else received <= promised
