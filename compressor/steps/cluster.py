"""Weight clustering: each kernel keeps only a few distinct values, so that it deflates well.

Han, Mao, Dally, "Deep Compression" (arXiv:1510.00149), by tensorflow-model-optimization.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from compressor.errors import BadInput
from compressor.steps import LayerSettings, Step, Workpiece, chosen_layers, kernel, refuse, weights_at_stake
from compressor.training import Trainer, refresh_statistics

if TYPE_CHECKING:
    import tf_keras


class Settings(LayerSettings):
    """`clusters` is the number of distinct values per kernel, centroids placed by k-means++."""

    clusters: int = Field(16, ge=2, le=256)


def apply(workpiece: Workpiece, settings: Settings, trainer: Trainer) -> Workpiece:
    """Cluster, train the centroids, then take the wrappers off again.

    A kernel that has no more values than `clusters` is left as it is.

    Raises:
        BadInput: a chosen layer cannot be clustered, or there is nothing to cluster.
    """
    import tensorflow_model_optimization as tfmot
    import tf_keras

    clustering = tfmot.clustering.keras
    model = workpiece.model
    chosen = _clusterable(model, settings)

    def wrap(layer: tf_keras.layers.Layer) -> Any:
        if layer.name not in chosen:
            return layer
        return clustering.cluster_weights(
            layer,
            number_of_clusters=settings.clusters,
            cluster_centroids_init=clustering.CentroidInitialization.KMEANS_PLUS_PLUS,
        )

    def wrapped_around(original: tf_keras.Model) -> tf_keras.Model:
        return tf_keras.models.clone_model(original, clone_function=wrap)

    # Wrapping takes the kernels out of the layers it wraps, and copies may have to be made of the model later.
    untouched = tf_keras.models.clone_model(model)
    untouched.set_weights(model.get_weights())
    wrapped = wrapped_around(untouched)
    trained = trainer.fit(wrapped, settings, "cluster", again=lambda copied: wrapped_around(copied(model)))
    clustered = clustering.strip_clustering(wrapped)
    refresh_statistics(clustered, trainer.train, settings.batch_size)
    facts = {"step": "cluster", **trained, "distinct_values": distinct_values(clustered, chosen)}
    return Workpiece(clustered, facts=(*workpiece.facts, facts))


def distinct_values(model: tf_keras.Model, layers: set[str]) -> dict[str, int]:
    """Number of distinct values in the largest weight of each named layer."""
    found = {}
    for layer in model.layers:
        if layer.name in layers:
            found[layer.name] = len(np.unique(kernel(layer)))
    return found


def _clusterable(model: tf_keras.Model, settings: Settings) -> set[str]:
    from tensorflow_model_optimization.python.core.clustering.keras.clustering_registry import ClusteringRegistry

    selected = chosen_layers("cluster", model, settings)
    weighty = [layer for layer in model.layers if layer.name in selected and _largest(layer) > settings.clusters]
    unknown = [each for each in weighty if hasattr(each, "layers") or not ClusteringRegistry.supports(each)]
    if unknown:
        raise refuse(
            "cluster", unknown, "only single layers of the kinds that tensorflow-model-optimization knows are clustered"
        )
    chosen = {layer.name for layer in weighty if ClusteringRegistry.make_clusterable(layer).get_clusterable_weights()}
    if not chosen:
        raise BadInput(
            f"cluster finds no kernel with more than {settings.clusters} values in this model",
            received=", ".join(f"{layer.name} ({type(layer).__name__})" for layer in model.layers),
        )
    return chosen


def _largest(layer: tf_keras.layers.Layer) -> int:
    """Number of values in the layer's largest matrix or kernel at stake, 0 when it has none."""
    sizes = (int(weight.shape.num_elements()) for weight in weights_at_stake(layer) if weight.shape.rank > 1)
    return max(sizes, default=0)


STEP = Step(
    summary="share a few distinct values among the weights of each kernel (k-means++)",
    settings=Settings,
    apply=apply,
    undoes=("prune",),
)
