"""How much each set of channels matters: by the size of what makes it, by its normalization, or by the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from compressor.channel_pruning.flow import Flow, Traced
from compressor.channel_pruning.rules import Rule
from compressor.values import Array

if TYPE_CHECKING:
    import tf_keras

Criterion = Literal["l1", "l2", "gamma", "taylor"]
# Of a layer's weights, as arrays: what a step along the loss's slope would change of it.
Slopes = Callable[["tf_keras.layers.Layer"], list[Array]]


def importance(flow: Flow, criterion: Criterion, slopes: Slopes | None = None) -> Mapping[int, float]:
    """Importance of every set of channels, comparable within a group; 0 for a dead one.

    Every layer's numbers are divided by their mean, so that layers that make the same channels count alike.

    Args:
        criterion: `l1` and `l2`: norms of the filters (Li et al., arXiv:1608.08710); `gamma`: size of
            BatchNormalization's scale (Liu et al., arXiv:1708.06519), norms where a channel passes none; `taylor`:
            |Σ weight · slope of the loss| (Molchanov et al., arXiv:1906.10771).
        slopes: of what is asked of the answers, for `taylor`.
    """
    found: dict[int, list[float]] = {}
    if criterion == "gamma":
        for traced in flow.layers.values():
            if type(traced.layer).__name__ == "BatchNormalization" and traced.layer.scale:
                _add(found, flow, traced, np.abs(traced.layer.gamma.numpy()))
    normalized = set(found)
    for traced, rule in flow.makers():
        rows = _rows(traced, rule, criterion, slopes)
        _add(found, flow, traced, rows, but=normalized)
    return {number: float(np.mean(values)) for number, values in found.items()}


def _rows(traced: Traced, rule: Rule, criterion: Criterion, slopes: Slopes | None) -> Array:
    """One number per channel that a layer makes."""
    assert rule.scores is not None
    weights = traced.layer.get_weights()
    if criterion == "taylor":
        assert slopes is not None
        weights = [weight * slope for weight, slope in zip(weights, slopes(traced.layer), strict=True)]
    rows = rule.scores(weights).astype(np.float64)
    if criterion == "taylor":
        sizes = np.abs(rows.sum(1))
    else:
        sizes = np.abs(rows).sum(1) if criterion == "l1" else np.sqrt(np.square(rows).sum(1))
    # Of both directions of a recurrent layer, side by side.
    return np.tile(sizes, len(traced.outputs[0]) // len(sizes))


def _add(found: dict[int, list[float]], flow: Flow, traced: Traced, sizes: Array, but: Any = frozenset()) -> None:
    mean = float(sizes.mean())
    sets = flow.channels.sets(traced.outputs[0])
    for number, size in zip(sets.tolist(), sizes.tolist(), strict=True):
        if number not in but:
            found.setdefault(number, []).append(size / mean if mean else 0.0)
