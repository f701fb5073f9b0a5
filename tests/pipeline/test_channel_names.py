"""Channel pruning of layers that share a name or are called in several ways: each is told from all others."""

from __future__ import annotations

import numpy as np
import pytest

from compressor import steps
from compressor.channel_pruning import flow, groups, sensitivity, surgery
from compressor.errors import BadInput
from compressor.steps import Workpiece
from compressor.training import Trainer
from compressor.values import Dataset, Split

pytestmark = pytest.mark.tensorflow


@pytest.fixture(autouse=True)
def _seeded():
    import tf_keras

    tf_keras.utils.set_random_seed(0)


def _samples(model, count=8):
    random = np.random.default_rng(0)
    return [random.normal(size=(count, *each.shape[1:])).astype(np.float32) for each in model.inputs]


def _answers(model, samples):
    return model(samples if len(samples) > 1 else samples[0], training=False).numpy()


def _pruned(model, **settings):
    step = steps.load("channel_prune")
    names = [each.name for each in model.inputs]
    split = Split(dict(zip(names, _samples(model), strict=True)))
    trainer = Trainer(Dataset("random", "generated", split, split))
    result = step.apply(Workpiece(model), step.settings(**{"epochs": 0, **settings}), trainer)
    return result.model, result.facts[0]


def _silence(layer, count):
    kernel, bias = layer.get_weights()
    kernel[:, :count], bias[:count] = 0, 0
    layer.set_weights([kernel, bias])


def _tower(name, units):
    from tf_keras import Model, layers

    inputs = layers.Input((8,))
    hidden = layers.Dense(units, "relu", name="fc1")(inputs)
    return Model(inputs, layers.Dense(6, "relu", name="fc2")(hidden), name=name)


def _twins(units, dead):
    """Two towers made by one function, with dead units in each `fc1`."""
    from tf_keras import Model, layers

    towers = [_tower(name, count) for name, count in zip(("left_tower", "right_tower"), units, strict=True)]
    for tower, count in zip(towers, dead, strict=True):
        _silence(tower.get_layer("fc1"), count)
    inputs = [layers.Input((8,), name=name) for name in ("left", "right")]
    joined = layers.Concatenate()([tower(each) for tower, each in zip(towers, inputs, strict=True)])
    return Model(inputs, layers.Dense(1, name="score")(joined))


def test_layers_of_one_name_in_two_models_shrink_each_for_itself():
    model = _twins((6, 64), (0, 54))
    smaller, facts = _pruned(model, keep={"channels": 0.1})
    widths = {"left_tower/fc1": [6, 1], "left_tower/fc2": [6, 1], "right_tower/fc1": [64, 6], "right_tower/fc2": [6, 1]}
    assert facts["channels"] == widths
    assert facts["stays"] == {"score": "is an output of the model"}
    assert [each.output_shape[-1] for each in smaller.layers if hasattr(each, "layers")] == [1, 1]


def test_dead_units_of_one_twin_leave_and_nothing_changes():
    model = _twins((8, 8), (0, 6))
    samples = _samples(model)
    smaller, facts = _pruned(model, keep={"channels": 0.25}, layers=["right_tower/fc1"])
    assert facts["channels"] == {"right_tower/fc1": [8, 2]}
    np.testing.assert_allclose(_answers(smaller, samples), _answers(model, samples), atol=1e-5, rtol=0)


def test_a_layer_of_a_model_inside_may_be_called_as_one_outside():
    from tf_keras import Model, layers

    inside = layers.Input((8,))
    encoder = Model(inside, layers.Dense(12, "relu", name="dense")(inside), name="encoder")
    inputs = layers.Input((8,), name="x")
    model = Model(inputs, layers.Dense(3, name="answer")(layers.Dense(10, "relu", name="dense")(encoder(inputs))))
    smaller, facts = _pruned(model, keep={"channels": 0.5})
    assert facts["channels"] == {"encoder/dense": [12, 6], "dense": [10, 5]}
    assert smaller.get_layer("encoder").output_shape == (None, 6)


def _with_a_backbone():
    from tf_keras import Model, Sequential, layers

    inside = layers.Input((8, 8, 3))
    first = layers.Conv2D(8, 3, activation="relu", name="conv_1")(inside)
    backbone = Model(inside, layers.Conv2D(8, 3, activation="relu", name="conv_2")(first), name="backbone")
    head = [layers.GlobalAveragePooling2D(), layers.Dense(8, "relu", name="fc"), layers.Dense(3, name="answer")]
    return Sequential([layers.Input((8, 8, 3)), backbone, *head])


@pytest.mark.parametrize(
    ("chosen", "shrinks"),
    [
        ({"skip": ["backbone"]}, ["fc"]),
        ({"layers": ["fc"]}, ["fc"]),
        ({"layers": ["backbone"]}, ["backbone/conv_1", "backbone/conv_2"]),
        ({"skip": ["backbone/conv_1"]}, ["backbone/conv_2", "fc"]),
        ({"layers": ["conv_*"], "skip": ["conv_2"]}, ["backbone/conv_1"]),
    ],
)
def test_patterns_reach_into_models(chosen, shrinks):
    _, facts = _pruned(_with_a_backbone(), keep={"channels": 0.5}, **chosen)
    assert facts["channels"] == {name: [8, 4] for name in shrinks}


