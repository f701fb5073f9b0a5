"""An LSTM that reads a text word by word and answers yes or no: is this message spam, is this review good.

Data, the first that is at hand: the SMS Spam Collection (Almeida and Gomez Hidalgo, UCI, CC BY 4.0; real messages with
strong language) from the folder that COMPRESSOR_DATA names; film reviews of IMDB (Maas et al. 2011) as
`keras.datasets.imdb` downloads them; sentences that are generated here. `Dataset.source` says which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressor.sample import SampleModel
from sample_models import _labelled_texts

if TYPE_CHECKING:
    import tf_keras


def build() -> tf_keras.Model:
    """The untrained network: 40 word ids, int32, 0 before the text → 1 probability."""
    from tf_keras import Sequential, layers

    return Sequential(
        [
            layers.Input((_labelled_texts.LENGTH,), dtype="int32", name="words"),
            layers.Embedding(_labelled_texts.VOCABULARY, 32, name="embedding"),
            layers.LSTM(128, name="lstm"),
            layers.Dense(1, activation="sigmoid", name="yes"),
        ],
        name="sentiment_lstm",
    )


MODEL = SampleModel(
    summary="Embedding and LSTM(128) on texts: spam or not",
    build=build,
    dataset=_labelled_texts.dataset,
    loss="binary_crossentropy",
    epochs=5,
    batch_size=64,
    expects="at least 98 % of the 1 000 held-out messages",
)
