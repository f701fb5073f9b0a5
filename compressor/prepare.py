"""The TensorFlow station: load or train the model, apply the steps, leave SavedModels and a Keras reference.

Runs as a job of `compressor.process.Worker`; arguments and result are plain JSON.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor import keras_bridge, model_files, recipe, saved_model, trained_sample
from compressor.data import fit, npz
from compressor.errors import BadInput
from compressor.files import sha256, whole_file
from compressor.sample import SampleModel
from compressor.steps import Workpiece
from compressor.training import Trainer, set_up_devices
from compressor.values import Dataset, Split, TensorSpec
from compressor.worker import report_progress

if TYPE_CHECKING:
    import keras
    import tf_keras

_MAX_CALIBRATION = 512
_PREDICT_BATCH = 256


def prepare(
    folder: str,
    sample: str | None,
    file: str | None,
    data: str | None,
    data_sample: str | None,
    recipe_name: str,
    steps: dict[str, Any],
    seed: int,
) -> dict[str, Any]:
    """Make everything that the files are written from.

    Args:
        folder: receives `data.npz`, `calibration.npz`, `reference.npz`, `saved_models/`, `keras/`.
        sample: module path of a sample model, or None.
        file: path of a model file, or None; exactly one of the two is given.
        data: path of an `.npz`, or None to take the data of `data_sample`.
        data_sample: module path of the sample whose data is used when `data` is None.
        recipe_name, steps: the recipe, as `Recipe.as_dict` tells it.
        seed: seeds weights, order and every random choice.

    Raises:
        BadInput: anything wrong with model, data or recipe.
    """
    out = Path(folder)
    report_progress("load TensorFlow")
    gpus = set_up_devices(seed)
    subject = _subject(sample, file, data, data_sample, seed)
    inputs, outputs = _specs(subject.model, subject.dataset)
    parameters = int(subject.model.count_params())
    _leave_baseline(subject, inputs, outputs, out)
    trainer = Trainer(subject.dataset, subject.loss, seed)
    workpiece = _apply(recipe.load({"summary": recipe_name, **steps}), subject.model, trainer)
    _leave_compressed(workpiece, subject, inputs, outputs, out)
    return {
        "inputs": [asdict(spec) for spec in inputs],
        "outputs": [asdict(spec) for spec in outputs],
        "parameters": parameters,
        "parameters_compressed": int(workpiece.model.count_params()),
        "trained": subject.trained,
        "bridge_difference": subject.bridge_difference,
        "steps": list(workpiece.facts),
        "simulated": workpiece.simulated is not None,
        "gpus": gpus,
        "warnings": list(subject.warnings),
        "data": _told(subject.dataset) | {"sha256": sha256(out / "data.npz")},
    }


@dataclass(frozen=True, slots=True)
class _Subject:
    """The model that a run is about, and its data, fitted to each other."""

    model: tf_keras.Model
    dataset: Dataset
    warnings: tuple[str, ...]
    loss: str | None = None
    trained: dict[str, Any] | None = None
    bridge_difference: float | None = None
    keras_3: keras.Model | None = None


def _subject(sample: str | None, file: str | None, data: str | None, data_sample: str | None, seed: int) -> _Subject:
    report_progress("load data")
    dataset = _load_data(data, data_sample)
    if sample is not None:
        chosen = _import_sample(sample)
        model = chosen.build()
        own = data is None and data_sample == sample
        facts = trained_sample.trained(model, chosen, _fitted(model, dataset if own else chosen.dataset())[0], seed)
        dataset, warnings = _fitted(model, dataset)
        return _Subject(model, dataset, warnings, chosen.loss if own else None, facts)
    assert file is not None
    loaded = model_files.load(Path(file))
    dataset, warnings = _fitted(loaded.model, dataset)
    return _Subject(loaded.model, dataset, warnings, bridge_difference=loaded.bridge_difference, keras_3=loaded.keras_3)


def _leave_baseline(
    subject: _Subject, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], out: Path
) -> None:
    _write_data(subject.dataset, out)
    report_progress("run the Keras model")
    _write_reference(subject.model, subject.dataset.evaluation, outputs, out / "reference.npz")
    saved_model.export(subject.model, inputs, outputs, out / "saved_models" / "float32")
    _save_keras(subject.model, out / "keras" / "original.h5")


def _leave_compressed(
    workpiece: Workpiece,
    subject: _Subject,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    out: Path,
) -> None:
    saved_model.export(workpiece.model, inputs, outputs, out / "saved_models" / "compressed")
    if workpiece.simulated is not None:
        saved_model.export(workpiece.simulated, inputs, outputs, out / "saved_models" / "simulated")
    if workpiece.facts:
        _save_keras(workpiece.model, out / "keras" / "compressed.h5")
    if workpiece.facts and subject.keras_3 is not None:
        keras_bridge.back(workpiece.model, subject.keras_3).save(out / "keras" / "compressed.keras")


def _told(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "source": dataset.source,
        "train": dataset.train.count if dataset.train else 0,
        "calibration": min(dataset.calibration.count, _MAX_CALIBRATION),
        "evaluation": dataset.evaluation.count,
    }


def _import_sample(module: str) -> SampleModel:
    import importlib

    sample = importlib.import_module(module).MODEL
    assert isinstance(sample, SampleModel)
    return sample


def _load_data(data: str | None, data_sample: str | None) -> Dataset:
    if data is not None:
        return npz.load(Path(data))
    assert data_sample is not None
    return _import_sample(data_sample).dataset()


def _fitted(model: tf_keras.Model, dataset: Dataset) -> tuple[Dataset, tuple[str, ...]]:
    names = saved_model.input_names(model)
    inputs = tuple(
        TensorSpec(name, tuple(tensor.shape), tensor.dtype.name)
        for name, tensor in zip(names, model.inputs, strict=True)
    )
    outputs = tuple(TensorSpec("", tuple(tensor.shape), tensor.dtype.name) for tensor in model.outputs)
    return fit.fit(dataset, inputs, outputs)


def _specs(model: tf_keras.Model, dataset: Dataset) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    shapes = {name: array.shape[1:] for name, array in dataset.evaluation.inputs.items()}
    return saved_model.specs(model, shapes)


def _write_data(dataset: Dataset, out: Path) -> None:
    count = dataset.calibration.count
    # Spread over the whole set: files are often sorted by class.
    rows = np.unique(np.linspace(0, count - 1, min(count, _MAX_CALIBRATION)).astype(int))
    few = {name: array[rows] for name, array in dataset.calibration.inputs.items()}
    labels = dataset.calibration.labels
    npz.save(replace(dataset, calibration=Split(few, None if labels is None else labels[rows])), out / "data.npz")
    with whole_file(out / "calibration.npz") as temporary, temporary.open("wb") as file:
        np.savez(file, **few)


def _write_reference(model: tf_keras.Model, split: Split, outputs: tuple[TensorSpec, ...], path: Path) -> None:
    arrays = list(split.inputs.values())
    results = model.predict(arrays[0] if len(arrays) == 1 else arrays, batch_size=_PREDICT_BATCH, verbose=0)
    results = results if isinstance(results, list) else [results]
    if not all(np.isfinite(result).all() for result in results):
        raise BadInput(
            "the Keras model itself answers NaN or infinity", fix="look at the weights and at the input scale"
        )
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **{spec.name: result for spec, result in zip(outputs, results, strict=True)})


def _apply(chosen: recipe.Recipe, model: tf_keras.Model, trainer: Trainer) -> Workpiece:
    workpiece = Workpiece(model)
    for step in chosen.steps:
        report_progress(step.name)
        workpiece = step.step.apply(workpiece, step.settings, trainer)
    return workpiece


def _save_keras(model: tf_keras.Model, path: Path) -> None:
    import warnings

    with whole_file(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(str(temporary), include_optimizer=False, save_format="h5")
