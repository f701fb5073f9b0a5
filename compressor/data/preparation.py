"""What is done to the values of samples on their way into a model: another dtype, then subtract and divide."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from compressor.data.spec import DataSpec
from compressor.errors import BadInput
from compressor.values import Array, Split


@dataclass(frozen=True, slots=True)
class Preparation:
    """Every input becomes its dtype; real numbers then become (value - subtract) / divide, computed in that dtype.

    Attributes:
        dtypes: numpy dtype name of each input by its name; an input that is not named stays as it is.
    """

    spec: DataSpec
    dtypes: Mapping[str, str]

    @property
    def changes_values(self) -> bool:
        """True when `subtract` or `divide` do anything."""
        return bool(np.any(np.asarray(self.spec.subtract) != 0) or np.any(np.asarray(self.spec.divide) != 1))

    def check(self) -> None:
        """See that there is something to subtract from.

        Raises:
            BadInput: no input takes real numbers.
        """
        if self.changes_values and not any(np.dtype(dtype).kind == "f" for dtype in self.dtypes.values()):
            raise BadInput(
                "subtract and divide are for inputs of real numbers, and there is none",
                received=", ".join(f"{name or 'the input'}: {dtype}" for name, dtype in self.dtypes.items()),
                fix="leave subtract and divide out",
            )

    def cast(self, split: Split) -> Split:
        """The samples in the dtypes of the inputs; no copy where nothing changes."""
        with np.errstate(over="ignore"):
            inputs = {
                name: array.astype(self.dtypes.get(name, array.dtype), copy=False)
                for name, array in split.inputs.items()
            }
        return Split(inputs, split.labels)

    def apply(self, split: Split) -> Split:
        """Subtract and divide, of samples that have their dtypes.

        Raises:
            BadInput: as many numbers as there are channels are wanted; or the results are too large for the dtype.
        """
        return self._applied(split, frozenset())

    def __call__(self, split: Split) -> Split:
        """Cast, then applied; what was given is not changed."""
        cast = self.cast(split)
        return self._applied(cast, {name for name, array in cast.inputs.items() if array is not split.inputs[name]})

    def to_json(self) -> str:
        """As text; where the data lies is not told."""
        spec = self.spec.model_dump(mode="json", exclude={"source"}, exclude_defaults=True)
        return json.dumps({"spec": spec, "dtypes": dict(self.dtypes)}, sort_keys=True)

    def _applied(self, split: Split, owned: Set[str]) -> Split:
        """Subtract and divide; arrays that are our own are changed in place, for they are large."""
        if not self.changes_values:
            return split
        changed = {name: self._changed(name, array, name in owned) for name, array in split.inputs.items()}
        return Split(changed, split.labels)

    def _changed(self, name: str, array: Array, in_place: bool) -> Array:
        if array.dtype.kind != "f" or name not in self.dtypes:
            return array
        subtract, divide = self._channels("subtract", array), self._channels("divide", array)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            changed = np.subtract(array, subtract, out=array if in_place else None)
            changed /= divide
        if not np.isfinite(changed).all():
            raise BadInput(
                f"values of '{name}' are out of the range of {array.dtype} after subtract and divide",
                received=f"subtract {self.spec.subtract}, divide {self.spec.divide}",
            )
        return changed

    def _channels(self, key: str, array: Array) -> Array:
        """The numbers of a setting, in a shape that meets the samples in their channels."""
        value, sample = getattr(self.spec, key), array.shape[1:] or (1,)
        numbers = np.asarray(value, array.dtype)
        if not isinstance(value, list) or len(value) == sample[-1]:
            return numbers
        # Images have 1 or 3 channels: with those last, another number is not meant for the first axis.
        if len(value) == sample[0] and (sample[-1] not in (1, 3) or len(value) in (1, 3)):
            return numbers.reshape(-1, *[1] * (len(sample) - 1))
        raise BadInput(
            f"{key} holds {len(value)} numbers",
            expected=f"one number, or {sample[-1]}: one per channel (last axis) of samples of {array.shape[1:]}"
            + (f"; or {sample[0]}, where channels come first" if len(sample) > 1 else ""),
        )


def from_json(text: str) -> Preparation:
    """A preparation from the text it was told in.

    Raises:
        ValueError: the text tells none.
    """
    content: Any = json.loads(text)
    try:
        wanted = {key: content["spec"][key] for key in ("subtract", "divide") if key in content["spec"]}
        dtypes = {str(name): np.dtype(dtype).name for name, dtype in content["dtypes"].items()}
        if any(np.dtype(dtype).kind not in "fiub" for dtype in dtypes.values()):
            raise TypeError("inputs that are no numbers")
        return Preparation(DataSpec(source="", **wanted), dtypes)
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        raise ValueError(f"no preparation: {' '.join(str(error).split())[:200]}") from None
