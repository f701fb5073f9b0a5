"""Data sources: one kind of data per file, found by file name.

A module defines `DATA_SOURCE`, a `DataSource`. It knows nothing of frameworks, and never imports one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from compressor import registry
from compressor.data.spec import DataSpec
from compressor.errors import BadInput
from compressor.values import Dataset, TensorSpec


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a data set is read for.

    Attributes:
        inputs: of the model or artifact; they decide the size of images and the length of texts.
        trains: the training split is wanted too.
        only_evaluation: nothing is calibrated or trained: a source that is not split is evaluated whole, and the
            data set's calibration split is the first sample.
        trusted: code that the user names may be run.
    """

    inputs: tuple[TensorSpec, ...]
    trains: bool = False
    only_evaluation: bool = False
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class DataSource:
    """One kind of data.

    Attributes:
        summary: one line for the help.
        example: a `--data` argument.
        claims: whether a source's name or path is of this kind, by its look alone.
        look: (spec, trains, trusted) → raises `BadInput` for what can be seen without reading values, in well under a
            second.
        read: (spec, wanted) → the data set, not yet fitted to the model: `subtract` and `divide` are not applied. The
            calibration split has at most `MAX_CALIBRATION` samples, spread over what is there.
    """

    summary: str
    example: str
    claims: Callable[[str], bool]
    look: Callable[[DataSpec, bool, bool], None]
    read: Callable[[DataSpec, Wanted], Dataset]


MAX_CALIBRATION = 512


def names() -> tuple[str, ...]:
    """Names of all kinds."""
    return registry.names(__name__)


def load(name: str) -> DataSource:
    """The kind of that name."""
    return cast(DataSource, registry.load(__name__, name, "DATA_SOURCE", "data source"))


def find(source: str) -> DataSource:
    """The kind that a source is of.

    Raises:
        BadInput: none.
    """
    for each in map(load, names()):
        if each.claims(source):
            return each
    raise BadInput(
        f"'{source}' is no kind of data that can be read",
        expected="; ".join(f"{each.example} ({each.summary})" for each in map(load, names())),
    )
