"""The first layer whose answers differ by more than they may.

What is in order: for float32 files made of a Keras model, 0.01 % of a tensor's size (roundings of float32 in another
order give less than 0.001 %); for other kernels of the same file, one step of an integer tensor, 0.01 % of a float one,
each operator given the same inputs; for a compressed file, what `faults` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from compressor.diagnosis import faults, weights
from compressor.diagnosis.comparison import compare
from compressor.diagnosis.keras_match import Candidate, candidates, downstream
from compressor.diagnosis.keras_reference import KerasLayers, ask
from compressor.diagnosis.opened import Key, Node, Opened, fed, open_file
from compressor.diagnosis.sums import Sums
from compressor.measurement.outputs import named
from compressor.report.evidence import Divergence
from compressor.tflite_view.layers import plain
from compressor.values import Array

Stage = Literal["conversion", "compression", "runtime"]

_RELATIVE = 1e-4
# Weights of few bits: kernels round what they read in ways of their own.
_RELATIVE_OF_FEW_BITS = 1e-2
_STEPS = 1.5
_SLOPE = 0.002
_EXPLAINED = 0.9


def first(
    reference: Path, file: Path, inputs: Mapping[str, Array], stage: Stage, runtime: str | None, log: Path | None
) -> Divergence | None:
    """See `compressor.diagnosis.locate`."""
    if stage == "conversion":
        return _of_conversion(reference, file, inputs, runtime, log)
    if stage == "runtime":
        return _of_runtime(file, inputs, runtime)
    found = faults.faults(compare(reference, file, inputs, runtime))
    return Divergence(stage=stage, layer=found[0].layer, told=found[0].told) if found else None


def _of_conversion(
    reference: Path, file: Path, inputs: Mapping[str, Array], runtime: str | None, log: Path | None
) -> Divergence | None:
    opened = open_file(file, runtime)
    samples = named(inputs, opened.inputs)
    keras = ask(reference, samples, log)
    chosen = _best(keras, opened, samples)
    order = [layer for layer in keras.answers if layer in chosen]
    apart = [layer for layer in order if chosen[layer][1].whole.relative > _tolerance(chosen[layer][0].node)]
    answering = [layer for layer in keras.outputs if layer in chosen]
    if not apart or (answering and not set(answering) & set(apart)):
        return None
    following = downstream(opened, {pick.node.key: layer for layer, (pick, _) in chosen.items()})
    # What is well again behind a layer was never wrong: the file has no tensor that is this layer's answer alone.
    lasting = [layer for layer in apart if not following.get(layer) or following[layer] & set(apart)]
    layer = (lasting or apart)[0]
    return _told_of_keras(layer, *chosen[layer], keras, opened)


def _best(keras: KerasLayers, opened: Opened, samples: Mapping[str, Array]) -> dict[str, tuple[Candidate, Sums]]:
    """For every layer the tensor that is most like its answers, and how alike."""
    possible = candidates(keras, opened)
    kept = {
        layer: [
            (each, Sums(each.node.grid, 1 if opened.channels_first and len(each.node.shape) > 2 else -1))
            for each in those
        ]
        for layer, those in possible.items()
    }
    for row in range(keras.samples):
        values = opened.values(fed(opened, samples, row))
        for layer, those in kept.items():
            for each, sums in those:
                got, wanted = values[each.node.key], each.match.moved(keras.answers[layer][row : row + 1])
                if got.size == wanted.size and got.dtype.kind == "f":
                    sums.add(wanted, got, got)
    # Of those that are equally alike the last: what comes behind may only move numbers.
    seen = {layer: [pick for pick in those if pick[1].whole.count] for layer, those in kept.items()}
    return {layer: min(reversed(those), key=lambda pick: pick[1].whole.noise) for layer, those in seen.items() if those}


def _told_of_keras(layer: str, pick: Candidate, sums: Sums, keras: KerasLayers, opened: Opened) -> Divergence:
    held = weights.by_layer(opened.nodes)
    for owner in (plain(pick.node.layer), layer):
        finding = weights.compared(keras.constants(owner), held[owner]) if owner in held else None
        if finding is not None:
            return Divergence(stage="conversion", layer=owner, told=weights.sentence(owner, finding, "the Keras model"))
    return Divergence(stage="conversion", layer=layer, told=_how(layer, sums, "Keras"))


def _how(title: str, sums: Sums, of: str) -> str:
    slope = sums.own_gain.fitted()
    if slope is not None and abs(slope[0] - 1) > _SLOPE + 2 * slope[1]:
        return f"the answers of `{title}` are {slope[0]:.3f} × those of {of}: {weights.off(slope[0])}"
    if sums.channels.explained() > _EXPLAINED:
        return f"the answers of `{title}` differ from those of {of} by a constant per channel: its bias is not the same"
    return f"the answers of `{title}` differ from those of {of} by {100 * sums.whole.relative:.3g} % of their size"


def _of_runtime(file: Path, inputs: Mapping[str, Array], runtime: str | None) -> Divergence | None:
    opened, reference = open_file(file, runtime), open_file(file, runtime, plainly=True)
    samples = named(inputs, opened.inputs)
    alone = opened.apart([node.key for node in reference.nodes] + list(opened.input_keys))
    kept: dict[Key, Sums] = {node.key: Sums(node.grid, -1) for node in opened.nodes}
    for row in range(len(next(iter(samples.values())))):
        wanted = reference.values(fed(reference, samples, row))
        for key, got in alone(wanted).items():
            if key in kept and np.isfinite(got).all() and np.isfinite(wanted[key]).all():
                kept[key].add(wanted[key], got, None)
    for node in opened.nodes:
        told = _beyond(node, kept[node.key])
        if told is not None:
            return Divergence(stage="runtime", layer=node.title, told=told)
    return None


def _beyond(node: Node, sums: Sums) -> str | None:
    """What is told of an operator whose kernels answer otherwise."""
    if node.grid is None:
        if sums.whole.relative <= _tolerance(node):
            return None
        return f"the answers of `{node.title}` differ from the reference kernels' by {100 * sums.whole.relative:.3g} %"
    steps = sums.whole.largest / node.grid.scale
    if steps <= _STEPS:
        return None
    return f"the answers of `{node.title}` differ from the reference kernels' by up to {steps:.0f} integer steps"


def _tolerance(node: Node) -> float:
    return _RELATIVE if node.bits >= 32 else _RELATIVE_OF_FEW_BITS
