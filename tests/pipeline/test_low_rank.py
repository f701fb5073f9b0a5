"""Low rank: two thin layers in one's place, exact at full rank, within a budget, and cheaper."""

from __future__ import annotations

import numpy as np
import pytest
from random_networks import network

from compressor import steps
from compressor.channel_pruning import cost, flow
from compressor.errors import BadInput
from compressor.low_rank import amounts, layers, rebuilding
from compressor.low_rank.amounts import Whole
from compressor.steps import Workpiece
from compressor.training import Trainer
from compressor.values import Dataset, Split

pytestmark = pytest.mark.tensorflow
NOTHING = np.array([], np.int64)


def _samples(model, count=4):
    return np.random.default_rng(0).normal(size=(count, *model.input_shape[1:])).astype(np.float32)


def _dataset(model, count=64, trains=True):
    split = Split({"x": _samples(model, count)}, np.random.default_rng(1).integers(0, model.output_shape[-1], count))
    return Dataset("random", "generated", split, split, split if trains else None)


def _split(model, trains=False, **settings):
    step = steps.load("low_rank")
    chosen = step.settings(**{"epochs": 0, **settings})
    return step.apply(Workpiece(model), chosen, Trainer(_dataset(model, trains=trains)))


def _of_rank(rank, read, made, seed):
    random = np.random.default_rng(seed)
    return random.normal(size=(read, rank)) @ random.normal(size=(rank, made)) / np.sqrt(read * rank)


def _towers(*widths, shared=False):
    """Models inside a model whose layers have the same names: `fc1` of rank 2, 3 and so on, `fc2` of rank 1."""
    from tf_keras import Model
    from tf_keras import layers as kinds

    inputs = kinds.Input((40,))
    made, last = [], kinds.Dense(20, name="fc2")
    for number, width in enumerate(widths):
        within = kinds.Input((40,))
        first = kinds.Dense(width, name="fc1")
        last = last if shared else kinds.Dense(20, name="fc2")
        tower = Model(within, last(first(within)), name=f"tower_{number}")
        first.kernel.assign(_of_rank(2 + number, 40, width, number))
        last.kernel.assign(_of_rank(1, width, 20, 10 + number))
        made.append(tower(inputs))
    return Model(inputs, kinds.Dense(2, name="answer")(kinds.Add()(made)))


def _agrees(done, model):
    np.testing.assert_allclose(done.model(_samples(model)).numpy(), model(_samples(model)).numpy(), atol=1e-4, rtol=0)


def _of_full_rank(model, form=None):
    """Every layer that can be split, split without loss."""
    cuts = {}
    for _, layer in rebuilding.layers_inside(model):
        if layers.reason_against(layer) is None:
            whole = layers.whole(layer)
            splits = [each for each in whole.splits if form in (None, each.factors.form)] or whole.splits
            alone = Whole(whole.macs, whole.parameters, tuple(splits[-1:]))
            cuts[id(layer)] = amounts.by_energy(alone, 1.0, multiple=10**6)
    return rebuilding.split(model, cuts), cuts


@pytest.mark.parametrize("form", ["channels", "spatial"])
def test_at_full_rank_the_answers_are_the_same(form):
    from tf_keras import Model
    from tf_keras import layers as kinds

    inputs = kinds.Input((15, 12, 3))
    tensor = kinds.Conv2D(7, 3, strides=2, padding="same", activation="relu", name="strided")(inputs)
    tensor = kinds.Conv2D(9, (3, 2), strides=(2, 1), padding="valid", use_bias=False, name="uneven")(tensor)
    shared = kinds.Conv2D(9, 3, padding="same", dilation_rate=(2, 1), name="shared")
    tensor = kinds.Add()([shared(tensor), shared(shared(tensor))])
    tensor = kinds.Conv2D(5, 1, strides=2, name="pointwise")(tensor)
    tensor = kinds.Conv1D(6, 3, padding="causal", name="sequence")(kinds.Reshape((-1, 5))(tensor))
    model = Model(inputs, kinds.Dense(4, activation="softmax", name="answer")(tensor))
    random = np.random.default_rng(2)
    model.set_weights([random.normal(0, 0.2, weight.shape) for weight in model.get_weights()])
    made, cuts = _of_full_rank(model, form)
    assert len(cuts) == 6
    np.testing.assert_allclose(made(_samples(model)).numpy(), model(_samples(model)).numpy(), atol=1e-5, rtol=0)
    assert {"strided_low_rank", "strided", "answer_low_rank", "answer"} <= {layer.name for layer in made.layers}