def test_a_pattern_that_is_meant_for_no_layer_is_refused():
    with pytest.raises(BadInput, match=r"\(channel_prune\) is called 'backbone/conv'; did you mean 'backbone/conv_"):
        _pruned(_with_a_backbone(), keep={"channels": 0.5}, skip=["backbone/conv"])


def test_a_layer_of_several_models_is_left_out_by_each_of_its_paths():
    from tf_keras import Model, layers

    shared, inputs = layers.Dense(8, "relu", name="shared"), layers.Input((8,))
    made = inputs
    for name in ("one", "other"):
        inside = layers.Input((8,))
        made = Model(inside, shared(inside), name=name)(made)
    model = Model(inputs, layers.Dense(3, name="answer")(layers.Dense(8, "relu", name="fc")(made)))
    _, facts = _pruned(model, keep={"channels": 0.5}, skip=["other"])
    assert facts["channels"] == {"fc": [8, 4]}


def _convolutions(count):
    from tf_keras import layers

    return [layers.Conv2D(8, 3, padding="same", activation="relu", name=f"conv_{at}") for at in range(count)]


def _joined(join):
    """One layer that joins two tensors, then three."""
    from tf_keras import Model, layers

    inputs, (first, second, third) = layers.Input((6, 6, 3)), _convolutions(3)
    one = first(inputs)
    other = second(one)
    last = third(join([one, other]))
    pooled = layers.GlobalMaxPooling2D()(join([one, other, last]))
    return Model(inputs, layers.Dense(3, name="answer")(pooled))


def _reshaped():
    """One layer that lays out tensors of several widths."""
    from tf_keras import Model, layers

    inputs, line = layers.Input((4, 4, 3)), layers.Reshape((-1,))
    one = layers.Conv2D(6, 3, name="conv_0")(inputs)
    other = layers.Conv2D(5, 2, name="conv_1")(inputs)
    return Model(inputs, layers.Dense(3, name="answer")(layers.Concatenate()([line(one), line(other)])))


def _activated():
    """One activation behind layers of the same width."""
    from tf_keras import Model, layers

    tensor = inputs = layers.Input((8,))
    activation = layers.ReLU()
    for at in range(3):
        tensor = activation(layers.Dense(8, name=f"fc_{at}")(tensor))
    return Model(inputs, layers.Dense(3, name="answer")(tensor))


def _networks():
    from tf_keras import layers

    return {
        "concatenated": _joined(layers.Concatenate()),
        "added": _joined(layers.Add()),
        "reshaped": _reshaped(),
        "activated": _activated(),
    }


@pytest.mark.parametrize(
    ("name", "free"), [("concatenated", 3 * 8), ("added", 8), ("reshaped", 6 + 5), ("activated", 3 * 8)]
)
def test_a_layer_without_weights_ties_no_channels_of_its_calls(name, free):
    model = _networks()[name]
    traced, samples = flow.trace(model), _samples(model)
    found = groups.groups(traced)
    assert sum(len(each.sets) for each in found) == free
    fallen = np.concatenate([each.sets[at % 2 :: 2] for at, each in enumerate(found)])
    with sensitivity.silenced(traced, fallen):
        smaller = surgery.without(model, traced, set(fallen.tolist()))
        np.testing.assert_allclose(_answers(smaller, samples), _answers(model, samples), atol=1e-5, rtol=0)
    assert smaller.count_params() < model.count_params()


def test_a_layer_with_weights_that_is_called_with_more_tensors_stays():
    from tf_keras import Model, layers

    inputs, memory = layers.Input((5, 3)), layers.LSTM(6, return_state=True, name="memory")
    state = memory(inputs)[1:]
    again = memory(inputs, initial_state=state)[0]
    model = Model(inputs, layers.Dense(2, name="answer")(layers.Dense(8, "relu", name="fc")(again)))
    smaller, facts = _pruned(model, keep={"channels": 0.5})
    assert facts["channels"] == {"fc": [8, 4]}
    assert facts["stays"]["memory"] == "memory (LSTM) is called with different numbers of tensors"
    assert smaller.output_shape == model.output_shape


def test_a_softmax_inside_keeps_its_channels_and_what_it_gates():
    from tf_keras import Model, layers

    inputs = layers.Input((8,))
    made = layers.Dense(8, "relu", name="fc")(layers.Dense(10, "relu", name="before")(inputs))
    gated = layers.Multiply()([made, layers.Dense(8, "softmax", name="gate")(made)])
    _, facts = _pruned(Model(inputs, layers.Dense(3, "softmax", name="answer")(gated)), keep={"channels": 0.5})
    reason = "gate (Dense) answers with softmax, which hangs on all channels at once"
    assert facts["channels"] == {"before": [10, 5]}
    assert facts["stays"] == {"fc": reason, "gate": reason, "answer": "is an output of the model"}


def test_layers_that_are_not_followed_are_named():
    from tf_keras import Model, layers

    inputs = layers.Input((6, 4))
    attended = layers.MultiHeadAttention(2, 4, name="attention")(inputs, inputs)
    made = layers.TimeDistributed(layers.Dense(5, "relu"), name="spread")(layers.LayerNormalization()(attended))
    hidden = layers.Dense(8, "relu", name="fc")(layers.Flatten()(made))
    _, facts = _pruned(Model(inputs, layers.Dense(3, name="answer")(hidden)), keep={"channels": 0.5})
    assert facts["channels"] == {"fc": [8, 4]}
    assert facts["stays"] == {
        "answer": "is an output of the model",
        **dict.fromkeys(("attention", "spread"), "is of a kind whose channels are not followed"),
    }
