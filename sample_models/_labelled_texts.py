"""Texts with a yes or no each, as word ids of one length: messages, reviews or generated sentences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from compressor.values import Dataset, Split
from sample_models import _data_folder

LENGTH, VOCABULARY = 40, 2000
_CALIBRATION, _EVALUATION = 200, 1000
_PADDING, _UNKNOWN = 0, 1
_SPLIT_SEED = 0
# A number's digits say less than its length: 150 and 200 are both prizes.
_WORD = re.compile(r"[a-z']+|\d|[^\sa-z\d']")

Labelled = tuple[list[list[str]], NDArray[np.int64]]


def dataset() -> Dataset:
    """1 000 evaluation, 200 calibration texts (100 of each kind), training the rest; equal rows are there once.

    Inputs are (40,) int32: the first 40 words, each its rank among the most frequent of those that do not evaluate.

    Raises:
        BadInput: the data folder's file is not what its name says.
    """
    found = _data_folder.arrays("sms_spam5574.npz", "the SMS Spam Collection", {"x": (5574,), "y": (5574,)})
    if found is not None:
        words = [_WORD.findall(str(text).lower()) for text in found[0]["x"]]
        return _split("sms spam", found[1], words, found[0]["y"].astype(np.int64))
    reviews = _reviews()
    if reviews is not None:
        return _split("imdb", "keras.datasets.imdb", *reviews)
    return _split("generated sentences", "generated sentences of good and bad words", *_generated())


def _split(name: str, source: str, texts: list[list[str]], labels: NDArray[np.int64]) -> Dataset:
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(texts))
    frequent = Counter(word for place in order[_EVALUATION:] for word in texts[place])
    ids = {word: rank + 2 for rank, (word, _) in enumerate(frequent.most_common(VOCABULARY - 2))}
    rows = np.stack([_row([ids.get(word, _UNKNOWN) for word in texts[place]]) for place in order])
    _, first = np.unique(rows, axis=0, return_index=True)
    kept = np.sort(first)
    rows, labels = rows[kept], labels[order][kept]

    def part(chosen: NDArray[np.intp]) -> Split:
        return Split({"words": rows[chosen]}, labels[chosen])

    others = np.arange(_EVALUATION, len(rows))
    # As many of both kinds: ranges are observed of texts that are rare, too.
    calibration = np.concatenate([others[labels[others] == label][: _CALIBRATION // 2] for label in (0, 1)])
    return Dataset(
        name=name,
        source=source,
        train=part(np.setdiff1d(others, calibration)),
        calibration=part(calibration),
        evaluation=part(np.arange(_EVALUATION)),
    )


def _row(ids: Sequence[int]) -> NDArray[np.int32]:
    # Padding goes before the text: the LSTM answers right after its last word.
    row = np.full(LENGTH, _PADDING, np.int32)
    kept = list(ids[:LENGTH])
    row[LENGTH - len(kept) :] = kept
    return row


def _reviews() -> Labelled | None:
    """25 000 reviews with the rank of each word as a word; None where they cannot be downloaded."""
    import tf_keras

    try:
        (ranks, labels), _ = tf_keras.datasets.imdb.load_data(num_words=VOCABULARY, skip_top=0, start_char=None)
    except Exception:
        return None
    # The end of a review holds its judgement.
    return [[str(rank) for rank in review[-LENGTH:]] for review in ranks], np.asarray(labels, np.int64)


def _generated() -> Labelled:
    """4 000 sentences of twelve words; the label says whether good words are more than bad ones."""
    rng = np.random.default_rng(_SPLIT_SEED)
    good, bad = ("good", "great", "fine", "lovely", "superb"), ("bad", "poor", "dull", "awful", "weak")
    plain = [f"word{number}" for number in range(200)]
    texts, labels = [], []
    for _ in range(4000):
        label = int(rng.integers(2))
        more, fewer = (good, bad) if label else (bad, good)
        sentence = [*rng.choice(plain, 8), *rng.choice(more, 3), *rng.choice(fewer, 1)]
        texts.append([str(word) for word in rng.permutation(sentence)])
        labels.append(label)
    return texts, np.array(labels, np.int64)
