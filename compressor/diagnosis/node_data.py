"""Node data for Google's Model Explorer: a file of values that colour the operators of a graph.

The format is that of its `node_data_builder` (github.com/google-ai-edge/model-explorer): by graph, `results` with a
value per output tensor, and a `gradient` of colours from the smallest value (stop 0) to the largest (stop 1).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from compressor.diagnosis.opened import INPUT
from compressor.files import write_text
from compressor.report.evidence import LayersPart

_GRADIENT = ({"stop": 0, "bgColor": "#ffffff"}, {"stop": 0.5, "bgColor": "#fdae61"}, {"stop": 1, "bgColor": "#d7191c"})
_UNNAMED = "main"


def node_data(part: LayersPart, graph: str) -> dict[str, Any]:
    """What each operator introduces, in percent of its tensor; its error where it could not be run alone.

    Args:
        graph: name of the graph in the file; Model Explorer calls one without a name `main`.
    """
    results = {
        each.tensor: {"value": round(100 * (each.error if each.introduced is None else each.introduced), 6)}
        for each in part.layers
        if each.op != INPUT
    }
    return {graph or _UNNAMED: {"results": results, "gradient": list(_GRADIENT)}}


def write(part: LayersPart, graph: str, path: Path) -> None:
    """Write the file whole, or not at all."""
    write_text(path, json.dumps(node_data(part, graph), indent=2) + "\n")
