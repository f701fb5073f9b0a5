"""Channel pruning: whole channels and units go, and the model is smaller on every device.

Channels that additions, products and concatenations tie together go together. Which go first: see
`compressor.channel_pruning.importance`; how many of each layer: see `compressor.channel_pruning.amounts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from compressor.channel_pruning import amounts, cost, flow, groups, importance, sensitivity, slopes, surgery
from compressor.channel_pruning.flow import Flow
from compressor.channel_pruning.groups import Group
from compressor.errors import BadInput
from compressor.steps import LayerSettings, Step, Workpiece, chosen_layers
from compressor.training import Trainer, refresh_statistics
from compressor.values import Array

if TYPE_CHECKING:
    import tf_keras

# Multiply-accumulates that finding out how sensitive layers are may take: some seconds of two cores.
_MEASURING_MACS = 150e9
_MOST_SAMPLES = 64


class Settings(LayerSettings):
    """How much goes: a `share` of each layer's channels, or what is left of the whole (`macs`, `parameters`: shares).

    `rounds` of removing and training; `epochs` 0 trains nothing. What is left of a layer is a `multiple` of channels.
    """

    share: float | None = Field(None, gt=0, lt=1)
    macs: float | None = Field(None, gt=0, lt=1)
    parameters: float | None = Field(None, gt=0, lt=1)
    importance: Literal["l1", "l2", "gamma", "taylor"] = "l2"
    multiple: int = Field(1, ge=1, le=256)
    rounds: int = Field(1, ge=1, le=100)
    epochs: int = Field(2, ge=0, le=10_000)
    learning_rate: float = Field(1e-3, gt=0, le=1)

    @model_validator(mode="after")
    def _one_amount(self) -> Settings:
        if sum(each is not None for each in (self.share, self.macs, self.parameters)) != 1:
            raise ValueError("give one of share, macs, parameters")
        return self

    @property
    def budget(self) -> Literal["macs", "parameters"] | None:
        """What is limited; None for a share of each layer."""
        return None if self.share is not None else "macs" if self.macs is not None else "parameters"


def apply(workpiece: Workpiece, settings: Settings, trainer: Trainer) -> Workpiece:
    """Remove channels, train, and again, until all rounds are done.

    Raises:
        BadInput: nothing can shrink, or not by so much.
    """
    model, facts = workpiece.model, dict[str, Any]()
    before = cost.counter(flow.trace(model))(np.array([], np.int64))
    kept_back = groups.staying(flow.trace(model))
    for turn in range(1, settings.rounds + 1):
        model = _smaller(model, settings, trainer, before, turn)
        if settings.epochs:
            facts = trainer.fit(model, settings, "channel_prune")
            refresh_statistics(model, trainer.train, settings.batch_size)
    after = cost.counter(flow.trace(model))(np.array([], np.int64))
    told = {
        **facts,
        "macs": [before.macs, after.macs],
        "parameters": [before.parameters, after.parameters],
        "channels": _channels(workpiece.model, model),
        "stays": kept_back,
    }
    return Workpiece(model, facts=(*workpiece.facts, {"step": "channel_prune", **told}))


def _smaller(
    model: tf_keras.Model, settings: Settings, trainer: Trainer, first: cost.Cost, turn: int
) -> tf_keras.Model:
    traced = flow.trace(model)
    found = _chosen(model, traced, settings)
    scores = importance.importance(
        traced, settings.importance, slopes.of_loss(model, trainer) if settings.importance == "taylor" else None
    )

    def fallen(shares: Sequence[float]) -> Array:
        parts = [
            amounts.weakest(group, scores, share, settings.multiple) for group, share in zip(found, shares, strict=True)
        ]
        return np.concatenate(parts)

    if settings.share is not None:
        left = (1 - settings.share) ** (1 / settings.rounds)
        shares: list[float] | None = [1 - left] * len(found)
    else:
        shares = _within_budget(model, traced, found, fallen, settings, trainer, first, turn)
    assert shares is not None
    return surgery.without(model, traced, set(fallen(shares).tolist()))


def _within_budget(
    model: tf_keras.Model,
    traced: Flow,
    found: Sequence[Group],
    fallen: Callable[[Sequence[float]], Array],
    settings: Settings,
    trainer: Trainer,
    first: cost.Cost,
    turn: int,
) -> list[float]:
    """Shares by which the network fits, spread by how much each group is felt."""
    budget = settings.budget
    assert budget is not None
    count = cost.counter(traced)
    wanted = getattr(settings, budget) ** (turn / settings.rounds) * getattr(first, budget)
    alone = [fallen([0.5 if at == place else 0.0 for at in range(len(found))]) for place in range(len(found))]
    now = count(np.array([], np.int64))
    saved = [getattr(now, budget) - getattr(count(sets), budget) for sets in alone]
    harms = sensitivity.harms(model, traced, alone, _samples(trainer, now.macs * len(found)))
    shares = amounts.shares_within(harms, saved, lambda shares: getattr(count(fallen(shares)), budget) <= wanted)
    if shares is None:
        least = getattr(count(fallen([1.0] * len(found))), budget) / getattr(first, budget)
        raise BadInput(
            f"channel_prune cannot bring the model down to {getattr(settings, budget):g} of its {budget}",
            expected=f"{budget} above {least:.3f}: a tenth of each layer's channels stays at least, and some layers whole",
            received=f"{budget}: {getattr(settings, budget):g}",
        )
    return shares


def _samples(trainer: Trainer, macs_per_sample: int) -> Any:
    count = int(np.clip(_MEASURING_MACS / max(macs_per_sample, 1), 1, _MOST_SAMPLES))
    return next(iter(trainer.calibration_batches(count)))


def _chosen(model: tf_keras.Model, traced: Flow, settings: Settings) -> list[Group]:
    """Groups all of whose layers are selected.

    Raises:
        BadInput: there is none.
    """
    top = {layer.name for layer in model.layers}
    selected = chosen_layers("channel_prune", model, settings)
    # Layers inside models are selected with the model they are in.
    known = {each.layer.name: each.layer.name for each in traced.layers.values()}
    refused = top - selected
    found = [group for group in groups.groups(traced) if not refused & {known[name] for name in group.makers}]
    if not found:
        told = "; ".join(f"{name}: {why}" for name, why in list(groups.staying(traced).items())[:5])
        raise BadInput("channel_prune finds no layer that can shrink in this model", received=told or "no such layer")
    return found


def _channels(before: tf_keras.Model, after: tf_keras.Model) -> Mapping[str, list[int]]:
    """How many channels each layer made, and makes, where that differs."""

    def widths(model: tf_keras.Model) -> dict[str, int]:
        return {traced.layer.name: len(traced.outputs[0]) for traced, _ in flow.trace(model).makers()}

    now = widths(after)
    return {name: [width, now[name]] for name, width in widths(before).items() if now[name] != width}


STEP = Step(
    summary="remove whole channels and units: the model is smaller and faster everywhere",
    settings=Settings,
    apply=apply,
    undoes=("cluster",),
)
