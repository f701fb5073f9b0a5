"""Makes the `.onnx` files beside it with PyTorch, which the tests themselves do not need.

Usage: python tests/data/make_torch_onnx.py   (after: pip install torch==2.13.0 onnx onnxscript)
"""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from torch import nn

HERE = Path(__file__).parent


class Residual(nn.Module):
    """Convolutions with a shortcut and a classifier for 8×8 grey images."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.second, self.last = nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8 * 4 * 4, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of 10 classes."""
        x = torch.relu(self.norm(self.first(x)))
        x = nn.functional.max_pool2d(x + torch.relu(self.second(x)), 2)
        return self.last(x.flatten(1))


def main() -> None:
    """Write one file per exporter: the new one with any batch, the old one with an old opset and its dotted names."""
    torch.manual_seed(0)
    model, sample = Residual().eval(), torch.zeros(1, 1, 8, 8)
    torch.onnx.export(
        model,
        (sample,),
        HERE / "torch_residual.onnx",
        external_data=False,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        input_names=["image"],
        output_names=["logits"],
    )
    torch.onnx.export(
        model, (sample,), HERE / "torch_residual_opset11.onnx", dynamo=False, opset_version=11, input_names=["input.1"]
    )

    for path in HERE.glob("*.onnx"):
        # The exporters write down where each operator's code lies.
        exported = onnx.load(path)
        for part in (exported, exported.graph, *exported.graph.node, *exported.graph.value_info):
            part.ClearField("metadata_props")
            part.ClearField("doc_string")
        onnx.save(exported, path)


if __name__ == "__main__":
    main()
