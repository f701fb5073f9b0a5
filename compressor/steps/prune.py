"""Magnitude pruning: the smallest weights of each kernel become zero, while the model trains or at once.

Zhu and Gupta, "To prune, or not to prune" (arXiv:1710.01878). Which weights fall together says
`compressor.weight_pruning.patterns`, which kernels are pruned `compressor.weight_pruning.choice`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticKnownError

from compressor.errors import BadInput
from compressor.steps import LayerSettings, Step, Workpiece
from compressor.training import Trainer, refresh_statistics
from compressor.weight_pruning import callback, choice
from compressor.weight_pruning.choice import Choice, Chosen
from compressor.weight_pruning.masks import Pruning, Scope
from compressor.weight_pruning.patterns import GROUP, KEPT, PATTERNS, Structure
from compressor.weight_pruning.schedules import Kind, Schedule

if TYPE_CHECKING:
    import tf_keras

_DIGITS = 4
_TWO_OF_FOUR = KEPT / GROUP


class Settings(LayerSettings):
    """Sparsity is the share of zero weights: one for all layers, or by patterns of layers, of which the first counts.

    It rises from `initial_sparsity` until `ramp` of training is over; `epochs` 0 prunes at once and trains nothing.
    `scope` global has one threshold over all kernels, lamp one of magnitudes that are made comparable between them;
    `structure` is a name of `compressor.weight_pruning.patterns`.
    """

    sparsity: float | dict[str, float]
    schedule: Kind = "polynomial"
    scope: Scope = "layer"
    structure: Structure = "none"
    initial_sparsity: float = Field(0.0, ge=0, lt=1)
    ramp: float = Field(0.5, gt=0, le=1)
    power: float = Field(3.0, gt=0)
    frequency: int = Field(10, ge=1)
    epochs: int = Field(2, ge=0, le=10_000)
    learning_rate: float = Field(1e-3, gt=0, le=1)

    @field_validator("sparsity", mode="plain")
    @classmethod
    def _shares(cls, value: Any) -> Any:
        by_pattern = isinstance(value, Mapping)
        for share in value.values() if by_pattern and value else [value]:
            if isinstance(share, bool) or not isinstance(share, int | float):
                raise PydanticKnownError("float_type")
            if not share < 1:
                raise PydanticKnownError("less_than", {"lt": 1})
            if not share > 0:
                raise PydanticKnownError("greater_than", {"gt": 0})
        return {str(pattern): float(share) for pattern, share in value.items()} if by_pattern else float(value)

    @model_validator(mode="after")
    def _agree(self) -> Settings:
        shares = self.by_pattern.values()
        if self.initial_sparsity > min(shares):
            raise ValueError("initial_sparsity must not exceed sparsity")
        if self.structure == "2:4" and {*shares} != {_TWO_OF_FOUR}:
            raise ValueError(f"structure 2:4 is a sparsity of {_TWO_OF_FOUR}")
        if self.scope != "layer" and (len(self.by_pattern) > 1 or self.structure == "2:4"):
            raise ValueError(f"scope {self.scope} takes one sparsity, and no structure 2:4")
        return self

    @property
    def by_pattern(self) -> dict[str, float]:
        """Sparsities by patterns of layers, the first that matches counts."""
        return self.sparsity if isinstance(self.sparsity, dict) else {"*": self.sparsity}


def apply(workpiece: Workpiece, settings: Settings, trainer: Trainer) -> Workpiece:
    """Prune while training, or at once where there are no epochs.

    Raises:
        BadInput: there is nothing to prune, or a pattern matches no layer.
    """
    model = workpiece.model
    found, finals = _chosen(model, settings)
    how = Pruning(
        PATTERNS[settings.structure],
        _schedule(settings, trainer.steps(model, settings) if settings.epochs else 0),
        finals,
        settings.scope,
    )
    places = [each.place for each in found.chosen]
    trained = dict[str, Any]()
    if settings.epochs:
        # The best epoch would be one of the first, with few zeros.
        trained = trainer.fit(model, settings, "prune", [callback.pruning(how, places)], stops_early=False)
        refresh_statistics(model, trainer.train, settings.batch_size)
    else:
        _prune_at_once(model, how, places)
    facts = {"step": "prune", **trained, **_told(model, found, settings)}
    return Workpiece(model, facts=(*workpiece.facts, facts))


def _schedule(settings: Settings, steps: int) -> Schedule:
    return Schedule(
        kind=settings.schedule,
        initial=settings.initial_sparsity,
        ends=max(1, int(steps * settings.ramp)),
        power=settings.power,
        # Some renewals on the way, also in a short training.
        frequency=max(1, min(settings.frequency, steps // 4)),
    )


def _chosen(model: tf_keras.Model, settings: Settings) -> tuple[Choice, tuple[float, ...]]:
    """The kernels to prune, and the sparsity that each ends with."""
    found = choice.choose(model, settings.layers, settings.skip, settings.structure)
    known = [path for path, _ in choice.paths(model)]
    choice.check_patterns("layer of this model (prune)", list(settings.by_pattern), known)
    wanted = [(each, _sparsity(each, settings)) for each in found.chosen]
    unnamed = {each.layer: "no pattern of sparsity is meant for it" for each, share in wanted if share is None}
    named = [(each, share) for each, share in wanted if share is not None]
    if not named:
        reasons = [f"{layer}: {why}" for layer, why in (found.left_alone | unnamed).items()]
        raise BadInput(
            "prune finds no kernel to prune in this model",
            expected="at least one chosen Dense, convolution or recurrent layer",
            received="; ".join(reasons) or ", ".join(f"{each.name} ({type(each).__name__})" for each in model.layers),
        )
    chosen = tuple(each for each, _ in named)
    return Choice(chosen, found.left_alone | unnamed), tuple(share for _, share in named)


def _sparsity(kernel: Chosen, settings: Settings) -> float | None:
    shares = (share for pattern, share in settings.by_pattern.items() if choice.matches(kernel.layer, pattern))
    return next(shares, None)


def _prune_at_once(model: tf_keras.Model, how: Pruning, places: list[int]) -> None:
    kernels = [model.weights[place] for place in places]
    masks = how.masks([kernel.numpy() for kernel in kernels], how.schedule.ends)
    for kernel, mask in zip(kernels, masks, strict=True):
        kernel.assign(kernel.numpy() * mask)


def _told(model: tf_keras.Model, found: Choice, settings: Settings) -> dict[str, Any]:
    """What came of it, by layer, and what the written file must have of it."""
    weights: dict[str, int] = {}
    zeros: dict[str, int] = {}
    for each in found.chosen:
        values = model.weights[each.place].numpy()
        weights[each.layer] = weights.get(each.layer, 0) + each.size
        zeros[each.layer] = zeros.get(each.layer, 0) + int(np.count_nonzero(values == 0))
    shares = {layer: zeros[layer] / count for layer, count in weights.items()}
    whole = {"of_all": round(sum(zeros.values()) / sum(weights.values()), _DIGITS)}
    return {
        "sparsity": {layer: round(share, _DIGITS) for layer, share in shares.items()},
        **(whole if settings.scope != "layer" else {}),
        **({"left_alone": found.left_alone} if found.left_alone else {}),
        "promises": [
            # Rounded down: what is promised has to be there.
            {"layer": layer, "sparsity": int(share * 10**_DIGITS) / 10**_DIGITS, "weights": weights[layer]}
            for layer, share in shares.items()
        ],
    }


STEP = Step(
    summary="set the smallest weights of each kernel to zero (magnitude, by layer or over all, 2:4, blocks)",
    settings=Settings,
    apply=apply,
    undoes=("cluster",),
)
