"""Configurations of older Keras 2 made fit for today's tf_keras."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.bridge import keras_2_config

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
)


@given(PLAIN)
def test_what_needs_no_repair_is_left_as_it_is(config):
    assert keras_2_config.repaired(config) == config


def test_mixed_policy_becomes_the_dtype_of_the_weights():
    config = {"dtype": {"class_name": "Policy", "config": {"name": "mixed_float16"}}, "list": ["mixed_bfloat16"]}
    found = keras_2_config.repaired(config)
    assert found == {"dtype": {"class_name": "Policy", "config": {"name": "float32"}}, "list": ["float32"]}


def test_layers_of_tensorflow_1_get_their_names_of_today():
    found = keras_2_config.repaired([{"class_name": "CuDNNGRU", "config": {"units": 3}}])
    assert found[0]["class_name"] == "GRU"
    assert found[0]["config"] == {
        **{"units": 3, "activation": "tanh", "recurrent_activation": "sigmoid", "reset_after": True}
    }
    found = keras_2_config.repaired({"class_name": "BatchNormalizationV1", "config": {}})
    assert found["class_name"] == "BatchNormalization"


def test_input_shape_is_called_as_tf_keras_calls_it():
    found = keras_2_config.repaired({"class_name": "InputLayer", "config": {"batch_shape": [None, 4], "name": "x"}})
    assert found["config"] == {"batch_input_shape": [None, 4], "name": "x"}


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        ("mse", "mse"),
        ("MeanAbsoluteError", "mean_absolute_error"),
        (["mae"], "mae"),
        ({"class_name": "SparseCategoricalCrossentropy", "config": {}}, "sparse_categorical_crossentropy"),
        ({"module": "builtins", "class_name": "function", "config": "mean_absolute_error"}, "mean_absolute_error"),
        (["mae", "mse"], None),
        ({"a": "mae"}, None),
        ("os.system('x')", None),
        (None, None),
        (3, None),
    ],
)
def test_loss_is_told_by_its_name(loss, name):
    assert keras_2_config.loss_name(json.dumps({"loss": loss})) == name


@pytest.mark.parametrize("text", [None, "", "[1]", "{", "null"])
def test_training_configuration_that_cannot_be_read_tells_no_loss(text):
    assert keras_2_config.loss_name(text) is None
