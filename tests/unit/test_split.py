"""Who evaluates: decided by content, class by class, the same whatever the order of the samples."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.data.split import chosen_rows, content_hash, content_hashes, evaluation_rows
from compressor.errors import BadInput
from compressor.values import Split

CONTENT = st.lists(st.integers(0, 40), min_size=2, max_size=80).filter(lambda numbers: len(set(numbers)) > 1)


def hashes(numbers: Any) -> list[bytes]:
    return [content_hash(np.array([number])) for number in numbers]


@given(CONTENT, st.floats(0.01, 0.99), st.randoms(use_true_random=False), st.booleans())
def test_order_does_not_matter_and_equal_samples_stay_together(
    numbers: list[int], share: float, random: Any, labelled: bool
) -> None:
    labels = np.array(numbers) % 3 if labelled else None
    evaluates = evaluation_rows(hashes(numbers), labels, share)
    sides = dict(zip(numbers, evaluates, strict=True))
    assert [sides[number] for number in numbers] == evaluates.tolist()
    assert 0 < evaluates.sum() < len(numbers)
    order = random.sample(range(len(numbers)), len(numbers))
    shuffled = [numbers[place] for place in order]
    again = evaluation_rows(hashes(shuffled), None if labels is None else labels[order], share)
    assert [sides[number] for number in shuffled] == again.tolist()


@given(st.integers(4, 300), st.floats(0.05, 0.95), st.integers(1, 9))
def test_the_share_is_kept_as_a_whole_and_in_every_class(count: int, share: float, classes: int) -> None:
    labels = np.arange(count) % min(classes, count // 2)
    evaluates = evaluation_rows(hashes(range(count)), labels, share)
    assert evaluates.sum() == min(max(int(share * count + 0.5), 1), count - 1)
    for number, total in Counter(labels.tolist()).items():
        assert abs(evaluates[labels == number].sum() - share * total) <= 1


def test_labels_with_many_values_are_not_looked_at() -> None:
    numbers = hashes(range(60))
    for labels in (np.linspace(0, 1, 60), np.arange(60), np.eye(60)[:, :2], np.full(60, "a")):
        assert evaluation_rows(numbers, labels, 0.3).tolist() == evaluation_rows(numbers, None, 0.3).tolist()


def test_an_equal_sample_with_two_labels_is_on_one_side() -> None:
    numbers, labels = [0, 0, 0, 1, 2, 3, 4, 5], np.array([0, 1, 1, 0, 0, 1, 1, 0])
    for share in (0.2, 0.5, 0.8):
        assert len(set(evaluation_rows(hashes(numbers), labels, share)[:3])) == 1


@pytest.mark.parametrize("numbers", [[], [1], [1, 1, 1]])
def test_fewer_than_two_different_samples_cannot_be_split(numbers: list[int]) -> None:
    with pytest.raises(BadInput, match=f"received: {len(numbers)} sample"):
        evaluation_rows(hashes(numbers), None, 0.3)


def test_two_samples_are_one_each() -> None:
    for share in (0.01, 0.5, 0.99):
        assert evaluation_rows(hashes([1, 2]), np.array([0, 0]), share).sum() == 1


@given(st.integers(1, 100), st.integers(1, 150))
def test_as_many_samples_are_chosen_as_are_wanted_or_there(count: int, wanted: int) -> None:
    assert chosen_rows(hashes(range(count)), np.arange(count) % 3, wanted).sum() == min(count, wanted)


def test_the_hash_is_of_values_shape_and_dtype() -> None:
    one = np.arange(6, dtype=np.int16)
    different = [one, one.reshape(2, 3), one.astype(np.int32), one.astype(">i2"), one + 1]
    assert len({content_hash(each) for each in different}) == 5
    assert content_hash(one, one) != content_hash(np.concatenate([one, one]))
    assert content_hash(one[::2]) == content_hash(one[::2].copy())


def test_the_order_of_inputs_does_not_change_the_hash_of_a_sample() -> None:
    a, b = np.arange(4), np.arange(4) * 2
    assert content_hashes(Split({"a": a, "b": b})) == content_hashes(Split({"b": b, "a": a}))
    assert content_hashes(Split({"a": a})) == [content_hash(row) for row in a]


def test_the_split_is_the_same_on_every_machine_and_in_every_version() -> None:
    found = evaluation_rows(hashes(range(20)), None, 0.3)
    assert np.flatnonzero(found).tolist() == [2, 4, 8, 10, 11, 15]
