"""A small ONNX model as a file."""

from __future__ import annotations

from pathlib import Path

import onnx

TEXT = """<ir_version: 9, opset_import: ["" : OPSET]>
net (float[BATCH,3,SIZE,8] x) => (float[BATCH,4] y)
<float[8,3,3,3] w1 = {W1}, float[4,8] w2 = {W2}, float[4] b = {1,2,3,4}, int64[2] shape = {-1,8}>
{
  c = Conv <pads = [1,1,1,1], strides = [STRIDE,STRIDE]> (x, w1)
  r = ACTIVATION (c)
  g = GlobalAveragePool (r)
  f = Reshape (g, shape)
  d = Gemm <transB = 1> (f, w2, b)
  y = Softmax (d)
}
"""
NAMES = ["first/Conv", "first/Relu", "pool/GlobalAveragePool", "flat/Reshape", "last/Gemm", "soft/Softmax"]
FIRST, LAST = 8 * 8 * 8 * 27, 32


def saved(folder: Path, **changes: str | int) -> Path:
    """Conv, Relu, pool, Reshape, Gemm, Softmax: FIRST and LAST multiply-accumulates."""
    numbers = {"w1": ",".join(["0.5"] * 216), "w2": ",".join(["0.25"] * 32)}
    usual = {"opset": 17, "batch": 1, "size": 8, "stride": 1, "activation": "Relu"}
    text = TEXT
    for name, value in (usual | numbers | changes).items():
        text = text.replace(name.upper(), str(value))
    model = onnx.parser.parse_model(text)
    for node, name in zip(model.graph.node, NAMES, strict=True):
        node.name = f"/net/{name}"
    onnx.save(model, folder / "m.onnx")
    return folder / "m.onnx"
