"""Channel pruning: dead channels go and nothing changes; what is tied goes together; budgets are kept."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from random_networks import BLOCKS, network

from compressor import steps
from compressor.channel_pruning import amounts, cost, flow, groups, importance, sensitivity, surgery
from compressor.errors import BadInput
from compressor.steps import Workpiece
from compressor.training import Trainer
from compressor.values import Dataset, Precision, Split

pytestmark = pytest.mark.tensorflow
NOTHING = np.array([], np.int64)


def _samples(model, count=4, seed=0):
    return np.random.default_rng(seed).normal(size=(count, *model.input_shape[1:])).astype(np.float32)


@contextmanager
def _dead(model, share, seed):
    """Let a share of each group be dead meanwhile, and say which sets of channels these are."""
    traced = flow.trace(model)
    random = np.random.default_rng(seed)
    chosen = [random.choice(each.sets, int(len(each.sets) * share), replace=False) for each in groups.groups(traced)]
    fallen = np.concatenate(chosen).astype(np.int64)
    for each in traced.layers.values():
        if type(each.layer).__name__ == "BatchNormalization":
            gone = np.isin(traced.channels.sets(each.outputs[0]), fallen)
            for name in ("beta", "moving_mean"):
                values = getattr(each.layer, name).numpy()
                getattr(each.layer, name).assign(np.where(gone, 0, values))
    with sensitivity.silenced(traced, fallen):
        yield traced, fallen


@settings(max_examples=12, deadline=None, derandomize=True, phases=[Phase.generate])
@given(
    blocks=st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=4),
    head=st.sampled_from(["pooled", "flat", "sequence"]),
    share=st.sampled_from([0.3, 0.6]),
    seed=st.integers(0, 2**20),
)
def test_a_model_without_its_dead_channels_answers_the_same(blocks, head, share, seed):
    model = network(blocks, head, seed)
    samples = _samples(model)
    with _dead(model, share, seed) as (traced, fallen):
        smaller = surgery.without(model, traced, set(fallen.tolist()))
        np.testing.assert_allclose(smaller(samples).numpy(), model(samples).numpy(), atol=1e-5, rtol=0)
    assert smaller.count_params() < model.count_params()
    assert smaller.count_params() == cost.counter(traced)(fallen).parameters


@pytest.mark.parametrize("name", ["MobileNetV2", "ResNet50", "EfficientNetB0", "DenseNet121"])
def test_networks_of_keras_applications_shrink_and_answer_the_same(name):
    import tf_keras

    model = getattr(tf_keras.applications, name)(weights=None, input_shape=(64, 64, 3), classifier_activation=None)
    samples = _samples(model, 2)
    with _dead(model, 0.5, 0) as (traced, fallen):
        smaller = surgery.without(model, traced, set(fallen.tolist()))
        before, after = model(samples, training=False).numpy(), smaller(samples, training=False).numpy()
    assert np.abs(after - before).max() <= 1e-5 * max(1.0, np.abs(before).max())
    assert smaller.count_params() < 0.5 * model.count_params()
    assert list(groups.staying(traced)) == ["predictions"]


def _dataset(model, count=64):
    random = np.random.default_rng(1)
    inputs = {"x": random.normal(size=(count, *model.input_shape[1:])).astype(np.float32)}
    split = Split(inputs, random.integers(0, model.output_shape[-1], count))
    return Dataset("random", "generated", split, split, split)


def _pruned(model, **settings):
    step = steps.load("channel_prune")
    chosen = step.settings(**{"epochs": 0, **settings})
    return step.apply(Workpiece(model), chosen, Trainer(_dataset(model)))


@pytest.mark.parametrize("criterion", ["l1", "l2", "gamma", "taylor"])
def test_a_share_of_every_layer_goes_and_the_outputs_stay(criterion):
    model = network(["residual", "dense", "squeeze"], "flat", 0)
    result = _pruned(model, keep={"channels": 0.5}, importance=criterion)
    facts = result.facts[0]
    assert result.model.output_shape == model.output_shape
    assert facts["parameters"] == [model.count_params(), result.model.count_params()]
    # A layer whose channels are tied to those of three others is rounded three times.
    assert all(abs(after - before / 2) <= 1.5 for before, after in facts["channels"].values())
    assert len(facts["stays"]) == 1
    assert next(iter(facts["stays"].values())) == "is an output of the model"


@pytest.mark.parametrize("budget", ["macs", "parameters"])
@pytest.mark.parametrize("left", [0.3, 0.7])
def test_a_budget_is_kept_and_not_undercut_by_much(budget, left):
    model = network(["projected", "depthwise", "separable", "nested"], "pooled", 1)
    before, after = _pruned(model, keep={budget: left}).facts[0][budget]
    assert 0.8 * left <= after / before <= left


@pytest.mark.parametrize(
    ("precision", "each", "budget"), [(Precision.FLOAT32, (4, 4), 3000), (Precision.INT8, (1, 4), 1000)]
)
def test_a_budget_of_bytes_is_kept_in_the_precision_that_is_written(precision, each, budget):
    model = network(["projected", "depthwise"], "pooled", 6)
    step = steps.load("channel_prune")
    chosen = step.settings(keep={"bytes": budget}, epochs=0)
    result = step.apply(Workpiece(model, precision=precision), chosen, Trainer(_dataset(model)))
    normalizations = [layer for layer in result.model.layers if hasattr(layer, "gamma")]
    weights = [weight for layer in result.model.layers if layer not in normalizations for weight in layer.get_weights()]
    weights += [layer.get_weights()[1] for layer in normalizations]
    counted = sum(each[weight.ndim == 1] * weight.size for weight in weights)
    assert result.facts[0]["bytes"][1] == counted
    assert 0.8 * budget <= counted <= budget


def test_a_number_that_is_kept_already_takes_nothing():
    model = network(["plain"], "pooled", 7)
    assert _pruned(model, keep={"macs": 10**9}, epochs=0).facts[0]["channels"] == {}


def test_layers_that_are_felt_more_give_less():
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    inputs = layers.Input((8, 8, 3))
    felt = layers.Conv2D(16, 3, padding="same", activation="relu", name="felt")(inputs)
    idle = layers.Conv2D(16, 3, padding="same", activation="relu", name="idle")(inputs)
    joined = layers.GlobalAveragePooling2D()(layers.Concatenate()([felt, idle]))
    model = tf_keras.Model(inputs, layers.Dense(4, name="answer")(joined))
    kernel, bias = model.get_layer("answer").get_weights()
    kernel[16:] /= 1000
    model.get_layer("answer").set_weights([kernel, bias])
    facts = _pruned(model, keep={"macs": 0.6}).facts[0]
    assert facts["channels"].get("felt", [16, 16])[1] >= 14
    assert facts["channels"]["idle"][1] <= 6


def test_what_is_left_is_a_multiple():
    model = network(["plain", "plain"], "pooled", 2)
    widths = [after for _, after in _pruned(model, keep={"channels": 0.5}, multiple=4).facts[0]["channels"].values()]
    assert widths
    assert all(width % 4 == 0 for width in widths)


def test_a_layer_that_is_left_out_keeps_what_is_tied_to_it():
    from tf_keras import Model, layers

    inputs = layers.Input((8, 8, 3))
    one = layers.Conv2D(8, 3, padding="same", name="one")(inputs)
    other = layers.Conv2D(8, 3, padding="same", name="other")(one)
    free = layers.Conv2D(8, 3, name="free")(layers.Add()([one, other]))
    model = Model(inputs, layers.Dense(3, name="answer")(layers.Flatten()(free)))
    assert list(_pruned(model, keep={"channels": 0.5}, skip=["other"]).facts[0]["channels"]) == ["free"]


def test_training_between_rounds_and_exact_rounds():
    model = network(["residual"], "pooled", 3)
    result = _pruned(model, keep={"channels": 0.25}, rounds=2, epochs=1)
    assert all(after == pytest.approx(before / 4, abs=1.5) for before, after in result.facts[0]["channels"].values())
    assert result.facts[0]["epochs"] == 1


def test_dropout_drops_less_of_a_smaller_layer():
    from tf_keras import Sequential, layers

    model = Sequential(
        [
            layers.Input((8,)),
            layers.Dense(20, "relu"),
            layers.Dropout(0.4, name="drop"),
            layers.Dense(3, "softmax"),
        ]
    )
    assert _pruned(model, keep={"channels": 0.25}, epochs=0).model.get_layer("drop").rate == pytest.approx(0.1)
    assert model.get_layer("drop").rate == 0.4


def test_what_cannot_be_done_is_told():
    from tf_keras import Model, layers

    inputs = layers.Input((4,))
    with pytest.raises(BadInput, match=r"(?s)no layer that can shrink.*answer: is an output of the model"):
        _pruned(Model(inputs, layers.Dense(3, name="answer")(inputs)), keep={"channels": 0.5})
    model = network(["plain"], "pooled", 4)
    with pytest.raises(BadInput, match=r"cannot bring the model down to 0\.001 of its macs"):
        _pruned(model, keep={"macs": 0.001})
    with pytest.raises(BadInput, match=r"(?s)down to 20 bytes.*expected: \d+ or more"):
        _pruned(model, keep={"bytes": 20})
    wrong = ({}, {"macs": 0.5, "channels": 0.5}, {"macs": 1.0}, {"bytes": 2.5}, {"channels": 8}, {"width": 0.5})
    for keep in wrong:
        with pytest.raises(ValueError, match="keep"):
            steps.load("channel_prune").settings(keep=keep)


def test_a_dead_channel_is_the_least_important():
    model = network(["plain"], "pooled", 5)
    with _dead(model, 0.3, 5) as (traced, fallen):
        found = importance.importance(traced, "l2")
        assert {found[number] for number in fallen.tolist()} == {0.0}
        group = groups.groups(traced)[0]
        dead = set(group.sets.tolist()) & set(fallen.tolist())
        assert dead <= set(amounts.weakest(group, found, 0.5, 1).tolist())


@pytest.mark.parametrize("use_bias", [True, False])
def test_a_channel_that_is_always_the_same_is_made_up_for_exactly(use_bias):
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    inputs = layers.Input((8, 8, 2))
    first = layers.Conv2D(6, 3, activation="sigmoid", name="first")(inputs)
    second = layers.Conv2D(5, 3, use_bias=use_bias, name="second")(first)
    second = layers.ReLU()(layers.BatchNormalization(name="norm")(second))
    hidden = layers.Dense(7, activation="sigmoid", name="hidden")(layers.Flatten()(second))
    model = tf_keras.Model(inputs, layers.Dense(3, name="answer")(hidden))
    for name in ("first", "hidden"):
        kernel, bias = model.get_layer(name).get_weights()
        kernel[..., :3], bias[:3] = 0, [1.0, -2.0, 3.0]
        model.get_layer(name).set_weights([kernel, bias])
    samples = _samples(model)
    before = model(samples).numpy()
    result = _pruned(model, keep={"channels": 0.5}, layers=["first", "hidden"])
    assert result.facts[0]["channels"] == {"first": [6, 3], "hidden": [7, 4]}
    np.testing.assert_allclose(result.model(samples).numpy(), before, atol=1e-5)


def test_padding_is_seen_when_a_channel_is_made_up_for():
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    inputs = layers.Input((4, 4, 1))
    first = layers.Conv2D(6, 1, activation="sigmoid", name="first")(inputs)
    made = layers.Conv2D(2, 3, padding="same", name="second")(first)
    model = tf_keras.Model(inputs, layers.GlobalAveragePooling2D()(made))
    first = model.get_layer("first")
    kernel, bias = first.get_weights()
    kernel[..., :3] = 0
    first.set_weights([kernel, bias + 1])
    samples = _samples(model)
    before = model(samples).numpy()
    after = _pruned(model, keep={"channels": 0.5}, layers=["first"]).model(samples).numpy()
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_without_epochs_neither_training_data_nor_labels_are_needed():
    model = network(["residual"], "pooled", 6)
    step = steps.load("channel_prune")
    whole = _dataset(model)
    data = Dataset("random", "generated", Split(whole.calibration.inputs), Split(whole.calibration.inputs))
    for criterion in ("l2", "taylor"):
        chosen = step.settings(keep={"macs": 0.5}, epochs=0, importance=criterion)
        result = step.apply(Workpiece(model), chosen, Trainer(data))
        assert result.model.count_params() < model.count_params()
    with pytest.raises(BadInput, match="nothing to train on"):
        step.apply(Workpiece(model), step.settings(keep={"macs": 0.5}), Trainer(data))
