"""SavedModel folders: with layers, as a graph, and as a program that must not be run."""

from __future__ import annotations

import json

import numpy as np
import pytest

from compressor import model_files
from compressor.errors import BadInput
from compressor.values import Entry, Split

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def tf():
    """TensorFlow, seeded."""
    import tensorflow as tf
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    return tf


def _residual(keras):
    layers = keras.layers
    image = layers.Input((8, 8, 1), name="image")
    start = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", activation="relu")(image))
    joined = layers.Add()([start, layers.Conv2D(4, 3, padding="same")(start)])
    return keras.Model(image, layers.Dense(3, "softmax")(layers.GlobalAveragePooling2D()(joined)))


def _same(network, model):
    (spec,) = network.inputs
    images = np.random.default_rng(0).normal(size=(5, 8, 8, 1)).astype(np.float32)
    (found,) = network.answers(Split({spec.name: images})).values()
    np.testing.assert_allclose(found, np.asarray(model(images)), rtol=1e-5, atol=1e-6)


def test_folder_of_keras_2_comes_with_its_layers(tf, tmp_path):
    import tf_keras

    model = _residual(tf_keras)
    model.save(tmp_path / "saved", save_format="tf")
    loaded = model_files.load(tmp_path / "saved")
    assert [layer.name for layer in loaded.model.layers] == [layer.name for layer in model.layers]
    assert model_files.reader(tmp_path / "saved").entry(tmp_path / "saved") is Entry.KERAS
    _same(loaded.network, model)


@pytest.mark.parametrize("framework", ["keras", "tf_keras"])
def test_exported_folder_comes_as_a_graph(framework, tf, tmp_path):
    import importlib

    model = _residual(importlib.import_module(framework))
    model.export(str(tmp_path / "exported"))
    loaded = model_files.load(tmp_path / "exported")
    assert loaded.model is None
    assert "without Keras layers" in loaded.limitation
    assert model_files.reader(tmp_path / "exported").entry(tmp_path / "exported") is Entry.GRAPH
    _same(loaded.network, model)


def test_folder_with_a_layer_of_its_own_comes_as_a_graph_that_says_so(tf, tmp_path):
    import tf_keras

    class Twice(tf_keras.layers.Layer):
        def call(self, x):
            return 2 * x

    model = tf_keras.Sequential([tf_keras.layers.Input((8, 8, 1)), Twice(name="own"), tf_keras.layers.Flatten()])
    model.save(tmp_path / "saved", save_format="tf")
    loaded = model_files.load(tmp_path / "saved")
    assert loaded.model is None
    assert "layer 'own' is of the class" in loaded.limitation
    _same(loaded.network, model)
    custom = model_files.load(tmp_path / "saved", {"Twice": Twice})
    assert isinstance(custom.model.layers[0], Twice)


def _program(tf, folder, harm, where):
    """A SavedModel that would do `harm` when it is loaded, or when it is called directly or through a function."""

    class Program(tf.Module):
        def __init__(self):
            super().__init__()
            self.kept = tf.Variable(1.0)

        @tf.function
        def inner(self, x):
            with tf.control_dependencies([harm()] if where == "inner" else []):
                return tf.identity(x)

        @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32)])
        def serve(self, x):
            if where == "branch":
                x = tf.cond(
                    tf.reduce_sum(x) > 0, lambda: tf.identity(x) * tf.cast(tf.size(harm()), tf.float32), lambda: x
                )
            with tf.control_dependencies([harm()] if where == "called" else []):
                return {"y": self.inner(x) * self.kept}

    program = Program()
    tf.saved_model.save(program, str(folder), signatures={"serving_default": program.serve})


@pytest.mark.parametrize("where", ["called", "inner", "branch"])
@pytest.mark.parametrize("kind", ["write", "read", "mapped", "python"])
def test_program_that_reaches_outside_is_refused_unrun(kind, where, tf, tmp_path):
    marker = tmp_path / "marker"

    def harm():
        if kind == "write":
            with tf.control_dependencies([tf.io.write_file(str(marker), "x")]):
                return tf.constant([1.0])
        if kind == "read":
            return tf.io.read_file("/etc/hostname")
        if kind == "mapped":
            return tf.raw_ops.ImmutableConst(dtype=tf.uint8, shape=[1], memory_region_name="/etc/hostname")
        return tf.numpy_function(lambda: marker.write_text("x"), [], tf.int64)

    _program(tf, tmp_path / "program", harm, where)
    marker.unlink(missing_ok=True)
    with pytest.raises(BadInput, match="may do more than compute"):
        model_files.load(tmp_path / "program")
    assert not marker.exists()


