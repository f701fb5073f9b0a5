"""What evaluating on all cores is worth: images per second against a plain loop on one thread, and memory.

The plain loop is what LiteRT's and ONNX Runtime's own documentation has: one float32 image after the other is
quantized, run and dequantized on one thread. Two of them at once, in a thread each with a half of the images, say what
the machine has to give; a loop whose images were quantized beforehand is printed too. All run turn about in one
process; printed are medians of the rounds and the ratio's range. Memory is the largest resident set of a process that
evaluates 2 000 or 20 000 random images out of a file.

COMPRESSOR_DATA names the folder with the data sets; beside it may lie `models` with MLPerf Tiny's ResNet8, which the
bars are for: at least 1.85 times the plain loop on two cores, and at most 1.05 times the memory. Exit code 1 says that
one was missed. `mnist_cnn` is compressed first, which trains it when its weights are in no cache.

Usage: python benchmarks/evaluation.py [ROUNDS] [--quick]

--quick leaves `mnist_cnn` out.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from compressor import runtimes
from compressor.measurement import cores, host, outputs
from compressor.progress import silent
from compressor.tflite_view.session import quantized
from compressor.values import Split

IMAGES, FEW, MANY = 10_000, 2_000, 20_000
FASTER, LARGER = 1.85, 1.05
DATA = Path(os.environ.get("COMPRESSOR_DATA", "data"))
RESNET = DATA.parent / "models" / "mlperf_tiny_ic" / "pretrainedResnet_quant.tflite"
MEASURE = """
import re, sys
from pathlib import Path
from compressor import api
found = api.measure(sys.argv[1], sys.argv[2], timed=False)
assert found.samples == int(sys.argv[3])
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def main(rounds: int, quick: bool) -> int:
    """Print everything; 1 when a bar was missed."""
    print(f"{host()}; {IMAGES} images, medians of {rounds} rounds; load {os.getloadavg()[0]:.1f} at the start")
    kept = []
    with tempfile.TemporaryDirectory() as name:
        if not quick:
            for path, images in _mnist(Path(name) / "mnist"):
                _faster(path, images, rounds)
        if RESNET.is_file():
            images = np.random.default_rng(0).integers(0, 256, (IMAGES, 32, 32, 3)).astype(np.float32)
            kept.append(_faster(RESNET, images, rounds) >= FASTER or cores() != 2)
            kept.append(_memory(RESNET, Path(name)) <= LARGER)
        else:
            print(f"no {RESNET}: no bar is judged")
    print(f"load {os.getloadavg()[0]:.1f} at the end; bars {'kept' if all(kept) else 'MISSED'}: {FASTER} ×, {LARGER} ×")
    return 0 if all(kept) else 1


def _mnist(out: Path) -> list[tuple[Path, np.ndarray[Any, Any]]]:
    """The files of `mnist_cnn` and MNIST's test set."""
    words = ["run", "mnist_cnn", "--recipe", "int8", "--target", "host", "--out", str(out)]
    done = subprocess.run([sys.executable, "-m", "compressor", *words], capture_output=True, text=True)
    # 1: a limit is broken, which is not what is asked here.
    if done.returncode not in (0, 1):
        sys.exit(done.stderr[-400:])
    with np.load(out / "data.npz") as data:
        images = data["x_evaluation"][:IMAGES].astype(np.float32)
    return [(path, images) for path in sorted((out / "artifacts").glob("*/*")) if path.suffix in (".tflite", ".onnx")]


def _faster(path: Path, images: np.ndarray[Any, Any], rounds: int) -> float:
    """Print both sides' images per second; the median ratio."""
    used = runtimes.for_file(path)
    opened, plain = runtimes.load(used).open, _plain_tflite if path.suffix == ".tflite" else _plain_onnx
    halves = [plain(path, half) for half in np.array_split(images, 2)]
    sides = {
        "plain loop": plain(path, images),
        "two of them": lambda: _at_once(halves),
        "ours": lambda: outputs.collect(lambda: opened(path, 1), Split({"": images}), silent),
    }
    if path.suffix == ".tflite":
        sides["quantized before"] = _plain_tflite(path, images, before=True)
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(-1, rounds):
        for name in sides if turn % 2 else reversed(sides):
            started = time.perf_counter()
            sides[name]()
            # The first round warms up.
            seconds[name] += [time.perf_counter() - started] * (turn >= 0)
    print(
        f"{path.name} on {used}: {len(images) / statistics.median(seconds['plain loop']):,.0f} images/s in a plain loop"
    )
    ratios: dict[str, float] = {}
    for name in [name for name in sides if name != "plain loop"]:
        each = sorted(one / other for one, other in zip(seconds["plain loop"], seconds[name], strict=True))
        ratios[name] = statistics.median(each)
        print(f"  {name:<17}{ratios[name]:.2f} times as many ({each[0]:.2f} … {each[-1]:.2f})")
    return ratios["ours"]


def _at_once(loops: list[Callable[[], Any]]) -> None:
    with ThreadPoolExecutor(len(loops)) as pool:
        for done in [pool.submit(loop) for loop in loops]:
            done.result()


def _plain_tflite(path: Path, images: np.ndarray[Any, Any], before: bool = False) -> Callable[[], Any]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    fed, answered = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    index, (scale, zero_point) = fed["index"], fed["quantization"]
    scale_out, zero_point_out = answered["quantization"]
    dtype = np.dtype(fed["dtype"]).name
    samples = quantized(images, dtype, scale, zero_point) if scale and before else images

    def loop() -> None:
        found = []
        for row in range(len(samples)):
            sample = samples[row : row + 1]
            interpreter.set_tensor(
                index, sample if before or not scale else quantized(sample, dtype, scale, zero_point)
            )
            interpreter.invoke()
            answer = interpreter.get_tensor(answered["index"])
            found.append((answer.astype(np.float32) - zero_point_out) * scale_out if scale_out else answer)

    return loop


def _plain_onnx(path: Path, images: np.ndarray[Any, Any]) -> Callable[[], Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: [session.run(None, {name: images[row : row + 1]}) for row in range(len(images))]


def _memory(path: Path, folder: Path) -> float:
    """Print the peaks of few and of many samples; their ratio."""
    peaks = []
    for count in (FEW, MANY):
        data = folder / f"{count}.npz"
        np.savez(data, x=np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), np.uint8))
        command = [sys.executable, "-c", MEASURE, str(path), str(data), str(count)]
        each = [int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(3)]
        peaks.append(statistics.median(each) / 1024)
    ratio = peaks[1] / peaks[0]
    print(f"{path.name}: {peaks[0]:.1f} MiB for {FEW} images, {peaks[1]:.1f} MiB for {MANY}, ratio {ratio:.3f}")
    return ratio


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    sys.exit(main(numbers[0] if numbers else 7, "--quick" in sys.argv))
