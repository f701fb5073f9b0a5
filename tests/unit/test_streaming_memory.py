"""Memory of reading, splitting, fitting and measuring does not grow with the samples: measured on a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

WHOLE_WAY = """
import re, sys
from pathlib import Path
import numpy as np
from compressor import data_sources
from compressor.data import columns
from compressor.data.fit import fit
from compressor.data.spec import DataSpec
from compressor.measurement import outputs
from compressor.progress import silent
from compressor.values import TensorSpec

columns.BLOCK_BYTES = 1 << 20  # Full blocks for few samples.
source, specs = sys.argv[1], (TensorSpec("image", (None, 48, 48, 3), "float32"),)

class Echo:
    inputs, outputs = specs, specs
    def load(self, sample): self.sample = sample
    def invoke(self): pass
    def results(self): return {"image": self.sample["image"][:, :1, 0]}

spec = DataSpec(source=source, subtract=[1.0, 2.0, 3.0], divide=2.0)
dataset = data_sources.find(source).read(spec, data_sources.Wanted(specs))
fitted = fit(dataset, spec, specs, (TensorSpec("y", (None, 10), "float32"),), Path(source).with_name("data.npz"))
found = outputs.collect(Echo, fitted.dataset.evaluation, silent)
assert found.repeatable
assert len(found.outputs["image"]) == len(found.labels) == dataset.evaluation.count
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1], dataset.evaluation.count)
"""


def peak(path: Path, root: Path, samples: int) -> tuple[float, int]:
    """Megabytes that a process needs at most for that many images of 7 kB, and how many of them evaluate."""
    stripes = np.random.default_rng(0).integers(0, 255, (samples, 48, 1, 1), np.uint8)
    np.savez_compressed(path, x=np.broadcast_to(stripes, (samples, 48, 48, 3)), y=np.arange(samples) % 10)
    command = [sys.executable, "-c", WHOLE_WAY, str(path)]
    environment = os.environ | {"PYTHONPATH": str(root), "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    kilobytes, evaluated = done.stdout.split()
    return int(kilobytes) / 1024, int(evaluated)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's account of memory")
def test_a_compressed_file_that_is_split_here_needs_no_more_memory_when_it_is_larger(
    tmp_path: Path, root: Path
) -> None:
    (few, few_evaluated), (many, many_evaluated) = (peak(tmp_path / "a.npz", root, count) for count in (1000, 4000))
    assert (few_evaluated, many_evaluated) == (300, 1200)
    # In memory, the further evaluation samples alone would be 6 MB as they came and 25 MB as the model takes them.
    assert many - few < 4
