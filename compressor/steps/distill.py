"""Distillation: the model learns to answer as a teacher does, with or without labels.

Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network" (arXiv:1503.02531); features that are matched:
Romero et al., "FitNets" (arXiv:1412.6550).
"""

from __future__ import annotations

from compressor.steps import EpochSettings, Step, Teaching, Workpiece
from compressor.training import Trainer


class Settings(EpochSettings, Teaching):
    """How long it learns, and from whom; the teacher is the model as it entered the first step unless named."""

    teacher: str = "original"

    @property
    def taught(self) -> Teaching:
        """How it learns from the teacher."""
        return Teaching(teacher=self.teacher, temperature=self.temperature, weight=self.weight, features=self.features)


def apply(workpiece: Workpiece, settings: Settings, trainer: Trainer) -> Workpiece:
    """Train all trainable weights with Adam and a cosine-decayed learning rate.

    Raises:
        BadInput: teacher and model do not fit each other.
    """
    facts = trainer.fit(workpiece.model, settings, "distill")
    return Workpiece(workpiece.model, facts=(*workpiece.facts, {"step": "distill", **facts}))


STEP = Step(
    summary="train on to answer as a teacher does: the original or another model; labels are not needed",
    settings=Settings,
    apply=apply,
    undoes=("cluster",),
)
