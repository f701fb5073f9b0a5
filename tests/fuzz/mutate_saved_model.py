"""SavedModel folders spoiled, each as a zip of its files: messages of the graph, layers, variables."""

from __future__ import annotations

import io
import json
import random
import zipfile
from typing import Any

import mutate_bytes
import mutate_json
from mutate_protobuf import any_field

_GRAPH, _LAYERS = "saved_model.pb", "keras_metadata.pb"
_OPERATORS = (
    "ReadFile",
    "ImmutableConst",
    "PyFunc",
    "Conv2D",
    "MatMul",
    "Reshape",
    "Fill",
    "While",
    "Nonsense",
    "Abort",
)


def mutate(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    """A spoiled folder."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    name = rng.choice((_GRAPH, _GRAPH, *members))
    if rng.random() < 0.3:
        members[name], told = mutate_bytes.mutate(rng, members[name])
    elif name == _LAYERS:
        members[name], told = _layers(rng, members[name])
    elif name == _GRAPH:
        members[name], told = _graph(rng, members[name])
    else:
        told = "gone"
        del members[name]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for each, value in members.items():
            file.writestr(each, value)
    return packed.getvalue(), f"{name}: {told}"


def _graph(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    from tensorflow.core.protobuf import saved_model_pb2

    parsed = saved_model_pb2.SavedModel.FromString(content)
    told = []
    for _ in range(rng.choice((1, 1, 2, 4))):
        nodes = [node for meta in parsed.meta_graphs for each in _graphs(meta) for node in each]
        if nodes and rng.random() < 0.6:
            node = rng.choice(nodes)
            if rng.random() < 0.3:
                node.op = rng.choice(_OPERATORS)
            told.append(any_field(rng, node))
        else:
            told.append(any_field(rng, parsed))
    return parsed.SerializeToString(), "; ".join(told)


def _graphs(meta: Any) -> list[Any]:
    return [meta.graph_def.node, *(function.node_def for function in meta.graph_def.library.function)]


def _layers(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    from tf_keras.protobuf import saved_metadata_pb2

    parsed = saved_metadata_pb2.SavedMetadata.FromString(content)
    root = next(node for node in parsed.nodes if node.node_id == 0)
    config, told = mutate_json.mutate(rng, json.loads(root.metadata))
    root.metadata = json.dumps(config).encode(errors="replace").decode()
    return parsed.SerializeToString(), told
