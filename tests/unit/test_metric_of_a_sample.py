"""Which metric a run is judged by: the user's, else the sample's own, else what labels and outputs ask for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from compressor import self_evaluation

LABELS = np.array([0, 1, 2])
ANSWERS = {"y": np.eye(3, dtype=np.float32)}


def chosen(named: str | None, own: str | None, labels: Any = LABELS) -> str | None:
    found: Any = SimpleNamespace(metric=own, loss=None, loaded=SimpleNamespace(loss=None))
    choice = self_evaluation.metric_for(named, labels, ANSWERS, found, False)
    return choice and choice.name


@pytest.mark.parametrize(
    ("named", "own", "wanted"),
    [
        (None, None, "accuracy"),
        (None, "perplexity", "perplexity"),
        ("accuracy", "perplexity", "accuracy"),
        ("perplexity", None, "perplexity"),
    ],
)
def test_the_user_comes_before_the_sample_and_the_sample_before_the_labels(
    named: str | None, own: str | None, wanted: str
) -> None:
    assert chosen(named, own) == wanted


def test_a_sample_without_labels_has_no_metric() -> None:
    assert chosen(None, "perplexity", labels=None) is None
