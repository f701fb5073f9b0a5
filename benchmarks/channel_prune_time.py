"""How long `channel_prune` takes without training: half of the multiply-accumulates of a network, weights random.

Bar: 20 s for ResNet50 at 224×224 on two cores; exit code 1 says that it was missed.

Usage: python benchmarks/channel_prune_time.py [NETWORK of keras.applications]
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from compressor import steps
from compressor.steps import Workpiece
from compressor.training import Trainer, set_up
from compressor.values import Dataset, Split

BAR_S = 20.0
_SAMPLES = 32


def main(network: str) -> int:
    """Print wall and CPU seconds, and what is left."""
    place = set_up()
    import tf_keras

    model = getattr(tf_keras.applications, network)(weights=None)
    samples = np.random.default_rng(0).uniform(-1, 1, (_SAMPLES, *model.input_shape[1:])).astype(np.float32)
    dataset = Dataset("random", "generated", Split({"x": samples}), Split({"x": samples}))
    step = steps.load("channel_prune")
    settings = step.settings(keep={"macs": 0.5}, epochs=0)
    wall, cpu = time.perf_counter(), time.process_time()
    facts = step.apply(Workpiece(model), settings, Trainer(dataset, place=place)).facts[0]
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    left = facts["macs"][1] / facts["macs"][0]
    print(f"{network}: {wall:.1f} s ({cpu:.1f} s of CPU time), {left:.3f} of its multiply-accumulates left")
    return int(network == "ResNet50" and wall > BAR_S)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("network", nargs="?", default="ResNet50", help="of keras.applications")
    sys.exit(main(parser.parse_args().network))
