"""What a training step costs over plain training: seconds of the step against `fine_tune` of the same epochs.

Each training is a process of its own on the untrained sample, all turn about; timed is the whole step, with what it
makes ready and takes off again. Printed are the median seconds and the range of the ratios of each turn. The bar is 1.3
times plain training, on `mnist_cnn`; exit code 1 says that a step missed it.

A step is written as in a recipe. Without one they are `prune: {sparsity: 0.8}` and `quantize_aware`.

Usage: python benchmarks/step_time.py [STEP ...] [--sample NAME] [--epochs N] [--samples N] [--turns N]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from typing import Any

import yaml

from compressor import names, recipe
from compressor.steps import Workpiece

BAR = 1.3
PLAIN = "fine_tune"
STEPS = ("prune: {sparsity: 0.8}", "quantize_aware")


def main(arguments: argparse.Namespace) -> int:
    """Print seconds and ratios; the exit code says whether every step is within the bar."""
    asked = [PLAIN, *arguments.steps]
    seconds: dict[str, list[float]] = {step: [] for step in asked}
    for turn in range(arguments.turns):
        # Turn about, so that a machine that slows down slows all of them.
        for step in asked if turn % 2 == 0 else asked[::-1]:
            seconds[step].append(_in_a_process(step, arguments))
    plain = seconds.pop(PLAIN)
    print(f"{arguments.sample}, {arguments.epochs} epochs, {arguments.turns} turns")
    print(f"{PLAIN}: median {statistics.median(plain):.1f} s")
    missed = False
    for step, each in seconds.items():
        ratio = statistics.median(each) / statistics.median(plain)
        ratios = [mine / theirs for mine, theirs in zip(each, plain, strict=True)]
        missed |= ratio > BAR
        told = f"{ratio:.2f} times plain training ({min(ratios):.2f} to {max(ratios):.2f}), bar {BAR}"
        print(f"{step}: median {statistics.median(each):.1f} s, {told}")
    return int(missed)


def _in_a_process(step: str, arguments: argparse.Namespace) -> float:
    words = [__file__, step, "--here"]
    for name in ("sample", "epochs", "samples"):
        words += [f"--{name}", str(getattr(arguments, name))]
    with tempfile.TemporaryDirectory() as cache:
        # A cache of its own: no checkpoint shortens a training.
        environment = os.environ | {"COMPRESSOR_CACHE": cache}
        done = subprocess.run([sys.executable, *words], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def seconds(entry: str, sample_name: str, epochs: int, samples: int) -> float:
    """Seconds that a step takes on a sample, in this process."""
    from compressor.training import Trainer, set_up

    place = set_up()
    sample = names.load_sample(sample_name)
    data = sample.dataset()
    assert data.train is not None
    train = data.train.rows(slice(0, samples)) if samples else data.train
    step = _step(entry, {"epochs": epochs, "batch_size": sample.batch_size})
    trainer = Trainer(replace(data, train=train), sample.loss, 0, place)
    model = sample.build()
    begun = time.monotonic()
    step.step.apply(Workpiece(model), step.settings, trainer)
    return time.monotonic() - begun


def _step(entry: str, settings: dict[str, Any]) -> recipe.RecipeStep:
    """A step as a recipe has it, with settings of its own put first."""
    read = yaml.safe_load(entry)
    name, own = (read, {}) if isinstance(read, str) else next(iter(read.items()))
    steps = [{name: settings | own}]
    return recipe.load({"summary": "timed", "steps": steps, "precision": "int8"}).steps[0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=(__doc__ or "").rpartition("Usage: ")[2])
    parser.add_argument("steps", nargs="*", default=list(STEPS))
    parser.add_argument("--sample", default="mnist_cnn")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--samples", type=int, default=0, help="so many to train on, 0 for all")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        print(json.dumps(seconds(given.steps[0], given.sample, given.epochs, given.samples)))
    else:
        sys.exit(main(given))
