"""An LSTM that guesses the next byte of a text, at every place of a window of 64 bytes.

Data, the first that is at hand: about 1 MB of Shakespeare (public domain; `tinyshakespeare_bytes.npz`, from char-rnn)
in the folder that COMPRESSOR_DATA names; the help topics that the interpreter carries (`pydoc_data.topics`, PSF
licence). `Dataset.source` says which. It is judged by perplexity: accuracy, which the labels alone would choose,
looks at the most likely byte only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compressor.sample import SampleModel
from compressor.values import Dataset, Split
from sample_models import _data_folder

if TYPE_CHECKING:
    import tf_keras

_WINDOW, _BYTES = 64, 256
_CALIBRATION, _EVALUATION = 200, 320
_EVALUATION_SHARE = 0.1


def build() -> tf_keras.Model:
    """The untrained network: 64 bytes as int32 → 64 × 256 probabilities of the byte that follows each."""
    from tf_keras import Sequential, layers

    return Sequential(
        [
            layers.Input((_WINDOW,), dtype="int32", name="bytes"),
            layers.Embedding(_BYTES, 256, name="embedding"),
            layers.LSTM(128, return_sequences=True, name="lstm"),
            layers.Dense(_BYTES, activation="softmax", name="next"),
        ],
        name="char_lstm",
    )


def dataset() -> Dataset:
    """320 evaluation windows spread over the last tenth of the text, 200 calibration and all others of the rest.

    Windows follow one another without a gap; equal ones are there once. Labels are the windows moved on by one byte.

    Raises:
        BadInput: the data folder's file is not what its name says.
    """
    text, source = _text()
    starts = np.arange(0, len(text) - _WINDOW, _WINDOW)
    windows = text[starts[:, None] + np.arange(_WINDOW + 1)]
    _, first = np.unique(windows[:, :-1], axis=0, return_index=True)
    windows = windows[np.sort(first)].astype(np.int32)
    held_out = int(len(windows) * (1 - _EVALUATION_SHARE))
    evaluation = _spread(held_out, len(windows), _EVALUATION)
    calibration = _spread(0, held_out, _CALIBRATION)
    train = np.setdiff1d(np.arange(held_out), calibration)

    def part(rows: NDArray[np.intp]) -> Split:
        return Split({"bytes": windows[rows, :-1]}, windows[rows, 1:])

    return Dataset(
        name="text bytes",
        source=source,
        train=part(train),
        calibration=part(calibration),
        evaluation=part(evaluation),
    )


def _spread(start: int, stop: int, count: int) -> NDArray[np.intp]:
    return np.linspace(start, stop, count, endpoint=False).astype(np.intp)


def _text() -> tuple[NDArray[np.uint8], str]:
    found = _data_folder.arrays("tinyshakespeare_bytes.npz", "tiny Shakespeare", {"x": (1115394,)})
    if found is not None:
        return found[0]["x"].astype(np.uint8), found[1]
    from pydoc_data.topics import topics

    return np.frombuffer("\n".join(topics.values()).encode(), np.uint8), "pydoc_data.topics of the interpreter"


MODEL = SampleModel(
    summary="Embedding and LSTM(128) that guess the next byte of a text",
    build=build,
    dataset=dataset,
    loss="sparse_categorical_crossentropy",
    epochs=10,
    batch_size=32,
    learning_rate=4e-3,
    metric="perplexity",
    expects="a perplexity of at most 6.2 per byte on Shakespeare",
)
