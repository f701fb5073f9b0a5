"""A network of two dense layers, as float32 and as int8, in TFLite and in ONNX, by hand: faults are planted at will."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper, numpy_helper
from tflite_files import KINDS, TfliteFile

_X, _H, _Y = 16, 24, 6


@dataclass(frozen=True)
class Net:
    """Weights (out, in) and biases; `scales` of x, hidden and y, by which int8 files are made.

    `stated` are the scales that files state where they are not those; ONNX's DequantizeLinear alone states them.
    """

    w: tuple[np.ndarray, np.ndarray]
    b: tuple[np.ndarray, np.ndarray]
    scales: tuple[float, float, float]
    stated: dict[str, float] = field(default_factory=dict)

    def with_weights(self, layer: int, values: np.ndarray) -> Net:
        return replace(self, w=tuple(values if place == layer else w for place, w in enumerate(self.w)))  # type: ignore[arg-type]

    def with_bias(self, layer: int, values: np.ndarray) -> Net:
        return replace(self, b=tuple(values if place == layer else b for place, b in enumerate(self.b)))  # type: ignore[arg-type]

    def scale(self, name: str) -> float:
        return self.stated.get(name, self.scales[("x", "hidden", "y").index(name)])


def samples(count: int = 32, seed: int = 0) -> dict[str, np.ndarray]:
    """Of x, between -1 and 1."""
    return {"x": np.random.default_rng(seed).uniform(-1, 1, (count, _X)).astype(np.float32)}


def net(seed: int = 0) -> Net:
    """Random weights, and scales that fit `samples`."""
    draw = np.random.default_rng(seed)
    w = tuple(draw.normal(0, 0.5, shape).astype(np.float32) for shape in ((_H, _X), (_Y, _H)))
    b = tuple(draw.normal(0, 0.5, size).astype(np.float32) for size in (_H, _Y))
    hidden = np.maximum(samples(256)["x"] @ w[0].T + b[0], 0)
    ends = 1.0, float(hidden.max()), float(np.abs(hidden @ w[1].T + b[1]).max())
    return Net(w, b, tuple(end / 127 for end in ends))  # type: ignore[arg-type]


def _integers(values: np.ndarray, scale: float, kind: type = np.int8) -> np.ndarray:
    ends = np.iinfo(kind)
    return np.clip(np.rint(values / scale), ends.min, ends.max).astype(kind)


def _weight_scale(values: np.ndarray) -> float:
    return float(np.abs(values).max()) / 127


def tflite(of: Net, integer: bool, path: Path, moved: bool = False) -> Path:
    """The file. `moved`: a RESHAPE between the layers, whose scale is `stated["moved"]`."""
    made = TfliteFile()
    kind = KINDS.INT8 if integer else KINDS.FLOAT32
    read = made.tensor("x", 1, _X, kind=kind, scales=[of.scale("x")])
    first, scale_of_first = read, of.scales[0]
    for place, (layer, name, size) in enumerate((("hidden", "hidden", _H), ("answer", "y", _Y))):
        out = made.tensor(f"net/{layer}/BiasAdd", 1, size, kind=kind, scales=[of.scale(name)])
        w, b = of.w[place], of.b[place]
        s = _weight_scale(w)
        held = of.stated.get(f"weights of {layer}", s)
        if integer:
            weights = made.tensor(f"net/{layer}/MatMul", *w.shape, values=_integers(w, s), scales=[held])
            step = scale_of_first * s
            bias = made.tensor(
                f"net/{layer}/bias", size, kind=KINDS.INT32, values=_integers(b, step, np.int32), scales=[step]
            )
        else:
            weights = made.tensor(f"net/{layer}/MatMul", *w.shape, kind=kind, values=w)
            bias = made.tensor(f"net/{layer}/bias", size, kind=kind, values=b)
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = schema.ActivationFunctionType.RELU if place == 0 else 0
        made.operator("FULLY_CONNECTED", [read, weights, bias], [out], options)
        read, scale_of_first = out, of.scales[1]
        if moved and place == 0:
            shape = made.tensor("shape", 2, kind=KINDS.INT32, values=np.array([1, _H], np.int32), scales=())
            read = made.tensor(
                "net/moved/Reshape", 1, _H, kind=kind, scales=[of.stated.get("moved", of.scale("hidden"))]
            )
            made.operator("RESHAPE", [out, shape], [read], schema.ReshapeOptionsT())
    path.write_bytes(made.content([first], [read]))
    return path


def onnx_file(of: Net, integer: bool, path: Path) -> Path:
    """The file, its nodes named as tf2onnx does."""
    nodes: list[Any] = []
    constants: list[Any] = []

    def store(name: str, values: Any, dtype: Any = np.float32) -> str:
        constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def quantized(name: str, key: str) -> str:
        """The tensor behind a pair; only what comes back states another scale."""
        zero = store(f"{name}_zero", 0, np.int8)
        to, back = store(f"{name}_scale", of.scales[("x", "hidden", "y").index(key)]), of.stated.get(key)
        after = to if back is None else store(f"{name}_back", back)
        nodes.append(helper.make_node("QuantizeLinear", [name, to, zero], [f"{name}_q"], f"{name}_QuantizeLinear"))
        nodes.append(
            helper.make_node("DequantizeLinear", [f"{name}_q", after, zero], [f"{name}_dq"], f"{name}_Dequantize")
        )
        return f"{name}_dq"

    def weights(name: str, values: np.ndarray, scale: float, kind: type, stated: float | None = None) -> str:
        if not integer:
            return store(name, values)
        held = [store(f"{name}_q", _integers(values, scale, kind), kind), store(f"{name}_s", stated or scale)]
        nodes.append(helper.make_node("DequantizeLinear", held, [f"{name}_dq"], f"{name}_dq"))
        return f"{name}_dq"

    read = quantized("x", "x") if integer else "x"
    for place, (layer, key) in enumerate((("hidden", "hidden"), ("answer", "y"))):
        s = _weight_scale(of.w[place])
        w = weights(f"net/{layer}/MatMul/w", of.w[place], s, np.int8, of.stated.get(f"weights of {layer}"))
        b = weights(f"net/{layer}/BiasAdd/b", of.b[place], of.scales[place] * s, np.int32)
        out = f"net/{layer}/BiasAdd:0"
        nodes.append(helper.make_node("Gemm", [read, w, b], [out], f"net/{layer}/BiasAdd", transB=1))
        if place == 0:
            nodes.append(helper.make_node("Relu", [out], ["net/hidden/Relu:0"], "net/hidden/Relu"))
            out = "net/hidden/Relu:0"
        read = quantized(out, key) if integer else out
    nodes[-1].output[0] = "y"
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", s]) for n, s in (("x", _X), ("y", _Y))]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path