@pytest.mark.parametrize("seed", range(3))
def test_random_networks_split_at_full_rank_answer_the_same(seed):
    blocks = ["residual", "nested", "depthwise", "separable", "squeeze", "dense"][seed::2]
    model = network(blocks, ["flat", "sequence", "pooled"][seed], seed)
    made, _ = _of_full_rank(model)
    np.testing.assert_allclose(made(_samples(model)).numpy(), model(_samples(model)).numpy(), atol=1e-5, rtol=0)


def test_what_is_told_is_what_the_model_has():
    model = network(["plain", "nested", "projected"], "pooled", 3)
    done = _split(model, keep={"energy": 0.7})
    facts = done.facts[0]
    assert facts["parameters"] == [model.count_params(), done.model.count_params()]
    assert facts["macs"][1] < facts["macs"][0]
    assert facts["ranks"]
    by_path = dict(rebuilding.layers_inside(done.model))
    for name, (full, rank) in facts["ranks"].items():
        assert rank < full
        assert by_path[f"{name}_low_rank"].kernel.shape[-1] == rank
        assert facts["energy"][name] >= 0.7
    assert set(facts["ranks"]).isdisjoint(facts["left_alone"])


@pytest.mark.parametrize("what", ["macs", "parameters"])
def test_a_budget_is_kept_and_not_undercut_by_much(what):
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    model = tf_keras.applications.MobileNetV2(weights=None, input_shape=(64, 64, 3), alpha=0.35, classes=10)
    done = _split(model, keep={what: 0.7}, multiple=4)
    before, after = done.facts[0][what]
    assert 0.65 <= after / before <= 0.7
    assert after == getattr(cost.counter(flow.trace(done.model))(NOTHING), what)
    assert all(rank % 4 == 0 for _, rank in done.facts[0]["ranks"].values())
    if what == "macs":
        # Its convolutions of 1 are most of it.
        assert len(done.facts[0]["ranks"]) >= 10
        assert any(name.endswith("_project") for name in done.facts[0]["ranks"])
    assert done.model.layers[-1].name == model.layers[-1].name
    assert done.model.output_names == model.output_names


def test_kernels_of_low_rank_are_found_and_lose_nothing():
    from tf_keras import Model
    from tf_keras import layers as kinds

    inputs = kinds.Input((8, 8, 8))
    convolved = kinds.Conv2D(32, 3, name="other")(kinds.Conv2D(32, 3, name="one")(inputs))
    model = Model(inputs, kinds.Dense(3, name="answer")(kinds.Flatten()(convolved)))
    random = np.random.default_rng(0)
    column, row = random.normal(size=(3, 1, 8, 2)), random.normal(size=(2, 3, 32))
    model.get_layer("one").kernel.assign(np.einsum("hxir,rwo->hwio", column, row))
    model.get_layer("other").kernel.assign(
        (random.normal(size=(3 * 3 * 32, 3)) @ random.normal(size=(3, 32))).reshape(3, 3, 32, 32)
    )
    done = _split(model, keep={"energy": 0.9999})
    assert done.facts[0]["ranks"] == {"one": [24, 2], "other": [32, 3]}
    assert done.facts[0]["spatial"] == ["one"]
    assert done.facts[0]["left_alone"]["answer"].startswith("0.9999 of its energy takes rank 3 of 3")
    expected = model(_samples(model)).numpy()
    np.testing.assert_allclose(
        done.model(_samples(model)).numpy(), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max()
    )


