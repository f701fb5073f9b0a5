"""Images that are moved while training."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compressor import steps
from compressor.errors import BadInput
from compressor.steps import TrainingSettings
from compressor.training import Trainer, moving
from compressor.training.batches import Samples, shuffled
from compressor.training.place import Place
from compressor.values import Dataset, Split

pytestmark = pytest.mark.tensorflow


@settings(deadline=None, max_examples=30)
@given(st.integers(-3, 3), st.integers(-3, 3), st.integers(4, 6), st.integers(4, 6))
def test_what_moves_in_repeats_the_edge(down, right, rows, columns):
    images = np.random.default_rng(0).normal(size=(2, rows, columns, 3)).astype(np.float32)
    wide = np.pad(images, ((0, 0), (3, 3), (3, 3), (0, 0)), mode="edge")
    expected = wide[:, 3 - down : 3 - down + rows, 3 - right : 3 - right + columns]
    np.testing.assert_array_equal(moving.moved(images, np.array([[down, right]] * 2)), expected)


def _drawn(epochs, shift=2, size=16):
    images = np.arange(40 * 8 * 8, dtype=np.float32).reshape(40, 8, 8, 1)
    data = shuffled(Samples((images,), (np.arange(40),)), size, 0, epochs, Place(), shift)
    batches = list(data.as_numpy_iterator())
    return [np.concatenate(each) for each in zip(*batches, strict=True)]


def test_each_epoch_moves_every_image_anew_and_the_same_way_when_asked_again():
    inputs, labels = _drawn(range(2))
    plain, same_order = _drawn(range(2), shift=0)
    np.testing.assert_array_equal(labels, same_order)
    first, second = (
        {int(label): row for row, label in zip(at, to, strict=True)}
        for at, to in ((inputs[:40], labels[:40]), (inputs[40:], labels[40:]))
    )
    assert sorted(first) == list(range(40))
    assert sum(not np.array_equal(first[key], second[key]) for key in first) > 30
    # From the second epoch on, as after an interruption.
    again, _ = _drawn(range(1, 2))
    np.testing.assert_array_equal(inputs[40:], again)
    told = {float(row[4, 4, 0] - other[4, 4, 0]) for row, other in zip(inputs, plain, strict=True)}
    assert told <= {8.0 * down + right for down in range(-2, 3) for right in range(-2, 3)}
    assert len(told) > 18


def test_what_is_no_image_is_refused():
    split = Split({"": np.zeros((8, 6), np.float32)}, np.zeros(8, np.int64))
    trainer = Trainer(Dataset("made", "made", split, split, split))
    with pytest.raises(BadInput, match=r"(?s)cannot move the samples of its input.*received: samples of shape \(6,\)"):
        trainer.fit(_network((6,)), TrainingSettings(shift=1), "fine_tune")
    small = Split({"": np.zeros((8, 2, 9, 1), np.float32)}, np.zeros(8, np.int64))
    trainer = Trainer(Dataset("made", "made", small, small, small))
    with pytest.raises(BadInput, match="more than shift: 2 of each"):
        trainer.fit(_network((2, 9, 1)), TrainingSettings(shift=2), "fine_tune")


def test_answers_for_places_do_not_move_along():
    from tf_keras import Sequential, layers

    images = np.zeros((8, 6, 6, 1), np.float32)
    split = Split({"": images}, images)
    model = Sequential([layers.Input((6, 6, 1)), layers.Conv2D(1, 3, padding="same", activation="sigmoid")])
    with pytest.raises(BadInput, match=r"(?s)answers are for places.*received: answers of shape \(6, 6, 1\)"):
        Trainer(Dataset("made", "made", split, split, split)).fit(model, TrainingSettings(shift=1), "fine_tune")


def test_features_of_a_teacher_do_not_move_along():
    split = Split({"": np.zeros((8, 6, 6, 1), np.float32)}, np.zeros(8, np.int64))
    trainer = Trainer(Dataset("made", "made", split, split, split), teachers=lambda _: _network((6, 6, 1)))
    wanted = steps.load("distill").settings(shift=1, features={"answer": "answer"})
    with pytest.raises(BadInput, match="leave shift or features out"):
        trainer.fit(_network((6, 6, 1)), wanted, "distill")


def _network(shape):
    from tf_keras import Sequential, layers

    return Sequential([layers.Input(shape), layers.Flatten(), layers.Dense(3, "softmax", name="answer")])
