"""Only one layer as in the compressed file, and only one layer float: which of them costs the accuracy?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compressor import metrics
from compressor.diagnosis.comparison import Compared
from compressor.diagnosis.hybrids import Hybrids
from compressor.errors import BadInput
from compressor.measurement import judge
from compressor.measurement.outputs import named
from compressor.progress import Listener, Progress, silent
from compressor.tflite_view.session import Kernels, TfliteSession
from compressor.values import Array, Split

# Fewer say nothing of a layer; time is rather spent on fewer layers.
_LEAST_SAMPLES = 50
_TRIED = 5


@dataclass(frozen=True, slots=True)
class AblatedLayer:
    """The metric with this layer alone as in the compressed file, and with this layer alone float."""

    layer: str
    only_compressed: float
    only_float: float


@dataclass(frozen=True, slots=True)
class Ablation:
    """What each layer costs, over the first `samples` evaluation samples.

    Attributes:
        metric: what the values are of; `agreement` with the float32 file where there are no labels.
        as_float, as_compressed: with no layer, and with every layer as in the compressed file.
        left_out: layers that the time was too short for.
    """

    metric: str
    samples: int
    as_float: float
    as_compressed: float
    layers: tuple[AblatedLayer, ...]
    left_out: tuple[str, ...]


def ablate(
    float_file: Path, compared: Compared, samples: Split, seconds: float, listener: Listener = silent
) -> Ablation:
    """Try the layers one by one, those first that introduce most, until the time is up.

    Raises:
        BadInput: not a TFLite file.
    """
    if float_file.suffix != ".tflite":
        raise BadInput("ablation is for TFLite files alone", received=float_file.name)
    begun = time.monotonic()
    hybrids = Hybrids(float_file.read_bytes(), compared)
    order = _suspicious(compared, hybrids.layers)
    each = _seconds_per_sample(hybrids.made(()), samples)
    files = 2 + 2 * len(order)
    count = min(samples.count, max(_LEAST_SAMPLES, int(seconds / (each * files))))
    trial = _Trial(samples.rows(slice(count)), hybrids.made(()))
    everything = trial.value(hybrids.made(hybrids.layers))
    found: list[AblatedLayer] = []
    for place, layer in enumerate(order):
        if time.monotonic() - begun > seconds:
            break
        listener(Progress("ablation", place, len(order), layer))
        others = [name for name in hybrids.layers if name != layer]
        found.append(AblatedLayer(layer, trial.value(hybrids.made([layer])), trial.value(hybrids.made(others))))
    return Ablation(trial.metric, count, trial.as_float, everything, tuple(found), tuple(order[len(found) :]))


def _suspicious(compared: Compared, layers: Sequence[str]) -> list[str]:
    worst: dict[str, float] = dict.fromkeys(layers, 0.0)
    for node in compared.rows:
        if node.title in worst:
            worst[node.title] = max(worst[node.title], compared.sums[node.key].alone.relative)
    return sorted(layers, key=lambda layer: -worst[layer])


def _seconds_per_sample(content: bytes, samples: Split) -> float:
    begun = time.monotonic()
    tried = list(_answers(content, samples.rows(slice(_TRIED))))
    return max((time.monotonic() - begun) / len(tried), 1e-6)


class _Trial:
    """Files judged on the same samples."""

    def __init__(self, samples: Split, plain: bytes) -> None:
        self._samples = samples
        self._reference = np.concatenate(list(_answers(plain, samples)))
        self.metric, value = judge(samples.labels, self._reference)
        if value is None:
            self.metric, value = "agreement", 1.0
        self.as_float = value

    def value(self, content: bytes) -> float:
        """The metric of a file, or how often it agrees with the float32 file."""
        answers = np.concatenate(list(_answers(content, self._samples)))
        if self.metric != "agreement":
            return float(judge(self._samples.labels, answers)[1] or 0.0)
        chosen = metrics.load(metrics.choose(None, self._reference).name)
        return float(chosen.same(answers, self._reference).mean())


def _answers(content: bytes, samples: Split) -> Iterator[Array]:
    session = TfliteSession(Path("hybrid"), 1, Kernels.DEFAULT, lambda _: content)
    inputs = named(samples.inputs, session.inputs)
    for row in range(samples.count):
        session.load({name: array[row : row + 1] for name, array in inputs.items()})
        session.invoke()
        yield np.array(next(iter(session.results().values())))
