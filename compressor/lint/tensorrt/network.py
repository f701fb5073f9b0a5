"""What the rules look at: a graph, and the TensorRT and the GPU that are to take it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from compressor.onnx_view import Graph

# Where, what is wrong, what was expected, what was received, what to do.
Complaints = Iterator[tuple[str, str, object, object, str]]
FOUR_BIT = {"int4", "float4e2m1"}


class Profile(NamedTuple):
    """Shapes of one dynamic input, as in trtexec --minShapes, --optShapes and --maxShapes."""

    min: tuple[int, ...]
    opt: tuple[int, ...]
    max: tuple[int, ...]

    def fits(self, shape: tuple[int | None, ...]) -> bool:
        """Whether these have the rank and the fixed sizes of an input, and grow from min to max."""
        if {len(limits) for limits in self} != {len(shape)}:
            return False
        grows = all(low <= opt <= high for low, opt, high in zip(*self, strict=True))
        fixed = all(size is None or {size} == set(limits) for size, *limits in zip(shape, *self, strict=True))
        return grows and fixed


Profiles = Mapping[str, Profile]


@dataclass(frozen=True, slots=True)
class Platform:
    """What a file is built for.

    Attributes:
        trt_major: major version of TensorRT.
        compute_capability: of the GPU (8.7 is Orin); None where that does not matter.
        precision: what the engine is to compute in, as the recipe says; "" where that does not matter.
        profiles: shapes of dynamic inputs, by name.
    """

    trt_major: int = 10
    compute_capability: float | None = None
    precision: str = ""
    profiles: Profiles = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Network(Graph):
    """A graph, and what it is to be built for."""

    platform: Platform
