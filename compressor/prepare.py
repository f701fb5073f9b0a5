"""The TensorFlow station: load or train the model, apply the steps, leave SavedModels and a Keras reference.

Runs as a job of `compressor.process.Worker`; arguments and result are plain JSON.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor import keras_bridge, model_files, recipe, saved_model
from compressor.data import fit, npz
from compressor.errors import BadInput
from compressor.files import sha256, whole_file
from compressor.sample import SampleModel
from compressor.steps import TrainingSettings, Workpiece
from compressor.training import Trainer, set_up_devices
from compressor.values import Array, Dataset, Split, TensorSpec
from compressor.worker import report_progress

if TYPE_CHECKING:
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
    chosen: SampleModel | None = _import_sample(sample) if sample else None
    report_progress("load data")
    dataset = _load_data(data, data_sample)
    loss = chosen.loss if chosen else None
    if chosen and sample:
        model, dataset, trained = _sample_model(sample, chosen, dataset, seed)
        difference, keras_3 = None, None
    else:
        assert file is not None
        loaded = model_files.load(Path(file))
        model, trained = loaded.model, None
        difference, keras_3 = loaded.bridge_difference, loaded.keras_3
        dataset = _fitted(model, dataset)[0]
    dataset, warnings = _fitted(model, dataset)
    inputs, outputs = _specs(model, dataset)
    _write_data(dataset, out)
    report_progress("run the Keras model")
    _write_reference(model, dataset.evaluation, outputs, out / "reference.npz")
    parameters = int(model.count_params())
    saved_model.export(model, inputs, outputs, out / "saved_models" / "float32")
    _save_keras(model, out / "keras" / "original.h5")
    workpiece = _apply(recipe.load({"summary": recipe_name, **steps}), model, Trainer(dataset, loss, seed))
    saved_model.export(workpiece.model, inputs, outputs, out / "saved_models" / "compressed")
    if workpiece.simulated is not None:
        saved_model.export(workpiece.simulated, inputs, outputs, out / "saved_models" / "simulated")
    if workpiece.facts:
        _save_keras(workpiece.model, out / "keras" / "compressed.h5")
    if workpiece.facts and keras_3 is not None:
        keras_bridge.back(workpiece.model, keras_3).save(out / "keras" / "compressed.keras")
    return {
        "inputs": [asdict(spec) for spec in inputs],
        "outputs": [asdict(spec) for spec in outputs],
        "parameters": parameters,
        "parameters_compressed": int(workpiece.model.count_params()),
        "trained": trained,
        "bridge_difference": difference,
        "steps": list(workpiece.facts),
        "simulated": workpiece.simulated is not None,
        "gpus": gpus,
        "warnings": list(warnings),
        "data": {
            "name": dataset.name,
            "source": dataset.source,
            "train": dataset.train.count if dataset.train else 0,
            "calibration": min(dataset.calibration.count, _MAX_CALIBRATION),
            "evaluation": dataset.evaluation.count,
            "sha256": sha256(out / "data.npz"),
        },
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


def _sample_model(
    module: str, sample: SampleModel, dataset: Dataset, seed: int
) -> tuple[tf_keras.Model, Dataset, dict[str, Any]]:
    """The sample's network with trained weights: from the cache, or trained now and cached."""
    model = sample.build()
    dataset, _ = _fitted(model, dataset)
    cached = _cache_folder() / f"{module.rsplit('.', 1)[-1]}-{_training_key(sample, model, dataset, seed)}.h5"
    facts_file = cached.with_suffix(".json")
    # A cache entry that cannot be read is made again: nothing is lost but time.
    with contextlib.suppress(OSError, ValueError, KeyError):
        facts = json.loads(facts_file.read_text())
        model.load_weights(str(cached))
        return model, dataset, {**facts, "cached": True}
    settings = TrainingSettings(epochs=sample.epochs, learning_rate=sample.learning_rate, batch_size=sample.batch_size)
    facts = Trainer(dataset, sample.loss, seed).fit(model, settings, "train")
    with whole_file(cached) as temporary:
        model.save_weights(str(temporary), save_format="h5")
    with whole_file(facts_file) as temporary:
        temporary.write_text(json.dumps(facts))
    return model, dataset, {**facts, "cached": False}


def _cache_folder() -> Path:
    root = os.environ.get("COMPRESSOR_CACHE")
    if root:
        return Path(root) / "trained"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "compressor" / "trained"


def _training_key(sample: SampleModel, model: tf_keras.Model, dataset: Dataset, seed: int) -> str:
    """Changes whenever the network, the training data, a setting or TensorFlow does."""
    import tensorflow as tf

    digest = hashlib.sha256()
    train = dataset.train
    arrays: list[Array] = (
        [] if train is None else [*train.inputs.values(), *([] if train.labels is None else [train.labels])]
    )
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    settings = (sample.loss, sample.epochs, sample.batch_size, sample.learning_rate, seed, tf.__version__)
    digest.update(repr((settings, model.to_json(), inspect.getsource(Trainer))).encode())
    return digest.hexdigest()[:16]


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
