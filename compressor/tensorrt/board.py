"""A target's TensorRT, GPU and DLA, from its facts."""

from __future__ import annotations

from dataclasses import dataclass

from compressor.lint import Finding, dla
from compressor.lint.dla import Accelerator
from compressor.lint.tensorrt import Platform, Profile
from compressor.onnx_view import Graph
from compressor.target import Target

_STRONGLY_TYPED = 11
# Sizes of a free batch: smallest, usual, largest.
_BATCHES = (1, 8, 16)


@dataclass(frozen=True, slots=True)
class Board:
    """What an engine is built with and for.

    Attributes:
        version: TensorRT's, such as 10.3.
        capability: compute capability of the GPU.
        exact: engines are for this GPU alone; else for it and later ones.
        dla: version of the DLA that engines are for; 0 for the GPU.
    """

    target: str
    version: str
    major: int
    capability: float
    exact: bool
    dla: int

    @classmethod
    def of(cls, target: Target) -> Board:
        """From the facts of a target: `tensorrt`, `tensorrt_major`, and `compute_capability`, or
        `oldest_compute_capability` where there are several GPUs; `dla_version` where it is for the DLA."""
        exact = "compute_capability" in target.facts
        return cls(
            target.name,
            str(target.facts["tensorrt"].value),
            int(target.number("tensorrt_major")),
            target.number("compute_capability" if exact else "oldest_compute_capability"),
            exact,
            int(target.number("dla_version")) if "dla_version" in target.facts else 0,
        )

    @property
    def weakly_typed(self) -> bool:
        """Precision is chosen by flags, and scales may come from a calibration cache."""
        return self.major < _STRONGLY_TYPED

    def computes_in(self, precision: str) -> str:
        """What an engine computes in: a DLA has no float32, and flags choose float16 for it where there are flags."""
        return "float16" if self.dla and self.weakly_typed and precision == "float32" else precision

    def is_gpu(self, capability: float) -> bool:
        """Whether a GPU of this compute capability is the target's."""
        return capability == self.capability if self.exact else capability >= self.capability

    def platform(self, graph: Graph, precision: str) -> Platform:
        """What the rules of TensorRT are to know."""
        return Platform(self.major, self.capability, precision, self.profiles(graph))

    def profiles(self, graph: Graph) -> dict[str, Profile]:
        """Shapes for inputs whose batch is free: 1, 8 and 16, and 1 alone on a DLA. Other free sizes have none."""
        free = {each.name: each.shape for each in graph.inputs if each.shape and None in each.shape}
        batches = _BATCHES if not self.dla else (1, 1, 1)
        return {
            name: Profile(*((batch, *(size or 1 for size in shape[1:])) for batch in batches))
            for name, shape in free.items()
            if None not in shape[1:]
        }

    def accelerator(self, graph: Graph, precision: str) -> Accelerator:
        """What the rules of the DLA are to know."""
        shapes = {name: profile.min for name, profile in self.profiles(graph).items()}
        release = tuple(int(part) for part in self.version.split("."))
        return Accelerator(self.dla, release, precision, True, shapes)

    def dla_findings(self, graph: Graph, precision: str) -> tuple[Finding, ...]:
        """Broken rules of the DLA; none for a GPU."""
        return dla.lint(graph, self.accelerator(graph, precision)) if self.dla else ()


def precision_of(graph: Graph) -> str:
    """What a file is made for, as it shows: int8 with quantizers, float16 where constants are so."""
    if any(graph.quantizers()):
        return "int8"
    halves = any(tensor.type == "float16" for node in graph.nodes for tensor in node.inputs)
    return "float16" if halves else "float32"
