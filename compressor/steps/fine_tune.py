"""Train on as the model is; zeros that pruning made stay zero."""

from __future__ import annotations

from compressor.steps import Step, TrainingSettings, Workpiece
from compressor.training import Trainer


def apply(workpiece: Workpiece, settings: TrainingSettings, trainer: Trainer) -> Workpiece:
    """Train all trainable weights with Adam and a cosine-decayed learning rate."""
    facts = trainer.fit(workpiece.model, settings, "fine_tune")
    return Workpiece(workpiece.model, facts=(*workpiece.facts, {"step": "fine_tune", **facts}))


STEP = Step(
    summary="train on; exact zeros of pruned kernels stay zero",
    settings=TrainingSettings,
    apply=apply,
    undoes=("cluster",),
)
