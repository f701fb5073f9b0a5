"""What every layer of a Keras model answers, as a job of `compressor.process.Worker`: TensorFlow runs here alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from compressor import model_files
from compressor.errors import BadInput
from compressor.files import whole_file
from compressor.networks import recurrent
from compressor.values import Array
from compressor.worker import report_progress

# Of all layers' answers together: a large network is asked fewer samples.
_MOST_BYTES = 256 << 20


def record(file: str, samples: str, destination: str) -> dict[str, Any]:
    """Leave the answers of every layer as `.npz`, and the weights: members `answer/PLACE`, `weight/PLACE/NUMBER`.

    A layer inside of a layer goes by its path, `block/conv`. One that is used several times answers as it did last.

    Args:
        file: a `.h5` or `.keras` file.
        samples: `.npz` with inputs by name.
        destination: receives the answers.

    Returns:
        `layers`, in running order: members go by their place; `outputs`, those that the model answers with; `samples`,
        how many were run.

    Raises:
        BadInput: no such model, or one whose layers cannot be made again in tf_keras.
    """
    report_progress("run every layer of the Keras model")
    loaded = model_files.load(Path(file))
    if loaded.model is None:
        raise BadInput(f"the layers of {file} cannot be looked at: {loaded.limitation}")
    assert loaded.network is not None
    with np.load(samples, allow_pickle=False) as arrays:
        single = len(arrays.files) == len(loaded.network.inputs) == 1
        names = arrays.files if single else [spec.name for spec in loaded.network.inputs]
        fed = [arrays[name].astype(spec.dtype) for name, spec in zip(names, loaded.network.inputs, strict=True)]
    layers = dict(_layers(loaded.model, ""))
    answers = _answers(loaded.model, layers, fed)
    kept = {f"answer/{place}": np.concatenate(each) for place, each in enumerate(answers.values())}
    for place, name in enumerate(answers):
        if hasattr(layers[name], "layers"):
            continue
        kept |= {f"weight/{place}/{row}": each for row, each in enumerate(layers[name].get_weights())}
    with whole_file(Path(destination)) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **kept)  # type: ignore[arg-type]
    return {
        "layers": list(answers),
        "outputs": [name for name in loaded.model.output_names if name in answers],
        "samples": len(next(iter(kept.values()))),
    }


def _layers(model: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every layer by its path, those inside before what holds them."""
    for layer in model.layers:
        if type(layer).__name__ == "InputLayer":
            continue
        if hasattr(layer, "layers"):
            yield from _layers(layer, f"{path}{layer.name}/")
        yield f"{path}{layer.name}", layer


def _answers(model: Any, layers: dict[str, Any], fed: list[Array]) -> dict[str, list[Array]]:
    """What each layer answers, sample by sample, in the order they run in; layers of several answers are left out."""
    import tensorflow as tf

    seen: dict[str, Array] = {}
    for name, layer in layers.items():
        layer.call = _listening(layer.call, name, seen)
    found: dict[str, list[Array]] = {}
    count = len(fed[0])
    row = 0
    with recurrent.fresh_state(model):
        while row < count:
            seen.clear()
            tensors = [tf.constant(each[row : row + 1]) for each in fed]
            model(tensors[0] if len(tensors) == 1 else tensors, training=False)
            for name, answer in seen.items():
                found.setdefault(name, []).append(answer)
            row += 1
            count = min(count, max(1, _MOST_BYTES // max(sum(each.nbytes for each in seen.values()), 1)))
    return found


def _listening(call: Callable[..., Any], name: str, seen: dict[str, Array]) -> Callable[..., Any]:
    def listen(*arguments: Any, **named: Any) -> Any:
        answer = call(*arguments, **named)
        if hasattr(answer, "numpy") and answer.dtype.is_floating:
            seen.pop(name, None)
            seen[name] = answer.numpy()
        return answer

    return listen
