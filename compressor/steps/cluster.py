"""Weight clustering: each kernel keeps only a few distinct values, so that it deflates well.

Han, Mao, Dally, "Deep Compression" (arXiv:1510.00149): k-means of each kernel, then training of the centroids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from compressor.errors import BadInput
from compressor.steps import LayerSettings, Step, Workpiece
from compressor.training import Trainer, refresh_statistics, zeros_are_meant
from compressor.values import Array
from compressor.weight_clustering.kernels import Kernel, kernels
from compressor.weight_clustering.kmeans import Clusters, Start, clustered, entropy
from compressor.weight_clustering.projection import Shared, projecting
from compressor.weight_clustering.rate import Priced, prices
from compressor.weight_pruning.choice import check_patterns, matches, paths
from compressor.worker import report_progress

if TYPE_CHECKING:
    import tf_keras

Count = Annotated[int, Field(ge=2, le=256)]


class Settings(LayerSettings):
    """How many distinct values each kernel keeps: one number, or numbers by layer, the first pattern that matches.

    `bits` is how many a weight may take on average over the network, once coded by entropy: frequent values then become
    more frequent. `centroids` is where values begin; `keep_zeros` makes the zeros one of them: `auto` where a kernel is
    sparse. With `reassign` weights may change over to another value while they train. `epochs` 0 trains nothing.
    """

    clusters: Count | Annotated[dict[str, Count], Field(min_length=1)] = 16
    bits: float = Field(8.0, gt=0, le=8)
    centroids: Start = "kmeans++"
    keep_zeros: bool | Literal["auto"] = "auto"
    reassign: bool = True
    epochs: int = Field(2, ge=0, le=10_000)

    @property
    def undoes(self) -> tuple[str, ...]:
        """Zeros that pruning made are lost where they are not kept."""
        return ("prune",) if self.keep_zeros is False else ()

    @property
    def by_layer(self) -> Mapping[str, int]:
        """Number of clusters by pattern."""
        return self.clusters if isinstance(self.clusters, dict) else {"*": self.clusters}


def apply(workpiece: Workpiece, settings: Settings, trainer: Trainer) -> Workpiece:
    """Let the weights of each kernel share a few values, and train these.

    A kernel that has no more values than clusters is left as it is.

    Raises:
        BadInput: there is nothing to cluster.
    """
    model = workpiece.model
    chosen, left_alone = _chosen(model, settings)
    if not chosen:
        told = "; ".join(f"{name}: {why}" for name, why in left_alone.items())
        raise BadInput("cluster finds no kernel to cluster in this model", received=told or "no layer with a kernel")
    shared = _shared(chosen, settings)
    weights = model.weights
    for each in shared:
        weights[each.place].assign(each.clusters.values)
    trained = {}
    if settings.epochs:
        trained = trainer.fit(model, settings, "cluster", [projecting(shared, settings.reassign)])
        refresh_statistics(model, trainer.train, settings.batch_size)
    found = _distinct_values(model, [kernel for kernel, _ in chosen])
    facts: dict[str, Any] = {"step": "cluster", **trained, "distinct_values": found, "left_alone": left_alone}
    facts["bits_per_weight"] = _bits_per_weight(model, [kernel.place for kernel, _ in chosen])
    facts["promises"] = [{"layer": layer, "distinct_values": count} for layer, count in found.items()]
    return Workpiece(model, facts=(*workpiece.facts, facts))


def _shared(chosen: list[tuple[Kernel, int]], settings: Settings) -> list[Shared]:
    priced = [Priced(kernel.values, _clustering(kernel, count, settings)) for kernel, count in chosen]
    found = prices(priced, settings.bits)
    shared = []
    for done, ((kernel, _), each, price) in enumerate(zip(chosen, priced, found, strict=True)):
        report_progress("cluster", done, len(chosen), kernel.layer)
        shared.append(Shared(kernel.place, kernel.values, each.clustered(kernel.values, price)))
    return shared


def _clustering(kernel: Kernel, count: int, settings: Settings) -> Callable[[Array, float], Clusters]:
    keep = settings.keep_zeros
    if keep == "auto":
        keep = zeros_are_meant(kernel.name, kernel.values == 0)
    return lambda weights, price: clustered(weights, count, settings.centroids, keep, price)


def _bits_per_weight(model: tf_keras.Model, places: list[int]) -> float:
    """What an entropy coder takes for a weight on average."""
    weights = model.weights
    kernels = [weights[place].numpy() for place in places]
    taken = sum(entropy(np.unique(kernel, return_counts=True)[1]) for kernel in kernels)
    return round(taken / sum(int(kernel.size) for kernel in kernels), 3)


def _distinct_values(model: tf_keras.Model, chosen: list[Kernel]) -> dict[str, int]:
    """Of each layer's kernels the largest number of distinct values."""
    found: dict[str, int] = {}
    weights = model.weights
    for kernel in chosen:
        count = len(np.unique(weights[kernel.place].numpy()))
        found[kernel.layer] = max(count, found.get(kernel.layer, 0))
    return found


def _chosen(model: tf_keras.Model, settings: Settings) -> tuple[list[tuple[Kernel, int]], dict[str, str]]:
    """Kernels with their numbers of clusters, and layers that are left alone, with the reason.

    Raises:
        BadInput: a pattern matches no layer.
    """
    every = kernels(model)
    known = [path for path, _ in paths(model)]
    check_patterns("layer of this model (cluster)", (*settings.layers, *settings.skip), known)
    patterns = [pattern for pattern in settings.by_layer if pattern != "*"]
    check_patterns("layer with a kernel in this model (cluster)", patterns, [each.layer for each in every])
    chosen: list[tuple[Kernel, int]] = []
    left_alone: dict[str, str] = {}
    for kernel in every:
        if not _meant(kernel.layer, settings.layers) or _meant(kernel.layer, settings.skip):
            continue
        count = _count(kernel, settings.by_layer)
        if count is None:
            left_alone[kernel.layer] = "no pattern of clusters matches it"
        elif len(np.unique(kernel.values)) <= count:
            left_alone[kernel.layer] = f"has no more than {count} values"
        else:
            chosen.append((kernel, count))
    done = {kernel.layer for kernel, _ in chosen}
    return chosen, {name: why for name, why in left_alone.items() if name not in done}


def _count(kernel: Kernel, by_layer: Mapping[str, int]) -> int | None:
    """The number of the first pattern that matches the layer, or the model inside the model that it is in."""
    for pattern, count in by_layer.items():
        if matches(kernel.layer, pattern):
            return count
    return None


def _meant(layer: str, patterns: Iterable[str]) -> bool:
    return any(matches(layer, pattern) for pattern in patterns)


STEP = Step(
    summary="share a few distinct values among the weights of each kernel (k-means)",
    settings=Settings,
    apply=apply,
)
