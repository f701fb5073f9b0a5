"""SavedModel folders: of Keras 2 or tf_keras with their layers, of anything else as a plain graph."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.bridge import keras_2_config
from compressor.errors import BadInput
from compressor.file_checks import call_order_check, class_check, graph_check
from compressor.model_files import Loaded, ModelFile
from compressor.networks.tensorflow_network import TensorFlowNetwork, unique
from compressor.values import Entry, TensorSpec

if TYPE_CHECKING:
    import tf_keras

_METADATA, _SIGNATURE = "keras_metadata.pb", "serving_default"
_FROM_GRAPH = "it is a SavedModel without Keras layers that could be made again"


def read(path: Path, known: Mapping[str, Any]) -> Loaded:
    """The Keras model by its configuration and weights where the folder has them, else the serving signature.

    Raises:
        BadInput: the folder is corrupted, its graph does more than compute, or it has no signature to serve.
    """
    graph_check.check(path)
    if not (path / _METADATA).is_file():
        return Loaded(network=_network(path), limitation=_FROM_GRAPH)
    try:
        return Loaded(_rebuilt(path, known))
    except BadInput as error:
        return Loaded(network=_network(path), limitation=str(error))


def entry(path: Path) -> Entry:
    """As layers when Keras 2 left its metadata, else as a graph; nothing is read."""
    return Entry.KERAS if (path / _METADATA).is_file() else Entry.GRAPH


def _rebuilt(path: Path, known: Mapping[str, Any]) -> tf_keras.Model:
    import tf_keras

    config = keras_2_config.repaired(_config(path))
    class_check.check(path, config, known)
    call_order_check.check(path, config)
    try:
        model = tf_keras.models.model_from_json(json.dumps(config), custom_objects=dict(known))
        model.load_weights(str(path / "variables" / "variables")).assert_existing_objects_matched().expect_partial()
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise BadInput(f"{path} cannot be rebuilt from its layers: {type(error).__name__}: {reason}") from None
    if not model.built or not getattr(model, "inputs", None):
        raise BadInput(f"{path} states no input shape")
    return model


def _config(path: Path) -> dict[str, Any]:
    from google.protobuf.message import DecodeError
    from tf_keras.protobuf import saved_metadata_pb2

    metadata = saved_metadata_pb2.SavedMetadata()
    try:
        metadata.ParseFromString((path / _METADATA).read_bytes())
        root = next(json.loads(node.metadata) for node in metadata.nodes if node.node_id == 0)
        return {"class_name": root["class_name"], "config": root["config"]}
    except (DecodeError, OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise BadInput(f"{path}: {_METADATA} does not describe a model: {type(error).__name__}: {error}") from None


def _network(path: Path) -> TensorFlowNetwork:
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise BadInput(f"{path} cannot be loaded by TensorFlow {tf.__version__}: {reason}") from None
    if _SIGNATURE not in loaded.signatures:
        raise BadInput(
            f"{path} has no signature '{_SIGNATURE}'",
            received=", ".join(loaded.signatures) or "no signature",
            fix="export it with model.export(folder)",
        )
    signature = loaded.signatures[_SIGNATURE]
    given, results = signature.structured_input_signature[1], signature.structured_outputs
    for name, spec in (given | results).items():
        if spec.shape.rank is None or spec.shape.rank == 0:
            raise BadInput(f"{path}: '{name}' has no shape with a batch axis", received=str(spec.shape))

    def call(tensors: list[Any]) -> list[Any]:
        answers = signature(**dict(zip(given, tensors, strict=True)))
        return [answers[name] for name in results]

    return TensorFlowNetwork(call, _specs(given), _specs(results), {v.name: v for v in signature.variables}, loaded)


def _specs(tensors: Mapping[str, Any]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(name, (None, *spec.shape.as_list()[1:]), spec.dtype.name)
        for name, spec in zip(unique(list(tensors)), tensors.values(), strict=True)
    )


MODEL_FILE = ModelFile(
    summary="SavedModel folder: of Keras 2 with layers, of Keras 3 and others as a graph",
    suffixes=(),
    read=read,
    folder_with="saved_model.pb",
    entry=entry,
)
