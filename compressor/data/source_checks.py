"""What several data sources ask of the model and of the user."""

from __future__ import annotations

from pathlib import Path

from compressor.data.spec import DataSpec
from compressor.errors import BadInput
from compressor.values import TensorSpec

_OF_EVERY_SOURCE = frozenset({"source", "evaluation_share", "overlap", "subtract", "divide"})


def one_input(inputs: tuple[TensorSpec, ...], brought: str) -> TensorSpec:
    """The model's only input.

    Raises:
        BadInput: the model has several.
    """
    if len(inputs) != 1:
        raise BadInput(
            f"{brought} fills one input, and the model has {len(inputs)}",
            received="; ".join(map(str, inputs)),
            fix="write an .npz with an array per input, or a function that makes them (package.module:function)",
        )
    return inputs[0]


def only_settings(spec: DataSpec, names: tuple[str, ...], kind: str) -> None:
    """Refuse what would be left unused.

    Raises:
        BadInput: a setting of another kind of data was changed.
    """
    for name, field in DataSpec.model_fields.items():
        if name not in _OF_EVERY_SOURCE | set(names) and getattr(spec, name) != field.get_default():
            raise BadInput(
                f"'{name}' means nothing for {kind}",
                expected=", ".join(sorted(_OF_EVERY_SOURCE - {"source"} | set(names))),
                received=f"{name}: {getattr(spec, name)}",
            )


def existing_file(path: Path, kind: str) -> None:
    """Raise `BadInput` unless the path is a file that can be opened."""
    if not path.is_file():
        raise BadInput(f"there is no {kind} {path}", received="a folder" if path.is_dir() else None)
    try:
        path.open("rb").close()
    except OSError as error:
        raise BadInput(f"the {kind} {path} cannot be read: {error.strerror}") from None
