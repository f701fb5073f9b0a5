"""A model's configuration spoiled as JSON: it stays a tree, and its values become what no author wrote."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

_NUMBERS = (0, -1, 1, 2, 3, 7, 1000, 2**31, 2**63, 10**30, 0.5, -1e308, 1e308, float("nan"))
_OTHERS = (
    "",
    "7",
    "relu",
    "x" * 5000,
    "\0",
    "\udc80",
    None,
    [],
    {},
    [None],
    True,
    False,
    [[[]]],
    {"class_name": "Dense"},
)
_CLASSES = (
    *("Dense", "Conv2D", "Conv1D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D", "LSTM", "GRU", "SimpleRNN"),
    *("Bidirectional", "TimeDistributed", "RNN", "Embedding", "BatchNormalization", "LayerNormalization", "Flatten"),
    *("Reshape", "Permute", "RepeatVector", "UpSampling2D", "ZeroPadding2D", "Cropping2D", "MaxPooling2D", "Softmax"),
    *("Add", "Concatenate", "Dot", "MultiHeadAttention", "Attention", "Masking", "Resizing", "Rescaling", "Hashing"),
    *("InputLayer", "Functional", "Sequential", "Model", "Layer", "Wrapper", "Zeros", "L2", "Adam", "Nonsense", ""),
    *("IntegerLookup", "CategoryEncoding", "Discretization", "SpectralNormalization", "Identity", "PReLU", "Pipeline"),
)
_DTYPES = ("float16", "float64", "bfloat16", "int8", "int64", "uint8", "bool", "string", "complex64", "mixed_float16")

Place = tuple[Any, Any]


def mutate(rng: random.Random, config: Any) -> tuple[Any, str]:
    """A copy with one to four values changed, and which."""
    config = copy.deepcopy(config)
    told = []
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        places = list(_places(config))
        if not places:
            break
        holder, key = rng.choice(places)
        told.append(f"{key}: {_change(rng, holder, key, places)}")
    return config, "; ".join(told)


def _places(value: Any) -> Iterator[Place]:
    """Every key of every mapping and list, at any depth."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in list(items):
        yield value, key
        yield from _places(each)


def _change(rng: random.Random, holder: Any, key: Any, places: list[Place]) -> str:
    value = holder[key]
    if key == "class_name" and rng.random() < 0.8:
        holder[key] = rng.choice(_CLASSES)
    elif key == "dtype" and rng.random() < 0.8:
        holder[key] = rng.choice(_DTYPES)
    elif isinstance(value, (int, float)) and rng.random() < 0.7:
        holder[key] = rng.choice((value + 1, value * -1, value * 1000, *_NUMBERS))
    elif rng.random() < 0.3:
        return _restructure(rng, holder, key, places)
    else:
        holder[key] = rng.choice((*_NUMBERS, *_OTHERS))
    return repr(holder[key])[:60]


def _restructure(rng: random.Random, holder: Any, key: Any, places: list[Place]) -> str:
    what = rng.choice(("delete", "double", "nest", "move", "deep"))
    value = holder[key]
    if what == "delete":
        del holder[key]
    elif what == "double" and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(value))
    elif what == "nest":
        holder[key] = rng.choice(([value], {"config": value}, [value, value]))
    elif what == "deep":
        for _ in range(rng.choice((5, 200))):
            value = [value]
        holder[key] = value
    else:
        other, place = rng.choice(places)
        if place in other if isinstance(other, dict) else place < len(other):
            holder[key] = copy.deepcopy(other[place])
    return what
