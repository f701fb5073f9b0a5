"""Int8 ONNX files whose products need sums of 32 bits, as TensorRT makes them: said in the file, heeded wherever it
runs.

On processors without VNNI, ONNX Runtime adds products of eight-bit weights in pairs of 16 bits, which overflow: the
file would be judged by an arithmetic that its device does not have. `session.x64quantprecision` makes the sums wide
there, and changes nothing elsewhere (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx

_KEY, _VALUE = "compressor.sums", "int32"


def mark(model: onnx.ModelProto) -> None:
    """Say in the file that its sums have 32 bits, in place."""
    entry = model.metadata_props.add()
    entry.key, entry.value = _KEY, _VALUE


def marked(metadata: Mapping[str, str]) -> bool:
    """True for the metadata of a file that says so."""
    return metadata.get(_KEY) == _VALUE


def heed(options: Any) -> None:
    """Change these `onnxruntime.SessionOptions`, in place."""
    options.add_session_config_entry("session.x64quantprecision", "1")
