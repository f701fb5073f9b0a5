"""How data is read and prepared, as a value: a small YAML file, flags, or both."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError


class DataSpec(BaseModel):
    """Where samples come from and what is done to them before the model sees them.

    Attributes:
        source: an `.npz`, `.csv` or text file, a folder of images, `package.module:function`, or a sample's name.
        evaluation_share: of a source that is not split yet, the share of samples to evaluate on, 0 to 1.
        overlap: what becomes of samples that are in the calibration and in the evaluation set.
        subtract, divide: each value becomes (value - subtract) / divide; one number, or one per channel: along the last
            axis, or along a sample's first axis where only that one has as many values.
        size: height and width of images; None takes the model's own.
        resize: how an image gets that size: stretch it, cut its middle out, or pad it with zeros.
        interpolation: of the resizing.
        color: channels of images; "model" takes what the model's input has.
        classes: names of classes in the order of their numbers; None sorts them by name.
        target: name or number (from 0, negative from the end) of a table's label column; None takes the last.
        features: names of a table's input columns; None takes all others.
        vocabulary: file with the tokens of a text model: one per line, or a JSON object of numbers.
        tokens: what a text is cut into.
        lowercase: texts are made lower case first.
        length: tokens per text, cut or padded with 0 at its end; None takes the model's own.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    source: str
    evaluation_share: float = Field(0.3, gt=0, lt=1)
    overlap: Literal["refuse", "drop"] = "refuse"
    subtract: float | list[float] = 0.0
    divide: float | list[float] = 1.0
    size: tuple[int, int] | None = None
    resize: Literal["stretch", "crop", "pad"] = "stretch"
    interpolation: Literal["bilinear", "nearest", "bicubic", "area"] = "bilinear"
    color: Literal["model", "rgb", "grayscale"] = "model"
    classes: list[str] | None = None
    target: str | int | None = None
    features: list[str] | None = None
    vocabulary: str | None = None
    tokens: Literal["words", "characters", "bytes"] = "words"
    lowercase: bool = True
    length: int | None = Field(None, ge=1)

    @field_validator("size", mode="before")
    @classmethod
    def _size_as_written(cls, value: Any) -> Any:
        """YAML knows lists and no tuples."""
        return tuple(value) if isinstance(value, list) else value

    @field_validator("subtract", "divide")
    @classmethod
    def _some(cls, value: float | list[float]) -> float | list[float]:
        if value == []:
            raise PydanticCustomError("empty", "must hold a number")
        return value

    @field_validator("divide")
    @classmethod
    def _not_zero(cls, value: float | list[float]) -> float | list[float]:
        if 0 in (value if isinstance(value, list) else [value]):
            raise PydanticCustomError("zero", "must not be 0")
        return value

    @property
    def sha256(self) -> str:
        """Of everything that is done to the samples; where they and the vocabulary lie does not count."""
        content = self.model_dump(mode="json", exclude={"source"})
        content["vocabulary"] = Path(self.vocabulary).name if self.vocabulary else self.vocabulary
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
