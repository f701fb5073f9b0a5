"""The first station: load or train the model, apply the steps, leave what formats read and the model's own answers.

Runs as a job of `compressor.process.Worker`; arguments and result are plain JSON. TensorFlow is loaded unless the
model is ONNX.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor import (
    keras_files,
    metrics,
    model_files,
    range_check,
    recipe,
    self_evaluation,
    subject,
)
from compressor.bridge import to_keras_3
from compressor.data.spec import DataSpec
from compressor.errors import BadInput
from compressor.files import sha256, whole_file
from compressor.networks import Network, sized, tensorflow_network
from compressor.steps import Workpiece
from compressor.subject import Asked, Subject
from compressor.teachers import Teachers
from compressor.training import Place, Trainer, set_up
from compressor.training import options as training_options
from compressor.training.options import TrainingOptions
from compressor.values import Array, Dataset, Entry, Split
from compressor.worker import report_progress

if TYPE_CHECKING:
    import tf_keras

_PREDICT_BATCH = 256


def prepare(
    folder: str,
    asked: dict[str, Any],
    metric: str | None,
    recipe_name: str,
    steps: dict[str, Any],
    training: dict[str, Any],
) -> dict[str, Any]:
    """Make everything that the files are written from.

    Args:
        folder: receives `data.npz`, `calibration.npz`, `reference.npz`, `models/`, `keras/`.
        asked: a `subject.Asked`, its data spec as a mapping.
        metric: named by the user, or None.
        recipe_name, steps: the recipe, as `Recipe.as_dict` tells it.
        training: `TrainingOptions` as a mapping.

    Raises:
        BadInput: anything wrong with model, data or recipe.
    """
    out = Path(folder)
    chosen = recipe.load({"summary": recipe_name, **steps})
    wanted = Asked(**asked | {"spec": DataSpec(**asked["spec"])})
    place = _set_up(wanted, training_options.of(training), out)
    found = subject.load(wanted, out / "data.npz", place)
    _check_layers(chosen, found)
    _write_calibration(found.dataset.calibration, out / "calibration.npz")
    report_progress("run the model itself")
    labels, answers = self_evaluation.answers(found.network, found.dataset)
    judged = self_evaluation.metric_for(metric, labels, answers, found, wanted.trusted)
    _write_arrays(answers, out / "reference.npz")
    workpiece, made = _compress(chosen, found, out, wanted, place)
    return {
        "inputs": [asdict(spec) for spec in sized(found.network.inputs, found.shapes)],
        "outputs": [asdict(spec) for spec in found.network.outputs],
        "parameters": found.network.parameters,
        "trained": found.trained,
        "bridge_difference": found.loaded.bridge_difference,
        "steps": list(workpiece.facts) if workpiece else [],
        "gpus": list(place.gpus),
        "metric": asdict(judged) if judged else None,
        "data": _told(found.dataset, wanted.spec) | {"sha256": sha256(out / "data.npz")},
        **made,
        "warnings": [*place.notes, *found.warnings, *_range_warnings(found, judged, wanted.spec), *made["warnings"]],
    }


def _set_up(wanted: Asked, options: TrainingOptions, out: Path) -> Place:
    if wanted.file is not None and model_files.reader(Path(wanted.file)).entry(Path(wanted.file)) is Entry.ONNX:
        return Place()
    report_progress("load TensorFlow")
    return set_up(options, wanted.seed, out / "tensorboard" if options.tensorboard else None)


def _check_layers(chosen: recipe.Recipe, found: Subject) -> None:
    if chosen.steps and found.loaded.model is None:
        steps = ", ".join(step.name for step in chosen.steps)
        raise BadInput(
            f"{steps} cannot be applied to this model: {found.loaded.limitation}",
            expected="a model whose layers can be made again in tf_keras",
            fix="use a recipe of precision alone, e.g. int8 or float16",
        )

    added = [layer.name for layer in _layers(found) if type(layer).__name__ in ("AddLoss", "AddMetric")]
    if chosen.steps and added:
        raise BadInput(
            f"the model has losses of its own ({', '.join(added)}), which steps cannot train with",
            fix="save the model without add_loss and add_metric, or use a recipe of precision alone, e.g. int8",
        )


def _layers(found: Subject) -> list[tf_keras.layers.Layer]:
    return [] if found.loaded.model is None else list(found.loaded.model.layers)


def _range_warnings(found: Subject, judged: metrics.Choice | None, spec: DataSpec) -> tuple[str, ...]:
    if found.loaded.model is None:
        return ()
    samples = next(iter(found.dataset.evaluation.blocks(_PREDICT_BATCH)))
    name = judged.name if judged else None
    return range_check.warnings(found.loaded.model, samples, name, spec.subtract, spec.divide)


def _compress(
    chosen: recipe.Recipe, found: Subject, out: Path, wanted: Asked, place: Place
) -> tuple[Workpiece | None, dict[str, Any]]:
    """Leave the models that files are written from; the same one for both stages when there are no steps."""
    suffix = ".onnx" if _is_onnx(found.network) else ""
    plain = out / "models" / f"float32{suffix}"
    plain.parent.mkdir()
    found.network.leave(found.shapes, plain)
    if found.loaded.model is not None:
        keras_files.save_h5(found.loaded.model, out / "keras" / "original.h5")
    made = {"float32": str(plain), "compressed": str(plain), "simulated": None}
    if not chosen.steps:
        return None, {"models": made, "parameters_compressed": found.network.parameters, "warnings": []}
    workpiece = _apply(chosen, found, wanted, place)
    made["compressed"] = _leave(workpiece.model, found, out / "models" / "compressed")
    if workpiece.simulated is not None:
        made["simulated"] = _leave(workpiece.simulated, found, out / "models" / "simulated")
        simulated = tensorflow_network.in_place_of(workpiece.simulated, found.network)
        _write_arrays(self_evaluation.answers(simulated, found.dataset)[1], out / "simulated.npz")
    keras_files.save_h5(workpiece.model, out / "keras" / "compressed.h5")
    warnings = to_keras_3.save(workpiece.model, found.loaded.keras_3, out / "keras" / "compressed.keras")
    parameters = int(workpiece.model.count_params())
    return workpiece, {"models": made, "parameters_compressed": parameters, "warnings": list(warnings)}


def _is_onnx(network: Network) -> bool:
    from compressor.networks.onnx_network import OnnxNetwork

    return isinstance(network, OnnxNetwork)


def _apply(chosen: recipe.Recipe, found: Subject, wanted: Asked, place: Place) -> Workpiece:
    import tf_keras

    teachers = Teachers(chosen, found.loaded.model, wanted.custom_objects, wanted.trusted)
    trainer = Trainer(found.dataset, found.training_loss, wanted.seed, place, teachers)
    workpiece = Workpiece(found.loaded.model)
    for step in chosen.steps:
        report_progress(step.name)
        # What a step draws by chance must not hang on whether a sample was trained now or came from the cache.
        tf_keras.utils.set_random_seed(wanted.seed)
        workpiece = step.step.apply(replace(workpiece, precision=chosen.precision), step.settings, trainer)
    return workpiece


def _leave(model: tf_keras.Model, found: Subject, destination: Path) -> str:
    tensorflow_network.in_place_of(model, found.network).leave(found.shapes, destination)
    return str(destination)


def _told(dataset: Dataset, spec: DataSpec) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "source": dataset.source,
        "train": dataset.train.count if dataset.train else 0,
        "calibration": dataset.calibration.count,
        "evaluation": dataset.evaluation.count,
        "classes": list(dataset.classes),
        "spec": spec.model_dump(mode="json", exclude={"source"}),
        "spec_sha256": spec.sha256,
        "notes": list(dataset.notes),
    }


def _write_calibration(split: Split, path: Path) -> None:
    _write_arrays(split.inputs, path)


def _write_arrays(arrays: dict[str, Array], path: Path) -> None:
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
