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
from compressor.values import Dataset, Split

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
