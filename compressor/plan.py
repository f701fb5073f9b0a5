"""Recipe × targets, before TensorFlow loads: does this pair make sense, and which files does it take?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from compressor import formats, model_files
from compressor.errors import BadInput
from compressor.recipe import ORIGINAL, Recipe, order_mistakes
from compressor.target import Route, Target
from compressor.values import Entry, Precision, Stage


@dataclass(frozen=True, slots=True)
class Job:
    """One file to write."""

    stage: Stage
    format: str
    precision: Precision


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """One file on one runtime, on behalf of one target; `bundle` is the kind of bundle that the file goes into."""

    target: Target
    job: Job
    runtime: str
    bundle: str = ""


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


def check(recipe: Recipe, targets: Sequence[Target], entry: Entry = Entry.KERAS) -> Plan:
    """The plan for a recipe and its targets.

    Args:
        entry: where the model enters; an ONNX model has no layers for steps, and becomes ONNX files only.

    Raises:
        BadInput: steps that contradict each other or the precision, a target that refuses it, or a model that the
            steps or a target cannot do with; all told at once.
    """
    mistakes = [
        *order_mistakes(recipe.steps, recipe.precision),
        *_no_layers(recipe, entry),
        *_no_teachers(recipe),
        *(mistake for target in targets for mistake in _refusal(recipe, target, entry)),
    ]
    if mistakes:
        told = "".join(f"\n  {mistake}" for mistake in mistakes)
        names = ", ".join(target.name for target in targets)
        raise BadInput(f"recipe '{recipe.name}' cannot be run for {names or 'any target'}:{told}")
    return Plan(tuple(row for target in targets for row in _rows(recipe, target, entry)))


def _no_layers(recipe: Recipe, entry: Entry) -> Iterable[str]:
    if entry is not Entry.KERAS and recipe.steps:
        steps = ", ".join(step.name for step in recipe.steps)
        kind = "an ONNX model" if entry is Entry.ONNX else "a SavedModel without Keras layers"
        yield (
            f"{steps} work{'s' * (len(recipe.steps) == 1)} on Keras layers, and {kind} has none: "
            "use a recipe of precision alone (float16, int8, …), or bring the Keras model"
        )


def _no_teachers(recipe: Recipe) -> Iterable[str]:
    for name in recipe.teachers:
        path = Path(name)
        try:
            if name != ORIGINAL and model_files.reader(path).entry(path) is not Entry.KERAS:
                yield f"the teacher {name} has no Keras layers: bring it as .keras or .h5"
        except BadInput as error:
            yield f"the teacher '{name}' is neither the original nor a model file: {str(error).splitlines()[0]}"


def _refusal(recipe: Recipe, target: Target, entry: Entry) -> Iterable[str]:
    if not target.routes_for(recipe.precision):
        reason = target.refusals.get(recipe.precision, "its runtime has no such files")
        yield (
            f"target {target.name} does not take {recipe.precision}: {reason} "
            f"(it takes {', '.join(target.precisions)}; this recipe's precision is {recipe.precision})"
        )
    elif not _routes(recipe, target, entry):
        taken = ", ".join(route.format for route in target.routes_for(recipe.precision))
        yield f"target {target.name} takes {taken}, which is not made of an ONNX model: bring the Keras model"


def _routes(recipe: Recipe, target: Target, entry: Entry) -> list[Route]:
    routes = target.routes_for(recipe.precision)
    return [route for route in routes if entry in formats.load(route.format).entries]


def _rows(recipe: Recipe, target: Target, entry: Entry) -> Iterable[PlannedRow]:
    for route in _routes(recipe, target, entry):
        _check_format(recipe, route)
        yield PlannedRow(target, Job(Stage.FLOAT32, route.format, Precision.FLOAT32), route.runtime_of_baseline)
        compressed = Job(Stage.COMPRESSED, route.format, recipe.precision)
        yield PlannedRow(target, compressed, route.runtime, route.kind_of_bundle)


def _check_format(recipe: Recipe, route: Route) -> None:
    if recipe.precision not in formats.load(route.format).precisions:
        raise BadInput(f"the format {route.format} cannot be written in {recipe.precision}")
