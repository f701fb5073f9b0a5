"""DLA linter: what NVIDIA's Deep Learning Accelerator takes of a network, and what goes to the GPU instead.

Rules D1 to D9, from "DLA Supported Layers and Restrictions" and the release notes in the TensorRT documentation. Some
limits there were not re-read (padding, dilation, strides of pools, D7 and D8): docs/devices/jetson.md says which.
"""

from collections.abc import Iterator

from compressor.lint import Finding, Severity, of_a_file
from compressor.lint.dla import network
from compressor.lint.dla.layers import Refusal, refusal
from compressor.lint.dla.network import Accelerator
from compressor.onnx_view import Graph
from compressor.onnx_view.types import tensor_types

__all__ = ["Accelerator", "Refusal", "fallbacks", "lint"]

_MOST_LOADABLES = 16


def fallbacks(graph: Graph, accelerator: Accelerator) -> tuple[Refusal | None, ...]:
    """Per operator, the rule by which it goes to the GPU; None for what the DLA computes."""
    with of_a_file():
        types = tensor_types(graph)
        return tuple(refusal(node, accelerator, types) for node in graph.nodes)


def lint(graph: Graph, accelerator: Accelerator) -> tuple[Finding, ...]:
    """What is wrong with the whole network, and how much of it goes to the GPU."""
    return (*network.findings(graph, accelerator), *_of_fallback(fallbacks(graph, accelerator), accelerator))


def _of_fallback(refusals: tuple[Refusal | None, ...], accelerator: Accelerator) -> Iterator[Finding]:
    left = [each for each in refusals if each]
    if left:
        severity: Severity = "warn" if accelerator.gpu_fallback else "error"
        rules = ", ".join(sorted({each.rule for each in left}))
        consequence = (
            "go to the GPU, without a word" if accelerator.gpu_fallback else "are an error without GPU fallback"
        )
        told = f"{len(left)} of {len(refusals)} operators {consequence} ({rules}); expected all on the DLA"
        yield Finding("D3", severity, "network", told)
    parts = sum(here is None and (place == 0 or refusals[place - 1] is not None) for place, here in enumerate(refusals))
    if parts > _MOST_LOADABLES:
        told = f"the DLA takes {_MOST_LOADABLES} parts of a network at most; received {parts}"
        yield Finding("D2", "error", "network", told)
