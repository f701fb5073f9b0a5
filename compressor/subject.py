"""What a run is about: the model, trained or loaded, and its data, fitted to each other."""

from __future__ import annotations

import importlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compressor import custom_objects, data_sources, model_files, sample_part, trained_sample
from compressor.data import fit
from compressor.data.spec import DataSpec
from compressor.data_sources import Wanted
from compressor.errors import BadInput
from compressor.model_files import Loaded
from compressor.networks import Network, tensorflow_network
from compressor.sample import SampleModel
from compressor.steps import TrainingSettings
from compressor.training import Place, Trainer, losses
from compressor.values import Dataset, Split, TensorSpec
from compressor.worker import report_progress


@dataclass(frozen=True, slots=True)
class Asked:
    """Names of what a run is about.

    Attributes:
        sample: module path of a sample model, or None.
        file: path of a model file or folder, or None; exactly one of the two is given.
        spec: the data; its source is ignored when `data_sample` is given.
        data_sample: module path of the sample whose data is used, or None.
        custom_objects: module of the user's own layers, or None.
        trusted: code that the user names may be run.
        trains: a step needs the training split, or at least takes it where there is one.
        seed: of a sample's training.
        network: which one of a sample's several networks, or None for a sample that is one.
        taught: all that trains has a teacher: where there is no training split, calibration samples do.
    """

    sample: str | None
    file: str | None
    spec: DataSpec
    data_sample: str | None
    custom_objects: str | None
    trusted: bool
    trains: bool
    seed: int
    network: str | None = None
    taught: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """A model and its data.

    Attributes:
        loss: what to train with, None to choose by the labels.
        trained: how a sample was trained.
        metric: what a sample says it is judged by, None to choose.
    """

    loaded: Loaded
    dataset: Dataset
    warnings: tuple[str, ...]
    loss: str | None = None
    trained: dict[str, Any] | None = None
    metric: str | None = None

    @property
    def training_loss(self) -> str | None:
        """What steps and `train` minimize: the sample's loss, or a file's; None to choose by the labels."""
        return self.loss or losses.of_file(self.loaded.loss)

    @property
    def network(self) -> Network:
        """What answers and is written."""
        assert self.loaded.network is not None
        return self.loaded.network

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of single samples, by input name."""
        return {name: array.shape[1:] for name, array in self.dataset.calibration.inputs.items()}


def load(asked: Asked, data_file: Path, place: Place, settings: TrainingSettings | None = None) -> Subject:
    """Load or train the model, read the data, and leave the data as `data_file`.

    Args:
        place: where a sample is trained.
        settings: how, None as the sample says.

    Raises:
        BadInput: anything wrong with model or data, or with both together.
    """
    if asked.sample is not None:
        return _sample(asked, data_file, place, settings)
    assert asked.file is not None
    known = custom_objects.load(asked.custom_objects, asked.trusted)
    report_progress("load the model")
    loaded = model_files.load(Path(asked.file), known)
    assert loaded.network is not None
    dataset, warnings = _data(asked, loaded.network, data_file)
    if loaded.limitation:
        warnings = (
            f"the model is written as it is, by recipes of precision alone: {loaded.limitation.splitlines()[0]}",
            *warnings,
        )
    return Subject(loaded, dataset, (*loaded.notes, *warnings))


def _sample(asked: Asked, data_file: Path, place: Place, settings: TrainingSettings | None) -> Subject:
    assert asked.sample is not None
    sample = _imported(asked.sample)
    model = sample.build()
    network = tensorflow_network.of_tf_keras(model)
    own = asked.data_sample == asked.sample
    found = sample.dataset()
    with tempfile.TemporaryDirectory() as folder:
        # A sample is always trained on its own data, also when it is proven on others.
        plain = DataSpec(source=asked.sample)
        own_data = _fitted(found, plain, network, Path(folder) / "data.npz")[0]
        trainer = Trainer(own_data, sample.loss, asked.seed, place)
        facts = trained_sample.trained(model, sample, settings or trained_sample.settings_of(sample), trainer)
    if asked.network is not None:
        part = sample.parts[asked.network]
        model, taken = sample_part.taken(part, model, found, asked.trains)
        network = tensorflow_network.of_tf_keras(model)
        dataset, warnings = _fitted(taken, asked.spec, network, data_file)
        return Subject(Loaded(model, network), dataset, warnings, part.loss, facts, part.metric)
    dataset, warnings = _data(asked, network, data_file)
    loss, metric = (sample.loss, sample.metric) if own else (None, None)
    return Subject(Loaded(model, network), dataset, warnings, loss, facts, metric)


def _data(asked: Asked, network: Network, destination: Path) -> tuple[Dataset, tuple[str, ...]]:
    report_progress("load data")
    if asked.data_sample is not None:
        dataset = _unnamed(_imported(asked.data_sample).dataset())
        dataset = dataset if asked.trains else replace(dataset, train=None)
    else:
        dataset = _read(asked, network)
    return _fitted(dataset, asked.spec, network, destination)


def _read(asked: Asked, network: Network) -> Dataset:
    source = data_sources.find(asked.spec.source)
    wanted = Wanted(network.inputs, trains=asked.trains, trusted=asked.trusted)
    if asked.trains and asked.taught:
        try:
            source.look(asked.spec, True, asked.trusted)
        except BadInput:
            wanted = replace(wanted, trains=False)
    return source.read(asked.spec, wanted)


def _unnamed(dataset: Dataset) -> Dataset:
    """A sample's data, whose single input may go by any name in the model."""

    def unnamed(split: Split) -> Split:
        single = len(split.inputs) == 1
        return Split({"": next(iter(split.inputs.values()))}, split.labels) if single else split

    assert isinstance(dataset.evaluation, Split)
    return replace(
        dataset,
        calibration=unnamed(dataset.calibration),
        evaluation=unnamed(dataset.evaluation),
        train=None if dataset.train is None else unnamed(dataset.train),
    )


def _fitted(dataset: Dataset, spec: DataSpec, network: Network, destination: Path) -> tuple[Dataset, tuple[str, ...]]:
    outputs: tuple[TensorSpec, ...] = network.outputs
    fitted = fit.fit(dataset, spec, network.inputs, outputs, destination)
    return fitted.dataset, fitted.warnings


def _imported(module: str) -> SampleModel:
    sample = importlib.import_module(module).MODEL
    assert isinstance(sample, SampleModel)
    return sample
