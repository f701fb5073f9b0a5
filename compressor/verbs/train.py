"""The verb `train` as a function: names become values here."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from compressor import in_memory, run_folder, training_run
from compressor.errors import BadInput
from compressor.names import check_metric, entry_of, find_data, find_model
from compressor.progress import Progress, silent
from compressor.sentences import sentences
from compressor.steps import TrainingSettings
from compressor.subject import Asked
from compressor.training import options as training_options
from compressor.training.options import TrainingOptions
from compressor.training.strategies import suffix_of_worker
from compressor.training_run import Trained
from compressor.trusted_code import check_trusted
from compressor.values import Entry, clean_name


def train(
    model: Any,
    *,
    data: str | Path | Mapping[str, Any] | None = None,
    preprocess: Sequence[str] = (),
    epochs: int | None = None,
    learning_rate: float | None = None,
    metric: str | None = None,
    custom_objects: str | None = None,
    trust: bool = False,
    training: TrainingOptions | Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
    debug: bool = False,
) -> Trained:
    """Train a sample from scratch, or a Keras model file on, and leave Keras files.

    Killed and started again, it goes on from the last epoch and ends with the same weights.

    Args:
        model: a sample's name, the path of a Keras model, or a model of tf_keras or Keras 3, which stays as it is.
        data, preprocess, metric, custom_objects, trust, training, seed, on_progress, debug: see `run`.
        epochs: None takes the sample's, and 2 for a file.
        learning_rate: at the start; it decays to zero along a cosine. None takes the sample's, and 0.0001 for a file.
        out: folder; None takes `runs/<model>-train`, numbered when that holds something else.

    Raises:
        BadInput: model, data, options or out are wrong.
        MissingTool: TensorFlow or the device asked for is not here.
        StageFailed: training crashed.

    Example:
        >>> trained = compressor.train("digits_cnn", training={"batch_size": 32})
        >>> compressor.run(trained.folder / "model.h5", "int8", data="digits_cnn")
    """
    options, settings = training_options.of(training), _settings(epochs, learning_rate)
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(data, Mapping):
            data = in_memory.save_arrays(data, Path(folder))
        name = None
        if not isinstance(model, (str, Path)):
            name, model = clean_name(str(getattr(model, "name", "model"))), in_memory.save_model(model, Path(folder))
        sample, file = find_model(str(model))
        if entry_of(file) is not Entry.KERAS:
            raise BadInput(
                f"{name or model} cannot be trained: it has no Keras layers",
                expected="a sample, or a Keras model of layers that need no code of its own",
            )
        told = None if data is None else str(data)
        spec, data_sample = find_data(told, preprocess, sample, "training takes samples to train on", trust)
        if metric is not None:
            check_metric(metric, trust)
        if custom_objects is not None:
            check_trusted(custom_objects, trust)
        asked = Asked(sample, str(file) if file else None, spec, data_sample, custom_objects, trust, True, seed)
        same = training_run.identity(asked, settings, options, name)
        name = name or clean_name(str(model) if sample else Path(model).stem)
        place = run_folder.chosen(out, f"{name}-train", same, suffix_of_worker(options)).resolve()
        listener = on_progress or silent
        return training_run.train(name, asked, metric, settings, options, place, same, listener, debug)


def _settings(epochs: int | None, learning_rate: float | None) -> dict[str, Any]:
    from pydantic import ValidationError

    asked = {"epochs": epochs, "learning_rate": learning_rate}
    settings = {name: value for name, value in asked.items() if value is not None}
    try:
        TrainingSettings.model_validate(settings)
    except ValidationError as error:
        raise BadInput("; ".join(sentences(error, TrainingSettings))) from None
    return settings
