"""Every architecture of keras.applications over the bridge: largest difference of its answers, and the time it took.

Weights are random, inputs the smallest each network allows; each network runs in a process of its own.

Usage: python benchmarks/applications.py [NAME ...] > docs/applications.md
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

SIZES = (32, 48, 64, 75, 96, 128, 224, 331)


def main(wanted: list[str]) -> int:
    """Print one row per network; the exit code says whether all came through."""
    names = wanted or _names()
    print("# keras.applications over the bridge\n")
    print(
        "Made by `python benchmarks/applications.py > docs/applications.md`. Random weights, smallest allowed input.\n"
    )
    print("| network | input | parameters | largest difference | seconds |\n| --- | --- | --- | --- | --- |")
    failed = 0
    for name in names:
        command = [sys.executable, __file__, "--one", name]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"TF_USE_LEGACY_KERAS": "1"})
        row = json.loads(done.stdout) if done.returncode == 0 else [name, "", "", f"failed: {_last(done.stderr)}", ""]
        failed += done.returncode != 0
        print(f"| {' | '.join(map(str, row))} |", flush=True)
    print(f"\n{len(names) - failed} of {len(names)} networks come through: every layer answers as its original does,")
    print("within 1e-4 of its largest output, and the outputs are equal within 1e-5 - or within what a rounding of the")
    print("input does to the network itself, which decides where random weights make activations explode.")
    return 1 if failed else 0


def _names() -> list[str]:
    code = "import keras; print(*(n for n in dir(keras.applications) if callable(getattr(keras.applications, n))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1][:200]


def _one(name: str) -> list[object]:
    import keras

    from compressor import keras_bridge

    keras.utils.set_random_seed(0)
    model = _smallest(getattr(keras.applications, name))
    started = time.monotonic()
    _, difference = keras_bridge.bridge(model)
    size = model.inputs[0].shape[1]
    return [name, f"{size}×{size}", model.count_params(), f"{difference:.1e}", f"{time.monotonic() - started:.1f}"]


def _smallest(build):
    for size in SIZES:
        try:
            return build(weights=None, input_shape=(size, size, 3))
        except ValueError as error:
            refused = error
    raise refused


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(_one(sys.argv[2])))
    else:
        sys.exit(main(sys.argv[1:]))