@pytest.mark.parametrize("widths", [(32, 32), (32, 24)])
@pytest.mark.parametrize("keep", [{"energy": 0.9999}, {"parameters": 0.5}])
def test_layers_of_the_same_name_in_several_models_keep_their_own_weights(widths, keep):
    model = _towers(*widths)
    done = _split(model, keep=keep)
    _agrees(done, model)
    assert {"tower_0/fc1", "tower_1/fc1"} <= set(done.facts[0]["ranks"])
    if "energy" in keep:
        full = [min(40, width) for width in widths]
        assert done.facts[0]["ranks"] == {
            "tower_0/fc1": [full[0], 2],
            "tower_0/fc2": [20, 1],
            "tower_1/fc1": [full[1], 3],
            "tower_1/fc2": [20, 1],
        }
        assert list(done.facts[0]["left_alone"]) == ["answer"]


def test_patterns_are_meant_for_names_paths_and_models_inside():
    model = _towers(32, 32)
    for settings, split in (
        ({"layers": ["tower_1"]}, ["tower_1/fc1", "tower_1/fc2"]),
        ({"layers": ["fc1"]}, ["tower_0/fc1", "tower_1/fc1"]),
        ({"skip": ["tower_*/fc1", "tower_0"]}, ["tower_1/fc2"]),
    ):
        done = _split(model, keep={"energy": 0.9999}, **settings)
        assert list(done.facts[0]["ranks"]) == split
        _agrees(done, model)
    with pytest.raises(BadInput, match=r"\(low_rank\) is called 'tower_0/fc3'; did you mean 'tower_0/fc"):
        _split(model, skip=["tower_0/fc3"])


def test_a_layer_that_models_inside_share_stays_shared():
    model = _towers(32, 32, shared=True)
    done = _split(model, keep={"energy": 0.9999})
    assert done.facts[0]["ranks"] == {"tower_0/fc1": [32, 2], "tower_0/fc2": [20, 1], "tower_1/fc1": [32, 3]}
    assert done.facts[0]["parameters"] == [model.count_params(), done.model.count_params()]
    _agrees(done, model)


def test_what_was_split_is_split_again(tmp_path):
    import tf_keras

    model = _towers(32, 32)
    once = _split(model, keep={"energy": 0.9999}, multiple=8)
    once.model.save(tmp_path / "once.h5")
    written = tf_keras.models.load_model(tmp_path / "once.h5")
    for before in (once.model, written):
        again = _split(before, keep={"energy": 0.9999})
        _agrees(again, model)
        assert again.model.count_params() < once.model.count_params()
        names = [path for path, _ in rebuilding.layers_inside(again.model)]
        assert {"tower_0/fc1_low_rank_2", "tower_0/fc1_low_rank", "tower_0/fc1"} <= set(names)
        assert len(names) == len(set(names))


def test_training_recovers_and_what_is_left_alone_is_named():
    model = network(["plain", "depthwise"], "flat", 4)
    done = _split(model, trains=True, keep={"parameters": 0.6}, epochs=2)
    assert done.facts[0]["epochs"] == 2
    assert "DepthwiseConv2D is not split" in done.facts[0]["left_alone"].values()


def test_what_cannot_be_done_is_told():
    from tf_keras import Sequential
    from tf_keras import layers as kinds

    model = network(["plain"], "pooled", 5)
    with pytest.raises(
        BadInput, match=r"(?s)cannot bring the model down to 0\.001 of its macs.*expected: 0\.\d+ or more"
    ):
        _split(model, keep={"macs": 0.001})
    with pytest.raises(BadInput, match="did you mean"):
        _split(model, layers=["dens"])
    with pytest.raises(BadInput, match=r"(?s)no layer that would get cheaper.*answer: 0\.95 of its energy takes rank"):
        _split(Sequential([kinds.Input((4,)), kinds.Dense(3, name="answer")]))
    with pytest.raises(BadInput, match="nothing to train on"):
        _split(model, keep={"parameters": 0.8}, epochs=1)
    for keep in ({}, {"macs": 0.5, "energy": 0.5}, {"energy": 1.0}, {"width": 0.5}):
        with pytest.raises(ValueError, match="keep"):
            steps.load("low_rank").settings(keep=keep)
