"""Magnitude pruning: the smallest weights of each kernel become zero along a polynomial schedule.

Zhu and Gupta, "To prune, or not to prune" (arXiv:1710.01878), by tensorflow-model-optimization.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from compressor.errors import BadInput
from compressor.steps import LayerSettings, Step, Workpiece, chosen_layers, kernel, refuse, weights_at_stake
from compressor.training import Trainer, refresh_statistics

if TYPE_CHECKING:
    import tf_keras


class Settings(LayerSettings):
    """Sparsity is the share of zero weights; it rises from `initial_sparsity` until `ramp` of training is over."""

    sparsity: float = Field(gt=0, lt=1)
    initial_sparsity: float = Field(0.0, ge=0, lt=1)
    ramp: float = Field(0.5, gt=0, le=1)
    power: float = Field(3.0, gt=0)
    frequency: int = Field(10, ge=1)
    learning_rate: float = Field(1e-3, gt=0, le=1)

    @model_validator(mode="after")
    def _rises(self) -> Settings:
        if self.initial_sparsity > self.sparsity:
            raise ValueError("initial_sparsity must not exceed sparsity")
        return self


def apply(workpiece: Workpiece, settings: Settings, trainer: Trainer) -> Workpiece:
    """Prune while training, then take the wrappers off again.

    Raises:
        BadInput: a chosen layer cannot be pruned, or there is nothing to prune.
    """
    import tensorflow_model_optimization as tfmot
    import tf_keras

    sparsity = tfmot.sparsity.keras
    model = workpiece.model
    chosen = _prunable(model, settings)
    steps = trainer.steps(model, settings)
    schedule = sparsity.PolynomialDecay(
        initial_sparsity=settings.initial_sparsity,
        final_sparsity=settings.sparsity,
        begin_step=0,
        end_step=max(1, int(steps * settings.ramp)),
        power=settings.power,
        # The mask must be renewed at least once after the ramp has reached its end.
        frequency=max(1, min(settings.frequency, steps // 4)),
    )

    def wrap(layer: tf_keras.layers.Layer) -> Any:
        return sparsity.prune_low_magnitude(layer, schedule) if layer.name in chosen else layer

    def wrapped_around(original: tf_keras.Model) -> tf_keras.Model:
        return tf_keras.models.clone_model(original, clone_function=wrap)

    wrapped = wrapped_around(model)
    trained = trainer.fit(
        wrapped,
        settings,
        "prune",
        [sparsity.UpdatePruningStep()],
        lambda copied: wrapped_around(copied(model)),
        # The best epoch would be one of the first, with few zeros.
        stops_early=False,
    )
    pruned = sparsity.strip_pruning(wrapped)
    refresh_statistics(pruned, trainer.train, settings.batch_size)
    facts = {"step": "prune", **trained, "sparsity": kernel_sparsity(pruned, chosen)}
    return Workpiece(pruned, facts=(*workpiece.facts, facts))


def kernel_sparsity(model: tf_keras.Model, layers: set[str]) -> dict[str, float]:
    """Share of zeros in the kernel of each named layer."""
    found = {}
    for layer in model.layers:
        if layer.name in layers:
            found[layer.name] = round(float((kernel(layer) == 0).mean()), 4)
    return found


def _prunable(model: tf_keras.Model, settings: Settings) -> set[str]:
    from tensorflow_model_optimization.python.core.sparsity.keras.prune_registry import PruneRegistry

    selected = chosen_layers("prune", model, settings)
    weighty = [
        layer
        for layer in model.layers
        if layer.name in selected and any(weight.shape.rank > 1 for weight in weights_at_stake(layer))
    ]
    unknown = [layer for layer in weighty if not PruneRegistry.supports(layer)]
    if unknown:
        raise refuse("prune", unknown, "only single layers that tensorflow-model-optimization knows are pruned")
    chosen = {layer.name for layer in weighty if PruneRegistry.make_prunable(layer).get_prunable_weights()}
    if not chosen:
        raise BadInput(
            "prune finds no kernel to prune in this model",
            expected="at least one chosen Dense, convolution or recurrent layer",
            received=", ".join(f"{layer.name} ({type(layer).__name__})" for layer in model.layers),
        )
    return chosen


STEP = Step(
    summary="set the smallest weights of each kernel to zero (magnitude, polynomial schedule)",
    settings=Settings,
    apply=apply,
    undoes=("cluster",),
)
