"""Which tensors of a float32 file may be a Keras layer's answers.

A fused operator's name speaks of several layers; it answers as the last of them in running order. What the file answers
with is what the model answers with, whatever its name says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compressor.diagnosis.keras_reference import KerasLayers
from compressor.diagnosis.matching import Match, axes_between
from compressor.diagnosis.opened import Key, Node, Opened
from compressor.tflite_view.layers import plain


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A tensor that may be a layer's answer."""

    node: Node
    match: Match


def candidates(keras: KerasLayers, file: Opened) -> dict[str, list[Candidate]]:
    """For every layer, in running order, the tensors that may be its answers; layers without one are left out."""
    found: dict[str, list[Candidate]] = {name: [] for name in keras.answers}
    outputs = dict(zip(file.output_keys, keras.outputs, strict=False))
    if len(file.output_keys) != len(keras.outputs):
        outputs = {}
    for node in file.nodes:
        layer = outputs.get(node.key) or _layer(node, list(keras.answers))
        if layer is None or (layer in outputs.values() and node.key not in outputs):
            continue
        shape = keras.answers[layer].shape
        axes = axes_between((None, *shape[1:]), node.shape)
        if axes is not None:
            found[layer].append(Candidate(node, Match(layer, axes or None)))
    return {layer: those for layer, those in found.items() if those}


def _layer(node: Node, known: Sequence[str]) -> str | None:
    spoken = [plain(each) for each in node.named] or ([plain(node.layer)] if node.layer else [])
    places = [place for place, name in enumerate(known) if any(_same(plain(name), each) for each in spoken)]
    return known[places[-1]] if places else None


def _same(keras: str, named: str) -> bool:
    """A nested model may or may not be part of either path."""
    return keras == named or keras.endswith(f"/{named}") or named.endswith(f"/{keras}")


def downstream(file: Opened, owners: Mapping[Key, str]) -> dict[str, set[str]]:
    """For every layer, the layers that are next after it, through tensors that belong to none."""
    readers: dict[Key, list[Node]] = {}
    for node in file.nodes:
        for key in node.inputs:
            readers.setdefault(key, []).append(node)
    found: dict[str, set[str]] = {}
    for key, layer in owners.items():
        waiting, seen = list(readers.get(key, ())), {key}
        while waiting:
            node = waiting.pop()
            if node.key in seen:
                continue
            seen.add(node.key)
            if owners.get(node.key, layer) != layer:
                found.setdefault(layer, set()).add(owners[node.key])
            else:
                waiting += readers.get(node.key, ())
    return found
