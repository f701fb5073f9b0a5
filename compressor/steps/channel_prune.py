"""Channel pruning: whole channels and units go, and the model is smaller on every device.

Channels that additions, products and concatenations tie together go together. Which go first: see
`compressor.channel_pruning.importance`; how many of each layer: see `compressor.channel_pruning.amounts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Field, field_validator

from compressor.channel_pruning import (
    amounts,
    compensation,
    cost,
    flow,
    groups,
    importance,
    sensitivity,
    slopes,
    surgery,
)
from compressor.channel_pruning.flow import Flow
from compressor.channel_pruning.groups import Group
from compressor.errors import BadInput
from compressor.steps import LayerSettings, Step, Workpiece
from compressor.training import Trainer, refresh_statistics
from compressor.values import Array
from compressor.weight_pruning.choice import check_patterns, matches, paths

if TYPE_CHECKING:
    import tf_keras

# Multiply-accumulates that finding out how sensitive layers are may take: some seconds of two cores.
_MEASURING_MACS = 150e9
_MOST_SAMPLES = 64
_NAMED = 5
_NOTHING = np.array([], np.int64)


def _share_or_count(amount: float) -> float:
    if 0 < amount < 1 or (amount > 1 and amount == int(amount)):
        return amount
    raise ValueError("must be a share between 0 and 1, or a whole number from 2 on")


class Settings(LayerSettings):
    """How much is kept: a share of each layer's `channels`, or of the model's `macs`, `parameters` or `bytes`.

    These three may also be given as a number: `{bytes: 20_000}`. Bytes are those of the weights as the file holds them.
    `rounds` of removing and training; `epochs` 0 trains nothing. What is left of a layer is a `multiple` of channels.
    """

    keep: dict[
        Literal["channels", "macs", "parameters", "bytes"], Annotated[float, AfterValidator(_share_or_count)]
    ] = Field(min_length=1, max_length=1)
    importance: Literal["l1", "l2", "gamma", "taylor"] = "l2"
    multiple: int = Field(1, ge=1, le=256)
    rounds: int = Field(1, ge=1, le=100)
    epochs: int = Field(2, ge=0, le=10_000)
    learning_rate: float = Field(1e-3, gt=0, le=1)

    @field_validator("keep")
    @classmethod
    def _channels_are_a_share(cls, keep: dict[str, float]) -> dict[str, float]:
        if keep.get("channels", 0) > 1:
            raise ValueError(
                "channels: a share of each layer's, between 0 and 1; numbers are for macs, parameters, bytes"
            )
        return keep

    @property
    def kept(self) -> tuple[str, float]:
        """Of what, and how much of it."""
        return next(iter(self.keep.items()))


def apply(workpiece: Workpiece, settings: Settings, trainer: Trainer) -> Workpiece:
    """Remove channels, train, and again, until all rounds are done.

    Raises:
        BadInput: nothing can shrink, or not by so much.
    """
    model, trained = workpiece.model, dict[str, Any]()
    first = flow.trace(model)
    before = cost.counter(first, workpiece.precision)(_NOTHING)
    for turn in range(1, settings.rounds + 1):
        model = _Round(replace(workpiece, model=model), settings, trainer, before, turn).smaller()
        if settings.epochs:
            trained = trainer.fit(model, settings, "channel_prune")
            refresh_statistics(model, trainer.train, settings.batch_size)
    after = cost.counter(flow.trace(model), workpiece.precision)(_NOTHING)
    facts = {
        **trained,
        "macs": [before.macs, after.macs],
        "parameters": [before.parameters, after.parameters],
        "bytes": [before.bytes, after.bytes],
        "channels": _changed_widths(first, flow.trace(model)),
        "stays": groups.staying(first),
    }
    return Workpiece(model, facts=(*workpiece.facts, {"step": "channel_prune", **facts}))


class _Round:
    """One time of removing channels.

    Args:
        first: what the model cost before the first round.
        turn: which round it is, from 1.
    """

    def __init__(self, workpiece: Workpiece, settings: Settings, trainer: Trainer, first: cost.Cost, turn: int) -> None:
        model = workpiece.model
        self._model, self._settings, self._trainer = model, settings, trainer
        self._first, self._turn = first, turn
        self._flow = flow.trace(model)
        self._cost = cost.counter(self._flow, workpiece.precision)
        self._groups = _chosen(model, self._flow, settings)
        by_loss = slopes.of_answers(model, trainer) if settings.importance == "taylor" else None
        self._importance = importance.importance(self._flow, settings.importance, by_loss)

    def smaller(self) -> tf_keras.Model:
        """The model without the channels that go in this round."""
        what, kept = self._settings.kept
        if what == "channels":
            shares = [1 - kept ** (1 / self._settings.rounds)] * len(self._groups)
        else:
            shares = self._within_budget()
        fallen = self._fallen(shares)
        made = surgery.without(self._model, self._flow, set(fallen.tolist()))
        compensation.make_up(self._model, made, self._flow, fallen, self._few())
        return made

    def _fallen(self, shares: Sequence[float]) -> Array:
        pairs = zip(self._groups, shares, strict=True)
        multiple = self._settings.multiple
        return np.concatenate([amounts.weakest(group, self._importance, share, multiple) for group, share in pairs])

    def _within_budget(self) -> list[float]:
        """Shares by which the network fits, spread by how much each group is felt."""
        places = range(len(self._groups))
        alone = [self._fallen([0.5 if at == place else 0.0 for at in places]) for place in places]
        samples = next(iter(self._few(len(self._groups))))
        harms = sensitivity.harms(self._model, self._flow, alone, samples)
        now, whole = self._counted(_NOTHING), self._budgeted(self._first)
        kept = self._settings.kept[1]
        left = min(kept if kept < 1 else kept / whole, 1.0)
        wanted = left ** (self._turn / self._settings.rounds) * whole
        saved = [now - self._counted(sets) for sets in alone]
        shares = amounts.shares_within(harms, saved, lambda each: self._counted(self._fallen(each)) <= wanted)
        if shares is None:
            least = self._counted(self._fallen([amounts.LARGEST_SHARE for _ in places]))
            raise self._refusal(least, whole)
        return shares

    def _refusal(self, least: int, whole: int) -> BadInput:
        what, kept = self._settings.kept
        wanted, possible = (f"{kept:g} of its", f"{least / whole:.3f}") if kept < 1 else (f"{kept:.0f}", str(least))
        return BadInput(
            f"channel_prune cannot bring the model down to {wanted} {what}",
            expected=f"{possible} or more: a tenth of each layer's channels stays, and some layers are left whole",
            received=f"{what}: {kept:.12g}",
        )

    def _few(self, turns: int = 1) -> Iterator[Any]:
        """A batch of calibration samples, as many as can be answered in some seconds so often."""
        count = int(np.clip(_MEASURING_MACS / max(self._cost(_NOTHING).macs * turns, 1), 1, _MOST_SAMPLES))
        return islice(self._trainer.calibration_batches(count), 1)

    def _counted(self, fallen: Array) -> int:
        return self._budgeted(self._cost(fallen))

    def _budgeted(self, counted: cost.Cost) -> int:
        return int(getattr(counted, self._settings.kept[0]))


def _chosen(model: tf_keras.Model, traced: Flow, settings: Settings) -> list[Group]:
    """Groups none of whose layers is left out.

    Raises:
        BadInput: there is none, or a pattern matches no layer.
    """
    selected = _selected(model, settings)
    left_out = {each.path for each, _ in traced.makers() if id(each.layer) not in selected}
    found = [group for group in groups.groups(traced) if not left_out & set(group.makers)]
    if not found:
        told = "; ".join(f"{name}: {why}" for name, why in list(groups.staying(traced).items())[:_NAMED])
        raise BadInput("channel_prune finds no layer that can shrink in this model", received=told or "no such layer")
    return found


def _selected(model: tf_keras.Model, settings: Settings) -> set[int]:
    """Identities of the layers that `layers` selects and `skip` leaves; each path of one that models share counts."""
    known = list(paths(model))
    patterns = (*settings.layers, *settings.skip)
    check_patterns("layer of this model (channel_prune)", patterns, [path for path, _ in known])
    meant, skipped = (
        {id(layer) for path, layer in known if _meant(path, which)} for which in (settings.layers, settings.skip)
    )
    return meant - skipped


def _meant(path: str, patterns: Iterable[str]) -> bool:
    return any(matches(path, pattern) for pattern in patterns)


def _changed_widths(before: Flow, after: Flow) -> dict[str, list[int]]:
    """How many channels each layer made, and makes, where that differs."""
    widths = [{each.path: len(each.outputs[0]) for each, _ in traced.makers()} for traced in (before, after)]
    return {name: [width, widths[1][name]] for name, width in widths[0].items() if widths[1][name] != width}


STEP = Step(
    summary="remove whole channels and units: the model is smaller and faster everywhere",
    settings=Settings,
    apply=apply,
    undoes=("cluster",),
)
