"""A data spec as a user gives it: the place of the data or a YAML file, and single settings on top."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from compressor import plain_yaml, trusted_code
from compressor.data.spec import DataSpec
from compressor.errors import BadInput
from compressor.sentences import sentences, shortened

_PATHS = ("source", "vocabulary")


def load_spec(data: str, preprocess: Sequence[str] | Mapping[str, Any] = ()) -> DataSpec:
    """The spec of a data set.

    Args:
        data: where the samples come from, see `DataSpec.source`; or a `.yaml` file that holds a spec, in which relative
            paths are relative to that file.
        preprocess: settings as `KEY=VALUE`, with values in YAML, or as a mapping; they go before those of the file.

    Raises:
        BadInput: mistakes - all of them in one message.
    """
    content = _from_file(Path(data)) if Path(data).suffix in plain_yaml.SUFFIXES else {"source": data}
    mistakes: list[str] = []
    settings = dict(preprocess) if isinstance(preprocess, Mapping) else dict(_pairs(preprocess, mistakes))
    if "source" in settings:
        mistakes.append("source: is given by --data")
    try:
        spec = DataSpec.model_validate(content | settings)
    except ValidationError as error:
        mistakes += sentences(error, DataSpec)
    if mistakes:
        listed = "".join(f"\n  {mistake}" for mistake in dict.fromkeys(mistakes))
        raise BadInput(f"what is said of the data has {len(mistakes)} mistake{'s' * (len(mistakes) > 1)}:{listed}")
    return spec


def _pairs(preprocess: Sequence[str], mistakes: list[str]) -> Iterator[tuple[str, Any]]:
    seen: set[str] = set()
    for pair in preprocess:
        key, equals, text = pair.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not key:
            mistakes.append(f"{pair}: must be KEY=VALUE, like divide=255")
            continue
        if key in seen:
            mistakes.append(f"{key}: is given twice")
        seen.add(key)
        try:
            yield key, plain_yaml.parse(text)
        except ValueError as error:
            mistakes.append(f"{key}: {error} (received {shortened(text)})")


def _from_file(path: Path) -> dict[str, Any]:
    content = plain_yaml.read_mapping(path, "a data spec", "a mapping with source and, where needed, its settings")
    return {
        key: _beside(path, value) if key in _PATHS and isinstance(value, str) else value
        for key, value in content.items()
    }


def _beside(path: Path, value: str) -> str:
    """A relative path taken from the YAML file's folder; a sample's name or the address of a function as it is."""
    there = path.parent / value
    is_path = there.exists() or len(Path(value).parts) > 1 or Path(value).suffix
    return str(there) if is_path and not trusted_code.is_address(value) else value
