"""What every layer of a Keras model answers, asked of a worker process; this one never imports TensorFlow."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compressor.diagnosis.opened import Constant
from compressor.process import Worker
from compressor.values import Array, clean_name

_TIMEOUT_S = 1800.0


@dataclass(frozen=True, slots=True, eq=False)
class KerasLayers:
    """Layers in running order: their answers, first axis samples, and their weights.

    Attributes:
        outputs: layers that the model answers with.
    """

    answers: Mapping[str, Array]
    weights: Mapping[str, Sequence[Array]]
    outputs: tuple[str, ...]

    @property
    def samples(self) -> int:
        """How many samples were run."""
        return len(next(iter(self.answers.values()))) if self.answers else 0

    def constants(self, layer: str) -> list[Constant]:
        """The weights of a layer as constants of a file."""
        return [
            Constant(f"{layer}/{place}", each, None, None, each.ndim - 1)
            for place, each in enumerate(self.weights.get(layer, ()))
            if each.size > 1
        ]


def ask(model: Path, inputs: Mapping[str, Array], log: Path | None = None) -> KerasLayers:
    """Run a `.h5` or `.keras` file on samples.

    Raises:
        BadInput: no such model, or one without layers that can be looked at.
        MissingTool: TensorFlow is not here.
        StageFailed: it crashed.
    """
    with tempfile.TemporaryDirectory() as folder:
        samples, answers = Path(folder) / "samples.npz", Path(folder) / "answers.npz"
        np.savez(samples, **{clean_name(name): array for name, array in inputs.items()})  # type: ignore[arg-type]
        printed = Path(folder) / "log.txt" if log is None else log
        asked = {"file": str(model), "samples": str(samples), "destination": str(answers)}
        with Worker(printed) as worker:
            found = worker.call("running the Keras model", "compressor.layer_outputs:record", asked, _TIMEOUT_S)
        with np.load(answers, allow_pickle=False) as arrays:
            members = {name: arrays[name] for name in arrays.files}
    layers: list[str] = found["layers"]
    weights: dict[str, list[Array]] = {name: [] for name in layers}
    for member, array in members.items():
        if member.startswith("weight/"):
            weights[layers[int(member.split("/")[1])]].append(array)
    return KerasLayers(
        {name: members[f"answer/{place}"] for place, name in enumerate(layers)}, weights, tuple(found["outputs"])
    )
