"""A softmax over so many classes that integers have no room for their likelihoods: shared by the formats."""

from __future__ import annotations


def collapses(classes: int, step: float) -> bool:
    """Whether one step of an integer softmax, 1/256 in int8, is as much as a class has on average."""
    return classes * step >= 1


def note(classes: int, step: float) -> str:
    """What the report says of a softmax that is therefore kept in float32."""
    return (
        f"softmax over {classes} classes stays float32: in int{8 if step > 1 / 1024 else 16} its steps are "
        f"1/{round(1 / step)}, and likelihoods below half a step become 0"
    )
