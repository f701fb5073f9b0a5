"""Recipes: what is done to a model. A recipe is a YAML file and, once read, this frozen value.

summary: one line that says what the recipe promises
steps:                       # optional, in order
  - prune: {sparsity: 0.5}
precision: int8
granularity: per_channel      # optional, or per_tensor: scales of integer kernels
limits: {max_accuracy_drop: 1.0}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from compressor import plain_yaml
from compressor import steps as step_plugins
from compressor.errors import BadInput, unknown
from compressor.limits import Limits
from compressor.sentences import near, sentences, shortened
from compressor.steps import EpochSettings, Step, StepSettings, Teaching
from compressor.values import Granularity, Precision

SHIPPED = Path(__file__).resolve().parent.parent / "recipes"
# What a step calls the model as it entered the first step.
ORIGINAL = "original"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    summary: str = Field(min_length=1)
    steps: list[Any] = []
    precision: Precision = Precision.FLOAT32
    granularity: Granularity = Granularity.PER_CHANNEL
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class RecipeStep:
    """One step with its settings; `settings` is an instance of the step's own settings class."""

    name: str
    step: Step
    settings: StepSettings

    @property
    def trains(self) -> bool:
        """Whether it trains, as it is set."""
        return self.step.trains and getattr(self.settings, "epochs", 1) > 0

    @property
    def taught(self) -> Teaching | None:
        """How it learns from a teacher; None where it does not."""
        return self.settings.taught if self.trains and isinstance(self.settings, EpochSettings) else None


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is done to a model: steps, then the precision it is written in, and the limits it keeps."""

    name: str
    summary: str
    steps: tuple[RecipeStep, ...]
    precision: Precision
    limits: Limits
    granularity: Granularity = Granularity.PER_CHANNEL

    @property
    def trains(self) -> bool:
        """True when a step trains; where all of them have teachers, calibration data is enough for it."""
        return any(step.trains for step in self.steps)

    @property
    def trains_by(self) -> str | None:
        """What of it needs training data, for messages; None when nothing does."""
        trains = ", ".join(step.name for step in self.steps if step.trains and step.taught is None)
        return f"recipe '{self.name}' trains ({trains})" if trains else None

    @property
    def teachers(self) -> tuple[str, ...]:
        """`original`, or paths of model files, that steps learn from."""
        return tuple(dict.fromkeys(step.taught.teacher for step in self.steps if step.taught is not None))

    def as_dict(self) -> dict[str, Any]:
        """The recipe as it would stand in a file, every default spelled out."""
        return {
            "summary": self.summary,
            "steps": [{step.name: step.settings.model_dump(exclude_none=True)} for step in self.steps],
            "precision": str(self.precision),
            "granularity": str(self.granularity),
            "limits": self.limits.model_dump(exclude_none=True),
        }


def shipped() -> tuple[str, ...]:
    """Names of the recipes that come with the package."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.yaml")))


def load(recipe: str | Path | Mapping[str, Any]) -> Recipe:
    """Read a recipe: the name of a shipped one, the path of a YAML file, or the same thing as a mapping.

    Raises:
        BadInput: no such recipe, or mistakes in it - all of them in one message.
    """
    if isinstance(recipe, Mapping):
        return _parse("recipe", recipe)
    path = Path(recipe)
    if path.suffix not in plain_yaml.SUFFIXES and not _is_file(path):
        path = SHIPPED / f"{recipe}.yaml"
        if str(recipe) not in shipped():
            raise unknown("recipe", str(recipe), shipped())
    return _parse(
        path.stem, plain_yaml.read_mapping(path, "a recipe", "a mapping with summary, steps, precision, limits")
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _parse(name: str, content: Mapping[str, Any]) -> Recipe:
    mistakes: list[str] = []
    try:
        file = _File.model_validate(dict(content))
    except ValidationError as error:
        mistakes += sentences(error, _File)
        steps = content.get("steps")
        file = _File.model_construct(summary="", steps=steps if isinstance(steps, list) else [])
    parsed = [_parse_step(index, entry, mistakes) for index, entry in enumerate(file.steps)]
    if mistakes:
        mistakes += order_mistakes(parsed, getattr(file, "precision", Precision.FLOAT32))
        listed = "".join(f"\n  {mistake}" for mistake in mistakes)
        raise BadInput(f"recipe '{name}' has {len(mistakes)} mistake{'s' * (len(mistakes) > 1)}:{listed}")
    steps = tuple(step for step in parsed if step is not None)
    return Recipe(name, file.summary, steps, file.precision, file.limits, file.granularity)


def order_mistakes(steps: Sequence[RecipeStep | None], precision: Precision) -> Iterator[str]:
    """Steps that contradict one another or the precision, one sentence each."""
    for index, step in enumerate(steps):
        if step is None:
            continue
        where = f"steps.{index}.{step.name}"
        if step.step.precisions and precision not in step.step.precisions:
            wanted = " or ".join(step.step.precisions)
            yield f"{where}: makes sense with precision {wanted} only (received {precision})"
        for earlier in steps[:index]:
            if earlier is None:
                continue
            if earlier.name in (*step.step.undoes, *step.settings.undoes):
                yield f"{where}: would undo the step '{earlier.name}' before it; put it first, or leave one of them out"
            if earlier.step.last:
                yield f"{where}: no step can follow '{earlier.name}'; move '{earlier.name}' to the end"


def _parse_step(index: int, entry: Any, mistakes: list[str]) -> RecipeStep | None:
    where = f"steps.{index}"
    if isinstance(entry, str):
        entry = {entry: {}}
    if not isinstance(entry, Mapping) or len(entry) != 1:
        mistakes.append(
            f"{where}: must be one step with its settings, like 'prune: {{sparsity: 0.5}}' "
            f"(received {shortened(entry)})"
        )
        return None
    name, settings = next(iter(entry.items()))
    if name not in step_plugins.names():
        mistakes.append(f"{where}: no step is called '{name}'{near(str(name), step_plugins.names())}")
        return None
    step = step_plugins.load(name)
    try:
        return RecipeStep(name, step, step.settings.model_validate({} if settings is None else settings))
    except ValidationError as error:
        mistakes += sentences(error, step.settings, f"{where}.{name}")
        return None
