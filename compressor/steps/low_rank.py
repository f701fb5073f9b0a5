"""Low rank: a Dense layer or a convolution becomes two thin ones, where these take fewer multiply-accumulates.

Which two: see `compressor.low_rank.factors`; how thin: see `compressor.low_rank.amounts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from compressor.channel_pruning import cost, flow
from compressor.errors import BadInput
from compressor.low_rank import amounts, layers, rebuilding
from compressor.low_rank.amounts import Budgeted, Cut, Whole
from compressor.steps import LayerSettings, Step, Workpiece
from compressor.training import Trainer, refresh_statistics
from compressor.weight_pruning.choice import check_patterns, matches
from compressor.worker import report_progress

if TYPE_CHECKING:
    import tf_keras

_NOTHING = np.array([], np.int64)
Share = Annotated[float, Field(gt=0, lt=1)]


class Settings(LayerSettings):
    """What is kept: of each kernel a share of its `energy`, or of the whole model's `macs` or `parameters`.

    Ranks are a `multiple`, rounded up. `epochs` 0 trains nothing.
    """

    keep: dict[Literal["energy"] | Budgeted, Share] = Field({"energy": 0.95}, min_length=1, max_length=1)
    multiple: int = Field(1, ge=1, le=256)
    epochs: int = Field(2, ge=0, le=10_000)
    learning_rate: float = Field(1e-3, gt=0, le=1)

    @property
    def kept(self) -> tuple[Literal["energy"] | Budgeted, float]:
        """Of what, and how much of it."""
        return next(iter(self.keep.items()))


def apply(workpiece: Workpiece, settings: Settings, trainer: Trainer) -> Workpiece:
    """Split layers, and train what came of them.

    Raises:
        BadInput: no layer gets cheaper, or not all of them together by so much, or a pattern matches no layer.
    """
    model = workpiece.model
    splittable, left_alone = _chosen(model, settings)
    before = cost.counter(flow.trace(model))(_NOTHING)
    fates = list(zip(splittable, _cuts(_wholes(splittable), before, settings), strict=True))
    cuts = {path: cut for (path, _), cut in fates if isinstance(cut, Cut)}
    left_alone |= {path: why for (path, _), why in fates if isinstance(why, str)}
    if not cuts:
        told = "; ".join(f"{path}: {why}" for path, why in left_alone.items())
        raise BadInput("low_rank finds no layer that would get cheaper in this model", received=told or "no such layer")
    smaller = rebuilding.split(model, {id(layer): cut for (_, layer), cut in fates if isinstance(cut, Cut)})
    trained = {}
    if settings.epochs:
        trained = trainer.fit(smaller, settings, "low_rank")
        refresh_statistics(smaller, trainer.train, settings.batch_size)
    facts = _facts(before, smaller, cuts) | {"left_alone": left_alone}
    return Workpiece(smaller, facts=(*workpiece.facts, {"step": "low_rank", **trained, **facts}))


def _chosen(model: tf_keras.Model, settings: Settings) -> tuple[list[tuple[str, Any]], dict[str, str]]:
    """Layers that could be split, each once, with their paths; and why others are left alone.

    Raises:
        BadInput: a pattern matches no layer.
    """
    every = list(rebuilding.layers_inside(model))
    patterns = (*settings.layers, *settings.skip)
    check_patterns("layer of this model (low_rank)", patterns, [path for path, _ in every])
    splittable: dict[int, tuple[str, Any]] = {}
    left_alone = {}
    for path, layer in every:
        if not _meant(path, settings.layers) or _meant(path, settings.skip):
            continue
        reason = layers.reason_against(layer)
        if reason is None:
            splittable.setdefault(id(layer), (path, layer))
        elif any(weight.shape.rank > 1 for weight in layer.weights):
            left_alone[path] = reason
    return list(splittable.values()), left_alone


def _meant(path: str, patterns: Sequence[str]) -> bool:
    return any(matches(path, pattern) for pattern in patterns)


def _wholes(splittable: Sequence[tuple[str, Any]]) -> list[Whole]:
    wholes = []
    for done, (path, layer) in enumerate(splittable):
        report_progress("low_rank", done, len(splittable), path)
        wholes.append(layers.whole(layer))
    return wholes


def _cuts(wholes: Sequence[Whole], before: cost.Cost, settings: Settings) -> list[Cut | str]:
    """For each layer its cut, or why it stays whole."""
    what, kept = settings.kept
    if what == "energy":
        found = [amounts.by_energy(each, kept, settings.multiple) for each in wholes]
        return [cut if cut.pays else _no_cheaper(cut, kept) for cut in found]
    now = before.macs if what == "macs" else before.parameters
    cuts = amounts.within_budget(wholes, what, now * (1 - kept), settings.multiple)
    if cuts is None:
        least = 1 - amounts.most(wholes, what, settings.multiple) / now
        raise BadInput(
            f"low_rank cannot bring the model down to {kept:g} of its {what}",
            expected=f"{least:.3f} or more: that is left with every layer as thin as can be",
            received=f"{what}: {kept:g}",
        )
    return [cuts.get(place, "the budget is kept without it") for place in range(len(wholes))]


def _no_cheaper(cut: Cut, energy: float) -> str:
    return f"{energy:g} of its energy takes rank {cut.rank} of {len(cut.split.factors.strengths)}, which is no cheaper"


def _facts(before: cost.Cost, smaller: tf_keras.Model, cuts: dict[str, Cut]) -> dict[str, Any]:
    after = cost.counter(flow.trace(smaller))(_NOTHING)
    return {
        "macs": [before.macs, after.macs],
        "parameters": [before.parameters, after.parameters],
        "ranks": {name: [len(cut.split.factors.strengths), cut.rank] for name, cut in cuts.items()},
        "energy": {name: round(1 - cut.lost, 4) for name, cut in cuts.items()},
        "spatial": [name for name, cut in cuts.items() if cut.split.factors.form == "spatial"],
    }


STEP = Step(
    summary="split Dense layers and convolutions into two thin ones each (singular value decomposition)",
    settings=Settings,
    apply=apply,
    undoes=("cluster", "prune"),
)
