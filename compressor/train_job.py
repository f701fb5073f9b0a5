"""The station of `compressor train`: load or build the model, train it, judge it, leave it as Keras files.

Runs as a job of `compressor.process.Worker`; arguments and result are plain JSON.
"""

from __future__ import annotations

import importlib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from compressor import keras_files, self_evaluation, subject, trained_sample
from compressor.bridge import to_keras_3
from compressor.data.spec import DataSpec
from compressor.errors import BadInput
from compressor.measurement import metric_value
from compressor.networks import tensorflow_network
from compressor.steps import TrainingSettings
from compressor.subject import Asked, Subject
from compressor.training import Place, Trainer, set_up
from compressor.training import options as training_options
from compressor.worker import report_progress


def train(
    folder: str, asked: dict[str, Any], metric: str | None, settings: dict[str, Any], training: dict[str, Any]
) -> dict[str, Any]:
    """Train, and leave `model.h5`, `model.keras` and `data.npz` in `folder`.

    Of a sample that consists of several networks, each of them is left as `NAME.h5` and `NAME.keras`.

    Args:
        asked: a `subject.Asked`, its data spec as a mapping.
        metric: named by the user, or None.
        settings: epochs and learning rate, as far as the user named them.
        training: `TrainingOptions` as a mapping.

    Raises:
        BadInput: anything wrong with model or data, or a model without Keras layers.
    """
    out, wanted = Path(folder), Asked(**asked | {"spec": DataSpec(**asked["spec"])})
    options = training_options.of(training)
    report_progress("load TensorFlow")
    place = set_up(options, wanted.seed, out / "tensorboard" if options.tensorboard else None)
    found, before = _trained(wanted, settings, metric, place, out)
    judged = _judged(found, metric, wanted.trusted)
    files, warnings = _left(found, wanted, out)
    dataset, notes = found.dataset, (found.trained or {}).get("notes", [])
    return {
        "files": files,
        "training": found.trained,
        "devices": list(place.devices),
        "parameters": found.network.parameters,
        "data": {
            "name": dataset.name,
            "source": dataset.source,
            "train": dataset.train.count if dataset.train else 0,
            "evaluation": dataset.evaluation.count,
        },
        "metric": None if judged is None else judged | {"before": before},
        "warnings": [*place.notes, *found.warnings, *_other_loss(found), *notes, *warnings],
    }


def _left(found: Subject, wanted: Asked, out: Path) -> tuple[list[str], list[str]]:
    """Names of the files, and what could not be written."""
    model, keras_3 = found.loaded.model, found.loaded.keras_3
    parts = {} if wanted.sample is None else importlib.import_module(wanted.sample).MODEL.parts
    networks = {name: (part.network(model), None) for name, part in parts.items()} or {"model": (model, keras_3)}
    files: list[str] = []
    warnings: list[str] = []
    for name, (network, origin) in networks.items():
        keras_files.save_h5(network, out / f"{name}.h5")
        warnings += to_keras_3.save(network, origin, out / f"{name}.keras")
        files += [each for each in (f"{name}.h5", f"{name}.keras") if (out / each).exists()]
    return files, warnings


def _trained(
    wanted: Asked, settings: dict[str, Any], metric: str | None, place: Place, out: Path
) -> tuple[Subject, float | None]:
    """The trained model, and its metric before; None for a sample, which was untrained."""
    if wanted.sample is not None:
        own = trained_sample.settings_of(importlib.import_module(wanted.sample).MODEL)
        return subject.load(wanted, out / "data.npz", place, own.model_copy(update=settings)), None
    found = subject.load(wanted, out / "data.npz", place)
    if found.loaded.model is None:
        raise BadInput(
            f"this model cannot be trained: {found.loaded.limitation or 'it has no Keras layers'}",
            expected="a model whose layers can be made again in tf_keras",
        )
    before = _judged(found, metric, wanted.trusted)
    trainer = Trainer(found.dataset, found.training_loss, wanted.seed, place)
    facts = trainer.fit(found.loaded.model, TrainingSettings(**settings), "train")
    network = tensorflow_network.in_place_of(found.loaded.model, found.network)
    trained = replace(found, loaded=replace(found.loaded, network=network), trained=facts)
    return trained, None if before is None else float(before["value"])


def _other_loss(found: Subject) -> list[str]:
    compiled, used = found.loaded.loss, (found.trained or {}).get("loss")
    if compiled is None or compiled == used:
        return []
    return [f"the model was compiled with the loss {compiled}, and trained on with {used}"]


def _judged(found: Subject, metric: str | None, trusted: bool) -> dict[str, Any] | None:
    """Name, reason and value of the metric on the evaluation set; None where that has no labels."""
    labels, answers = self_evaluation.answers(found.network, found.dataset)
    choice = self_evaluation.metric_for(metric, labels, answers, found, trusted)
    if choice is None or labels is None:
        return None
    value = metric_value(choice.name, labels, next(iter(answers.values())), trusted)
    return asdict(choice) | {"value": value}
