"""How much faster networks are with half of their multiply-accumulates, on LiteRT and ONNX Runtime, one thread.

Each file is timed against the whole network's in the same precision, turn about in one process, with the noise of the
machine beside it (`compressor.measurement.interleaved`).

Usage: python benchmarks/channel_speed.py [SAMPLE ...] [--share 0.5] [--multiple 8] [--page FILE]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from compressor import measurement, runtimes
from compressor.files import write_text
from compressor.measurement import interleaved, latency
from compressor.measurement.interleaved import LatencyRatio, Turn

SAMPLES = ("mobilenet_v2", "resnet8", "mnist_cnn")
WRITER = Path(__file__).with_name("pruned_files.py")
_COLUMNS = ("network", "file", "runtime", "MACs left", "p50 ms, whole", "p50 ratio", "95 %", "noise")
_TEXT = """# Speed of channel pruning

```sh
python {command}
```

Measured on {host}. `channel_prune` with `keep: {{macs: {share:g}}}`, `multiple: {multiple}` and `epochs: 0`; one
thread, batch 1. Weights are random: how long a file takes hangs on its shapes. The ratio is of the pruned file's time
to the whole network's in the same precision; noise is how far the whole network's file is from itself.
"""


def main(arguments: argparse.Namespace) -> None:
    """Write, time and tell."""
    rows = []
    for sample in arguments.samples or SAMPLES:
        with tempfile.TemporaryDirectory() as folder:
            words = [sys.executable, str(WRITER), sample, folder, str(arguments.share), str(arguments.multiple)]
            subprocess.run(words, check=True, capture_output=True)
            for row in _timed(sample, Path(folder)):
                print(row, flush=True)
                rows.append(row)
    if arguments.page:
        command = " ".join(["benchmarks/channel_speed.py", *arguments.samples])
        text = _TEXT.format(
            host=measurement.host(), command=command, share=arguments.share, multiple=arguments.multiple
        )
        write_text(arguments.page, "\n".join([text, _line(_COLUMNS), _line(["---"] * len(_COLUMNS)), *rows, ""]))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _timed(sample: str, folder: Path) -> Iterator[str]:
    before, after = json.loads((folder / "facts.json").read_text())["macs"]
    for path in sorted(folder.glob("whole_*.*")):
        pruned = path.with_name(path.name.replace("whole", "pruned"))
        runtime = runtimes.load(runtimes.for_file(path))
        with latency.pinned(1):
            turns = [Turn(runtime.open(file, 1), _sample(runtime, file)) for file in (pruned, path, path)]
            ratio = interleaved.ratio(turns[0], turns[1], turns[2], threads=1)
            took = latency.time_session(turns[1].session, turns[1].sample, 1).p50
        kind, name = f"{path.suffix[1:]} {path.stem.partition('_')[2]}", runtimes.for_file(path)
        yield _line([sample, kind, name, f"{after / before:.2f}", f"{took:.3g}", *_cells(ratio)])


def _sample(runtime: runtimes.Runtime, file: Path) -> dict[str, np.ndarray]:
    specs = runtime.open(file, 1).inputs
    random = np.random.default_rng(0)
    shapes = {spec.name: [size or 1 for size in spec.shape] for spec in specs}
    return {name: random.uniform(-1, 1, shape).astype(np.float32) for name, shape in shapes.items()}


def _cells(ratio: LatencyRatio) -> tuple[str, str, str]:
    interval = f"{ratio.interval.low:.3f} to {ratio.interval.high:.3f}"
    return f"{ratio.ratio:.3f}", interval, f"{ratio.noise:.3f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("samples", nargs="*", default=[])
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--multiple", type=int, default=8)
    parser.add_argument("--page", type=Path)
    main(parser.parse_args())
