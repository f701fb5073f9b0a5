"""The first station: load or train the model, apply the steps, leave what formats read and the model's own answers.

Runs as a job of `compressor.process.Worker`; arguments and result are plain JSON. TensorFlow is loaded unless the
model is ONNX.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor import metrics, model_files, range_check, recipe, subject
from compressor.bridge import to_keras_3
from compressor.data.spec import DataSpec
from compressor.errors import BadInput
from compressor.files import sha256, whole_file
from compressor.networks import Network, sized
from compressor.steps import Workpiece
from compressor.subject import Asked, Subject
from compressor.values import Array, Dataset, Entry, Split, TensorSpec
from compressor.worker import deadline, report_progress

if TYPE_CHECKING:
    import tf_keras

_PREDICT_BATCH = 256
# A graph can hold a loop without an end; no honest one takes so long for a block.
_ANSWER_S = 3600.0


def prepare(
    folder: str, asked: dict[str, Any], metric: str | None, recipe_name: str, steps: dict[str, Any]
) -> dict[str, Any]:
    """Make everything that the files are written from.

    Args:
        folder: receives `data.npz`, `calibration.npz`, `reference.npz`, `models/`, `keras/`.
        asked: a `subject.Asked`, its data spec as a mapping.
        metric: named by the user, or None.
        recipe_name, steps: the recipe, as `Recipe.as_dict` tells it.

    Raises:
        BadInput: anything wrong with model, data or recipe.
    """
    out = Path(folder)
    chosen = recipe.load({"summary": recipe_name, **steps})
    wanted = Asked(**asked | {"spec": DataSpec(**asked["spec"])})
    gpus = _set_up(wanted)
    found = subject.load(wanted, out / "data.npz")
    _check_layers(chosen, found)
    _write_calibration(found.dataset.calibration, out / "calibration.npz")
    report_progress("run the model itself")
    labels, answers = _answers(found.network, found.dataset)
    judged = _choose_metric(metric, labels, answers, found, wanted.trusted)
    _write_arrays(answers, out / "reference.npz")
    workpiece, made = _compress(chosen, found, out, wanted.seed)
    return {
        "inputs": [asdict(spec) for spec in sized(found.network.inputs, found.shapes)],
        "outputs": [asdict(spec) for spec in found.network.outputs],
        "parameters": found.network.parameters,
        "trained": found.trained,
        "bridge_difference": found.loaded.bridge_difference,
        "steps": list(workpiece.facts) if workpiece else [],
        "gpus": gpus,
        "metric": asdict(judged) if judged else None,
        "data": _told(found.dataset, wanted.spec) | {"sha256": sha256(out / "data.npz")},
        **made,
        "warnings": [*found.warnings, *_range_warnings(found, judged, wanted.spec), *made["warnings"]],
    }


def _set_up(wanted: Asked) -> list[str]:
    if wanted.file is not None and model_files.reader(Path(wanted.file)).entry(Path(wanted.file)) is Entry.ONNX:
        return []
    from compressor.training import set_up_devices

    report_progress("load TensorFlow")
    return set_up_devices(wanted.seed)


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


def _answers(network: Network, dataset: Dataset) -> tuple[Array | None, dict[str, Array]]:
    """Labels and the model's own outputs for the evaluation set, block by block.

    Raises:
        BadInput: an output is not a finite number.
    """
    blocks, labels = [], []
    for block in dataset.evaluation.blocks(_PREDICT_BATCH):
        with deadline(_ANSWER_S):
            blocks.append(network.answers(block))
        if block.labels is not None:
            labels.append(block.labels)
        report_progress("run the model itself", sum(map(_rows, blocks)), dataset.evaluation.count)
    if not all(np.isfinite(values).all() for block in blocks for values in block.values()):
        raise BadInput("the model itself answers NaN or infinity", fix="look at the weights and at the input scale")
    answers = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return np.concatenate(labels) if labels else None, answers


def _rows(block: dict[str, Array]) -> int:
    return len(next(iter(block.values())))


def _choose_metric(
    named: str | None, labels: Array | None, answers: dict[str, Array], found: Subject, trusted: bool
) -> metrics.Choice | None:
    """The metric that everything is judged by: chosen once, on the model's own answers."""
    outputs = next(iter(answers.values()))
    if named is not None:
        return metrics.named(named, labels, outputs, trusted)
    if found.metric is not None and labels is not None:
        return replace(metrics.named(found.metric, labels, outputs), why="the sample is judged by it on its own data")
    return None if labels is None else metrics.choose(labels, outputs, found.loss or found.loaded.loss)


def _range_warnings(found: Subject, judged: metrics.Choice | None, spec: DataSpec) -> tuple[str, ...]:
    if found.loaded.model is None:
        return ()
    samples = next(iter(found.dataset.evaluation.blocks(_PREDICT_BATCH)))
    name = judged.name if judged else None
    return range_check.warnings(found.loaded.model, samples, name, spec.subtract, spec.divide)


def _compress(chosen: recipe.Recipe, found: Subject, out: Path, seed: int) -> tuple[Workpiece | None, dict[str, Any]]:
    """Leave the models that files are written from; the same one for both stages when there are no steps."""
    suffix = ".onnx" if _is_onnx(found.network) else ""
    plain = out / "models" / f"float32{suffix}"
    plain.parent.mkdir()
    found.network.leave(found.shapes, plain)
    if found.loaded.model is not None:
        _save_keras(found.loaded.model, out / "keras" / "original.h5")
    made = {"float32": str(plain), "compressed": str(plain), "simulated": None}
    if not chosen.steps:
        return None, {"models": made, "parameters_compressed": found.network.parameters, "warnings": []}
    workpiece = _apply(chosen, found, seed)
    made["compressed"] = _leave(workpiece.model, found, out / "models" / "compressed")
    if workpiece.simulated is not None:
        made["simulated"] = _leave(workpiece.simulated, found, out / "models" / "simulated")
    _save_keras(workpiece.model, out / "keras" / "compressed.h5")
    warnings = to_keras_3.save(workpiece.model, found.loaded.keras_3, out / "keras" / "compressed.keras")
    parameters = int(workpiece.model.count_params())
    return workpiece, {"models": made, "parameters_compressed": parameters, "warnings": list(warnings)}


def _is_onnx(network: Network) -> bool:
    from compressor.networks.onnx_network import OnnxNetwork

    return isinstance(network, OnnxNetwork)


def _apply(chosen: recipe.Recipe, found: Subject, seed: int) -> Workpiece:
    from compressor.training import Trainer

    trainer = Trainer(found.dataset, found.loss, seed)
    workpiece = Workpiece(found.loaded.model)
    for step in chosen.steps:
        report_progress(step.name)
        workpiece = step.step.apply(workpiece, step.settings, trainer)
    return workpiece


def _leave(model: tf_keras.Model, found: Subject, destination: Path) -> str:
    """Write a model of the steps' making under the names of the original's inputs and outputs."""
    from compressor.networks import tensorflow_network

    network = tensorflow_network.of_tf_keras(model)
    renamed = replace(network, inputs=found.network.inputs, outputs=_named_like(network.outputs, found.network.outputs))
    renamed.leave(found.shapes, destination)
    return str(destination)


def _named_like(specs: tuple[TensorSpec, ...], wanted: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    return tuple(replace(spec, name=other.name) for spec, other in zip(specs, wanted, strict=True))


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


def _save_keras(model: tf_keras.Model, path: Path) -> None:
    import warnings

    with whole_file(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(str(temporary), include_optimizer=False, save_format="h5")
