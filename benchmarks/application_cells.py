"""The cells of one network of keras.applications, one after the other; tells each as a JSON line on stdout.

The network comes over the bridge with random weights; then each step is applied to it, and each int8 file is
written, opened and run. A cell that was refused is told with the whole message, as a user would see it.

Usage: python benchmarks/application_cells.py NAME SIZE MEMORY_GIB CELL ...
       python benchmarks/application_cells.py networks
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor import formats, runtimes, steps
from compressor.bridge import keras_bridge
from compressor.errors import BadInput, CompressorError
from compressor.networks import sized, tensorflow_network
from compressor.networks.tensorflow_network import TensorFlowNetwork
from compressor.training import Trainer, set_up
from compressor.values import Array, Dataset, Precision, Source, Split, TensorSpec

if TYPE_CHECKING:
    import keras
    import tf_keras

# Files first: they are written from the network as it came over the bridge, before any step trains it.
CELLS = ("bridge", "tflite", "onnx", "quantize_aware", "cluster", "prune")
MEMORY_SIGNS = ("bad_alloc", "bad allocation", "annot allocate memory", "nable to allocate", "OOM when allocating")
SETTINGS: dict[str, dict[str, Any]] = {"prune": {"sparsity": 0.5}, "cluster": {"clusters": 16}, "quantize_aware": {}}
# Quantization-aware training works on copies of the layers, these on the layers themselves.
IN_PLACE = ("cluster", "prune")
SIZES = (32, 48, 64, 75, 96, 128, 224, 331)
TRAINED_ON, CALIBRATED_ON, BATCH, SEED = 8, 2, 4, 0
_GIB = 1 << 30
_LONGEST_REASON = 500


class Network:
    """One network, brought over the bridge anew after each step that may have trained it."""

    def __init__(self, name: str, size: int, folder: Path) -> None:
        self._name, self._size, self._folder = name, size, folder
        self._model: tf_keras.Model | None = None
        self._source: Source | None = None

    def build(self) -> keras.Model:
        """The Keras 3 model, its weights random and the same each time."""
        import keras

        keras.utils.set_random_seed(SEED)
        shape = (self._size, self._size, 3)
        return getattr(keras.applications, self._name)(weights=None, input_shape=shape)

    def take(self, model: tf_keras.Model) -> None:
        """Keep what the bridge made."""
        self._model = model

    def model(self) -> tf_keras.Model:
        """The tf_keras model, untrained."""
        if self._model is None:
            self._model, _ = keras_bridge.bridge(self.build())
        return self._model

    def network(self) -> TensorFlowNetwork:
        """The model as formats see it."""
        return tensorflow_network.of_tf_keras(self.model())

    def source(self) -> Source:
        """Its SavedModel."""
        if self._source is None:
            inputs, outputs = self.specs()
            path = self._folder / "float32"
            self.network().leave({spec.name: spec.shape[1:] for spec in inputs}, path)
            self._source = Source(self._name, path, None, inputs, outputs)
        return self._source

    def specs(self) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
        """Inputs and outputs."""
        network = self.network()
        return sized(network.inputs, {network.inputs[0].name: (self._size, self._size, 3)}), network.outputs

    def samples(self, count: int) -> dict[str, Array]:
        """Random inputs, the same for each network of this size."""
        shape = (count, self._size, self._size, 3)
        name = self.network().inputs[0].name
        return {name: np.random.default_rng(SEED).normal(size=shape).astype(np.float32)}

    def drop(self) -> None:
        """Forget the model, trained as it may be."""
        import keras
        import tf_keras

        self._model = None
        tf_keras.backend.clear_session()
        keras.utils.clear_session()
        gc.collect()


class NotRight(Exception):
    """A cell came to its end, and what it made is not what was asked for."""


def main(name: str, size: int, memory_gib: float, cells: list[str], tell: Callable[..., None]) -> None:
    """Do the cells in order; a failure of one does not touch the next."""
    limit = int(memory_gib * _GIB)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    set_up(seed=SEED)
    with tempfile.TemporaryDirectory() as folder:
        network = Network(name, size, Path(folder))
        for cell in cells:
            try:
                work = _prepared(cell, network, Path(folder))
                tell(cell=cell, begins=True)
                started = time.monotonic()
                facts = work()
                tell(cell=cell, outcome="works", seconds=round(time.monotonic() - started, 1), **facts)
            except Exception as error:
                tell(cell=cell, **_told(error))
            if cell in IN_PLACE:
                network.drop()


def _prepared(cell: str, network: Network, folder: Path) -> Callable[[], dict[str, Any]]:
    """The work of a cell, with everything at hand that the clock is not to count."""
    if cell == "bridge":
        model = network.build()
        return lambda: _bridge(network, model)
    if cell in SETTINGS:
        network.model()
        return lambda: _step(cell, network)
    network.source()
    return lambda: _file(cell, network, folder)


def _bridge(network: Network, model: keras.Model) -> dict[str, Any]:
    bridged, difference = keras_bridge.bridge(model)
    network.take(bridged)
    return {"difference": difference}


def _step(name: str, network: Network) -> dict[str, Any]:
    model, samples = network.model(), network.samples(TRAINED_ON)
    labels = np.random.default_rng(SEED).integers(0, int(model.outputs[0].shape[-1]), TRAINED_ON)
    few = Split({key: array[:CALIBRATED_ON] for key, array in samples.items()})
    trainer = Trainer(Dataset("random", "random", few, few, Split(samples, labels)), None, SEED)
    step = steps.load(name)
    settings = step.settings(**SETTINGS[name], epochs=1, batch_size=BATCH)
    done = step.apply(steps.Workpiece(model), settings, trainer)
    if name != "quantize_aware":
        facts = done.facts[-1]
        _check_kernels(name, done.model, facts["sparsity" if name == "prune" else "distinct_values"])
    given = next(iter(few.inputs.values()))
    for made in filter(None, (done.model, done.simulated)):
        _check_answers(np.asarray(made(given, training=False)), (CALIBRATED_ON, *model.outputs[0].shape[1:]))
    return {}


def _check_kernels(name: str, model: tf_keras.Model, layers: Iterable[str]) -> None:
    """Hold the layers that a step says it changed against its settings.

    Of a separable convolution the step changes one of two kernels, not always the larger one: one that is as asked
    for is enough.
    """
    as_asked = {
        "prune": lambda kernel: np.mean(kernel == 0) > SETTINGS["prune"]["sparsity"] - 0.01,
        "cluster": lambda kernel: len(np.unique(kernel)) <= SETTINGS["cluster"]["clusters"],
    }[name]
    # Those of models inside the model too.
    known = {each.name: each for each in model.submodules if hasattr(each, "weights")}
    wrong = [
        layer
        for layer in layers
        if not any(as_asked(weight.numpy()) for weight in _kernels(known[layer.rsplit("/", 1)[-1]]))
    ]
    if wrong:
        raise NotRight(f"kernels of {', '.join(wrong)} are not as asked for")


def _kernels(layer: tf_keras.layers.Layer) -> list[Any]:
    return [weight for weight in layer.weights if weight.shape.rank > 1]


def _file(name: str, network: Network, folder: Path) -> dict[str, Any]:
    written, source, samples = formats.load(name), network.source(), network.samples(CALIBRATED_ON)
    path = folder / f"int8{written.suffix}"
    written.write(source, Precision.INT8, samples, path)
    session = runtimes.load("litert" if name == "tflite" else "onnxruntime").open(path, 1)
    if name == "tflite" and session.inputs[0].dtype != "int8":
        raise NotRight(f"the input of the file is {session.inputs[0].dtype}, not int8")
    if name == "onnx" and not _quantizes(path):
        raise NotRight("the file has no QuantizeLinear node")
    session.load({session.inputs[0].name: next(iter(samples.values()))[:1]})
    session.invoke()
    _check_answers(next(iter(session.results().values())), (1, *source.outputs[0].shape[1:]))
    return {}


def _quantizes(path: Path) -> bool:
    import onnx

    return any(node.op_type == "QuantizeLinear" for node in onnx.load(str(path)).graph.node)


def _check_answers(found: Array, shape: tuple[int | None, ...]) -> None:
    if found.shape != shape:
        raise NotRight(f"answers of shape {found.shape}, not {shape}")
    if not np.isfinite(found).all():
        raise NotRight("answers NaN or infinity")


def _told(error: Exception) -> dict[str, str]:
    import tensorflow as tf

    reason = str(error)
    if isinstance(error, MemoryError | tf.errors.ResourceExhaustedError) or any(s in reason for s in MEMORY_SIGNS):
        return {"outcome": "out of memory"}
    if isinstance(error, CompressorError):
        told = "; ".join(line.strip() for line in reason.splitlines())
        return {"outcome": "refused" if isinstance(error, BadInput) else "failed", "reason": told}
    kind = "" if isinstance(error, NotRight) else f"{type(error).__name__}: "
    return {"outcome": "failed", "reason": kind + _telling_line(reason)}


def _telling_line(text: str) -> str:
    """The line of a converter's message that says most: its first error line, else its first."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["no message"]
    return ([line for line in lines if "error:" in line.lower()] or lines)[0][:_LONGEST_REASON]


def networks(tell: Callable[..., None]) -> None:
    """Every network of keras.applications: its name, the smallest input it takes, its number of parameters."""
    import keras

    for name in dir(keras.applications):
        build = getattr(keras.applications, name)
        if callable(build):
            model = _smallest(build)
            tell(network=name, size=int(model.inputs[0].shape[1]), parameters=int(model.count_params()))
            keras.utils.clear_session()


def _smallest(build: Callable[..., keras.Model]) -> keras.Model:
    refused: ValueError | None = None
    for size in SIZES:
        try:
            return build(weights=None, input_shape=(size, size, 3))
        except ValueError as error:
            refused = error
    assert refused is not None
    raise refused


def _line_writer() -> Callable[..., None]:
    """Writes JSON lines to what was stdout; what libraries print there goes to stderr from now on."""
    lines = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return lambda **facts: print(json.dumps(facts), file=lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["networks"]:
        networks(_line_writer())
    else:
        main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:], _line_writer())
