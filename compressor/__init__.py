"""Compress Keras models for the edge, export them for each device, and prove the result.

>>> import compressor
>>> report = compressor.run("digits_cnn", recipe="int8", targets=["host", "coral"])

Names are imported on first use, so that `import compressor` costs nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compressor.api import check, inspect, load_recipe, measure, run
    from compressor.errors import BadInput, CompressorError, MissingTool, StageFailed
    from compressor.limits import Limits
    from compressor.recipe import Recipe
    from compressor.regression_limits import RegressionLimits
    from compressor.report.comparison import Comparison
    from compressor.report.schema import Report
    from compressor.training.options import TrainingOptions
    from compressor.verbs.compare import compare
    from compressor.verbs.diagnose import diagnose
    from compressor.verbs.gate import gate
    from compressor.verbs.train import train

__version__ = "0.1.0"

# ONNX Runtime tells its maker names and hashes of the models it opens, and leaves files in the user's home, unless
# this is set before it is imported. Set to 0 by the user, it stays 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_HOME = {
    "BadInput": "compressor.errors",
    "Comparison": "compressor.report.comparison",
    "CompressorError": "compressor.errors",
    "Limits": "compressor.limits",
    "MissingTool": "compressor.errors",
    "Recipe": "compressor.recipe",
    "RegressionLimits": "compressor.regression_limits",
    "Report": "compressor.report.schema",
    "StageFailed": "compressor.errors",
    "TrainingOptions": "compressor.training.options",
    "check": "compressor.api",
    "compare": "compressor.verbs.compare",
    "diagnose": "compressor.verbs.diagnose",
    "gate": "compressor.verbs.gate",
    "inspect": "compressor.api",
    "load_recipe": "compressor.api",
    "measure": "compressor.api",
    "run": "compressor.api",
    "train": "compressor.verbs.train",
}

__all__ = [
    "BadInput",
    "Comparison",
    "CompressorError",
    "Limits",
    "MissingTool",
    "Recipe",
    "RegressionLimits",
    "Report",
    "StageFailed",
    "TrainingOptions",
    "check",
    "compare",
    "diagnose",
    "gate",
    "inspect",
    "load_recipe",
    "measure",
    "run",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'compressor' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
