"""What makes two runs hard to compare: another model, recipe, data, machine, or other versions."""

from __future__ import annotations

from collections.abc import Iterator

from compressor.report.schema import Report


def differences(old: Report, new: Report) -> list[str]:
    """One sentence for each condition that is not the same."""
    return [*_asked(old, new), *_made_with(old, new)]


def _asked(old: Report, new: Report) -> Iterator[str]:
    if old.model.name != new.model.name:
        yield f"another model: {old.model.name} → {new.model.name}"
    elif old.model.sha256 != new.model.sha256 and None not in (old.model.sha256, new.model.sha256):
        yield f"the file of the model {new.model.name} is another one"
    if old.model.parameters != new.model.parameters:
        yield f"another number of parameters: {old.model.parameters:,} → {new.model.parameters:,}"
    if old.recipe.name != new.recipe.name:
        yield f"another recipe: {old.recipe.name} → {new.recipe.name}"
    elif (old.recipe.precision, old.recipe.steps) != (new.recipe.precision, new.recipe.steps):
        yield f"the recipe {new.recipe.name} says something else"
    if old.data.sha256 != new.data.sha256:
        counts = f"{old.data.evaluation} → {new.data.evaluation} evaluation samples"
        yield f"other data ({counts}): accuracies are those of different samples"


def _made_with(old: Report, new: Report) -> Iterator[str]:
    if old.environment.host != new.environment.host:
        yield f"another machine: {old.environment.host} → {new.environment.host}"
    if old.environment.seed != new.environment.seed:
        yield f"another seed: {old.environment.seed} → {new.environment.seed}"
    before, after = old.environment.versions, new.environment.versions
    changed = [
        f"{name} {before.get(name, 'none')} → {after.get(name, 'none')}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    if changed:
        yield f"other versions: {', '.join(changed)}"