def test_initializer_that_writes_is_refused_unrun(tf, tmp_path):
    marker = tmp_path / "marker"
    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        x = tf.compat.v1.placeholder(tf.float32, (None, 4))
        harm = tf.io.write_file(str(marker), "x")
        builder = tf.compat.v1.saved_model.Builder(str(tmp_path / "program"))
        signature = tf.compat.v1.saved_model.predict_signature_def({"x": x}, {"y": x * 2})
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature}, main_op=harm)
        builder.save()
    with pytest.raises(BadInput, match="'WriteFile'"):
        model_files.load(tmp_path / "program")
    assert not marker.exists()


@pytest.fixture
def tensorflow_1(tf, tmp_path):
    """A folder of TensorFlow 1 with a variable, after `change(meta_graph)`; writing to `marker` lies unused in it."""
    from tensorflow.core.protobuf import saved_model_pb2

    def write(change=lambda _: None):
        graph = tf.Graph()
        with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
            x = tf.compat.v1.placeholder(tf.float32, (None, 3), name="x")
            weights = tf.compat.v1.get_variable("weights", initializer=tf.ones((3, 2)), use_resource=True)
            tf.io.write_file(str(tmp_path / "marker"), "x", name="harm")
            session.run(weights.initializer)
            builder = tf.compat.v1.saved_model.Builder(str(tmp_path / "one"))
            signature = tf.compat.v1.saved_model.predict_signature_def({"x": x}, {"y": x @ weights})
            builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
            builder.save()
        path = tmp_path / "one" / "saved_model.pb"
        parsed = saved_model_pb2.SavedModel.FromString(path.read_bytes())
        change(parsed.meta_graphs[0])
        path.write_bytes(parsed.SerializeToString())
        return tmp_path / "one"

    return write


def _nodes(meta_graph):
    return {node.name: node for node in meta_graph.graph_def.node}


def test_folder_of_tensorflow_1_is_let_through(tensorflow_1):
    network = model_files.load(tensorflow_1()).network
    (found,) = network.answers(Split({"x": np.ones((2, 3), np.float32)})).values()
    np.testing.assert_array_equal(found, np.full((2, 2), 3))


def test_restoring_that_writes_is_refused_unrun(tensorflow_1, tmp_path):
    def change(meta_graph):
        _nodes(meta_graph)[meta_graph.saver_def.restore_op_name].input.append("^harm")

    with pytest.raises(BadInput, match="'WriteFile'"):
        model_files.load(tensorflow_1(change))
    assert not (tmp_path / "marker").exists()


def test_restoring_from_another_file_is_refused(tensorflow_1):
    def change(meta_graph):
        other = meta_graph.graph_def.node.add()
        other.CopyFrom(_nodes(meta_graph)["save/Const"])
        other.name = "elsewhere"
        _nodes(meta_graph)["save/RestoreV2"].input[0] = "elsewhere"

    with pytest.raises(BadInput, match="'save/RestoreV2' reads weights from another file"):
        model_files.load(tensorflow_1(change))


def test_layers_that_wait_for_one_another_come_as_a_graph(tf, tmp_path):
    import tf_keras
    from tf_keras.protobuf import saved_metadata_pb2

    _residual(tf_keras).save(tmp_path / "saved", save_format="tf")
    path = tmp_path / "saved" / "keras_metadata.pb"
    metadata = saved_metadata_pb2.SavedMetadata.FromString(path.read_bytes())
    root = next(node for node in metadata.nodes if node.node_id == 0)
    content = json.loads(root.metadata)
    layer = content["config"]["layers"][-1]
    layer["inbound_nodes"][0][0][0] = layer["name"]
    root.metadata = json.dumps(content)
    path.write_bytes(metadata.SerializeToString())
    loaded = model_files.load(tmp_path / "saved")
    assert "waits for a result that no layer makes before it" in loaded.limitation


def test_harmless_program_is_let_through(tf, tmp_path):
    _program(tf, tmp_path / "program", lambda: tf.constant([1.0]), "branch")
    network = model_files.load(tmp_path / "program").network
    (found,) = network.answers(Split({"x": np.ones((2, 4), np.float32)})).values()
    np.testing.assert_array_equal(found, np.ones((2, 4)))


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x08\x01"])
def test_folder_that_is_no_saved_model_is_refused(content, tf, tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(BadInput, match="cannot be read as a SavedModel"):
        model_files.load(tmp_path)


def test_checkpoint_is_told_to_be_out_of_scope(tmp_path):
    (tmp_path / "checkpoint").write_text("model_checkpoint_path: 'ckpt-1'")
    with pytest.raises(BadInput, match=r"tf\.train checkpoints hold no network"):
        model_files.reader(tmp_path)
