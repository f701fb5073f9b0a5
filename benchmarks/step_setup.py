"""How long steps take to set up, without training: ours, and the wrappers of tensorflow-model-optimization.

Of ours everything is timed that a step does around training, which itself does nothing here; of the library the call
that wraps the model. The model is one of tf_keras.applications, its weights random. Each runs in a process of its own,
for at most `--limit` seconds.

Usage: python benchmarks/step_setup.py [NETWORK] [--size SIZE] [--limit SECONDS] [--steps STEP ...] [--others KIND ...]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

SETTINGS: dict[str, dict[str, Any]] = {
    "cluster": {"clusters": 16},
    "prune": {"sparsity": 0.5},
    "quantize_aware": {},
    "channel_prune": {"keep": {"channels": 0.5}},
    "low_rank": {"keep": {"macs": 0.5}},
}
OTHERS = ("cluster_weights", "prune_low_magnitude", "quantize_model")
SEED = 0


def main(arguments: argparse.Namespace) -> None:
    """One line each: what, and seconds or how it ended."""
    for kind, names in (("step", arguments.steps), ("other", arguments.others)):
        for name in names:
            words = [sys.executable, __file__, arguments.network, "--size", str(arguments.size), f"--one-{kind}", name]
            try:
                done = subprocess.run(words, capture_output=True, text=True, timeout=arguments.limit, check=False)
            except subprocess.TimeoutExpired:
                told = f"not done in {arguments.limit:g} s"
            else:
                lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines() or ["no message"]
                told = lines[-1]
            print(f"{arguments.network} {name}: {told}", flush=True)


def one(build: Callable[[], Any], work: Callable[[Any], Any]) -> None:
    """Time what is done to a model, without making it."""
    model = build()
    started = time.monotonic()
    work(model)
    print(f"{time.monotonic() - started:.1f} s")


def network(name: str, size: int) -> Any:
    """The model, its weights the same each time."""
    import tf_keras

    tf_keras.utils.set_random_seed(SEED)
    return getattr(tf_keras.applications, name)(weights=None, input_shape=(size, size, 3))


def step(name: str) -> Callable[[Any], Any]:
    """A step of ours, with a trainer that trains nothing."""
    from compressor import steps
    from compressor.training import Trainer, set_up
    from compressor.values import Dataset, Split

    class Idle(Trainer):
        def fit(self, *_: Any, **__: Any) -> dict[str, Any]:
            return {}

    place, plugin = set_up(seed=SEED), steps.load(name)

    def apply(model: Any) -> Any:
        samples = np.zeros((8, *model.input_shape[1:]), np.float32)
        split = Split({"image": samples}, np.arange(8))
        trainer = Idle(Dataset("zeros", "zeros", split, split, split), None, SEED, place)
        return plugin.apply(steps.Workpiece(model), plugin.settings(**SETTINGS[name], batch_size=4), trainer)

    return apply


def other(name: str) -> Callable[[Any], Any]:
    """The library's call, with the settings that go with ours."""
    import tensorflow_model_optimization as tfmot

    clustering, sparsity = tfmot.clustering.keras, tfmot.sparsity.keras
    start = clustering.CentroidInitialization.KMEANS_PLUS_PLUS
    calls = {
        "cluster_weights": lambda model: clustering.cluster_weights(
            model, number_of_clusters=16, cluster_centroids_init=start
        ),
        "prune_low_magnitude": lambda model: sparsity.prune_low_magnitude(
            model, sparsity.PolynomialDecay(0.0, 0.5, 0, 100)
        ),
        "quantize_model": tfmot.quantization.keras.quantize_model,
    }
    return calls[name]


if __name__ == "__main__":
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", nargs="?", default="Xception")
    parser.add_argument("--size", type=int, default=299)
    parser.add_argument("--limit", type=float, default=240)
    parser.add_argument("--steps", nargs="*", choices=SETTINGS, default=["cluster"])
    parser.add_argument("--others", nargs="*", choices=OTHERS, default=[])
    parser.add_argument("--one-step", choices=SETTINGS, help=argparse.SUPPRESS)
    parser.add_argument("--one-other", choices=OTHERS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one_step or given.one_other:
        done_to = step(given.one_step) if given.one_step else other(given.one_other)
        one(lambda: network(given.network, given.size), done_to)
    else:
        main(given)
