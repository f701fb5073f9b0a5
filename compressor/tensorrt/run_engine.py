"""Runs model.plan on the samples of self_test.npz and compares the answers.

Needs Python 3.8, numpy, TensorRT 8.5, 10 or 11 with its Python bindings, and cuda-python. It was not run on a device.
Exit codes: 0 the answers agree, 1 they do not, 2 a file is wrong, 3 TensorRT, CUDA or the engine is not there.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent


class Missing(Exception):
    """TensorRT, CUDA or the engine is not there."""


def checked(answer: Any) -> Any:
    """What a call of cuda-python gives, after a look at its error code."""
    code, values = answer[0], answer[1:]
    if int(code) != 0:
        raise Missing(f"CUDA failed: {code}")
    return values[0] if values else None


class Engine:
    """An engine with memory for its inputs and outputs."""

    def __init__(self, plan: Path) -> None:
        try:
            import tensorrt
            from cuda import cudart
        except ImportError:
            try:
                import tensorrt
                from cuda.bindings import runtime as cudart
            except ImportError as error:
                raise Missing(f"not installed: {error.name}") from None
        if not plan.is_file():
            raise Missing(f"{plan.name} is not there: build it with build_engine.sh")
        self.trt, self.cuda = tensorrt, cudart
        runtime = tensorrt.Runtime(tensorrt.Logger(tensorrt.Logger.WARNING))
        self.engine = runtime.deserialize_cuda_engine(plan.read_bytes())
        if self.engine is None:
            raise Missing(f"{plan.name} is of another TensorRT or GPU: build it here, with build_engine.sh")
        self.context = self.engine.create_execution_context()
        self.stream = checked(cudart.cudaStreamCreate())
        names = [self.engine.get_tensor_name(index) for index in range(self.engine.num_io_tensors)]
        taken = tensorrt.TensorIOMode.INPUT
        self.inputs = [name for name in names if self.engine.get_tensor_mode(name) == taken]
        self.outputs = [name for name in names if name not in self.inputs]

    def run(self, sample: dict[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
        """The outputs for one sample, by name."""
        held = []
        try:
            for name in self.inputs:
                kind = self.trt.nptype(self.engine.get_tensor_dtype(name))
                array = np.ascontiguousarray(sample[name], kind)
                self.context.set_input_shape(name, array.shape)
                held.append(self.memory(array.nbytes))
                self.copy(held[-1], array.ctypes.data, array.nbytes, self.cuda.cudaMemcpyKind.cudaMemcpyHostToDevice)
                self.context.set_tensor_address(name, held[-1])
            answers = {}
            for name in self.outputs:
                kind = self.trt.nptype(self.engine.get_tensor_dtype(name))
                answers[name] = np.empty(tuple(self.context.get_tensor_shape(name)), kind)
                held.append(self.memory(answers[name].nbytes))
                self.context.set_tensor_address(name, held[-1])
            if not self.context.execute_async_v3(self.stream):
                raise Missing("TensorRT did not run the engine")
            checked(self.cuda.cudaStreamSynchronize(self.stream))
            back = self.cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost
            for name, memory in zip(self.outputs, held[len(self.inputs) :]):  # noqa: B905
                self.copy(answers[name].ctypes.data, memory, answers[name].nbytes, back)
            return answers
        finally:
            for memory in held:
                self.cuda.cudaFree(memory)

    def memory(self, size: int) -> int:
        """Bytes on the device."""
        return int(checked(self.cuda.cudaMalloc(size)))

    def copy(self, to: int, source: int, size: int, direction: Any) -> None:
        """Bytes between host and device."""
        checked(self.cuda.cudaMemcpy(to, source, size, direction))


def differing(found: np.ndarray[Any, Any], expected: np.ndarray[Any, Any], tolerance: float) -> tuple[int, float]:
    """How many values are too far from those expected, against the largest of them or 1; and the largest distance."""
    if found.size != expected.size:
        return expected.size, float("inf")
    expected = expected.astype(np.float64)
    apart = np.abs(found.astype(np.float64).reshape(expected.shape) - expected)
    allowed = tolerance * max(1.0, float(np.abs(expected).max(initial=0)))
    # Written so that NaN differs.
    return int(np.count_nonzero(~(apart <= allowed))), float(apart.max(initial=0))


def told_tolerance() -> float:
    """What manifest.json allows, and 0.05 without one."""
    try:
        told = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))
        return float(told["self_test"]["float_tolerance"])
    except (OSError, ValueError, KeyError):
        return 0.05


def main() -> int:
    """Run the self-test."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, default=HERE / "model.plan")
    parser.add_argument("--self-test", type=Path, default=HERE / "self_test.npz", metavar="NPZ")
    parser.add_argument("--tolerance", type=float, help="of outputs, against the largest or 1; else the manifest's")
    asked = parser.parse_args()
    tolerance = told_tolerance() if asked.tolerance is None else asked.tolerance
    try:
        with np.load(asked.self_test, allow_pickle=False) as arrays:
            samples = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError) as error:
        print(f"cannot read {asked.self_test}: {error}", file=sys.stderr)
        return 2
    try:
        engine = Engine(asked.plan)
        lacking = [name for name in engine.inputs if f"input.{name}" not in samples]
        lacking += [name for name in engine.outputs if f"output.{name}" not in samples]
        if lacking:
            print(f"{asked.self_test} lacks {', '.join(lacking)}", file=sys.stderr)
            return 2
        count = len(samples[f"input.{engine.inputs[0]}"])
        rows = [
            engine.run({name: samples[f"input.{name}"][row : row + 1] for name in engine.inputs})
            for row in range(count)
        ]
    except Missing as error:
        print(error, file=sys.stderr)
        return 3
    wrong = 0
    for name in engine.outputs:
        found = np.concatenate([row[name].reshape(1, -1) for row in rows])
        expected = samples[f"output.{name}"].reshape(count, -1)
        values, furthest = differing(found, expected, tolerance)
        print(f"{name}: {values} of {expected.size} values differ, by {furthest:.3g} at most")
        wrong += values
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
