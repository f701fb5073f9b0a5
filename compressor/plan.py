"""Recipe × targets, before TensorFlow loads: does this pair make sense, and which files does it take?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from compressor import formats
from compressor.errors import BadInput
from compressor.recipe import Recipe, order_mistakes
from compressor.target import Route, Target
from compressor.values import Precision, Stage


@dataclass(frozen=True, slots=True)
class Job:
    """One file to write."""

    stage: Stage
    format: str
    precision: Precision


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """One file on one runtime, on behalf of one target."""

    target: Target
    job: Job
    runtime: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a run will write and measure, in order."""

    rows: tuple[PlannedRow, ...]

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The distinct files: targets that take the same one share it."""
        return tuple(dict.fromkeys(row.job for row in self.rows))

    @property
    def runtimes(self) -> tuple[str, ...]:
        """The distinct runtimes."""
        return tuple(dict.fromkeys(row.runtime for row in self.rows))


def check(recipe: Recipe, targets: Sequence[Target]) -> Plan:
    """The plan for a recipe and its targets.

    Raises:
        BadInput: steps that contradict each other or the precision, or a target that refuses it; all told at once.
    """
    mistakes = [
        *order_mistakes(recipe.steps, recipe.precision),
        *(mistake for target in targets for mistake in _refusal(recipe, target)),
    ]
    if mistakes:
        told = "".join(f"\n  {mistake}" for mistake in mistakes)
        names = ", ".join(target.name for target in targets)
        raise BadInput(f"recipe '{recipe.name}' cannot be run for {names or 'any target'}:{told}")
    return Plan(tuple(row for target in targets for row in _rows(recipe, target)))


def _refusal(recipe: Recipe, target: Target) -> Iterable[str]:
    if target.routes_for(recipe.precision):
        return
    reason = target.refusals.get(recipe.precision, "its runtime has no such files")
    yield (
        f"target {target.name} does not take {recipe.precision}: {reason} "
        f"(it takes {', '.join(target.precisions)}; this recipe's precision is {recipe.precision})"
    )


def _rows(recipe: Recipe, target: Target) -> Iterable[PlannedRow]:
    for route in target.routes_for(recipe.precision):
        _check_format(recipe, route)
        yield PlannedRow(target, Job(Stage.FLOAT32, route.format, Precision.FLOAT32), route.runtime_of_baseline)
        yield PlannedRow(target, Job(Stage.COMPRESSED, route.format, recipe.precision), route.runtime)


def _check_format(recipe: Recipe, route: Route) -> None:
    if recipe.precision not in formats.load(route.format).precisions:
        raise BadInput(f"the format {route.format} cannot be written in {recipe.precision}")
