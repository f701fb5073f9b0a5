"""YAML as plain data: no tags, no key given twice, and numbers as people write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from compressor.bounded_yaml import BoundedLoader, read_text
from compressor.errors import BadInput

SUFFIXES = (".yaml", ".yml")


class _PlainYaml(BoundedLoader):
    """Plain YAML that refuses a key given twice, and reads 1e-4 as the number that it is."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Like the safe loader's, for keys that all differ."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.YAMLError(f"{', '.join(twice)} is given twice, {node.start_mark}")
        return super().construct_mapping(node, deep)


_PlainYaml.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def parse(text: str) -> Any:
    """The value that a text in YAML stands for.

    Raises:
        ValueError: it stands for none; the message says why, in one line.
    """
    try:
        return yaml.load(text, _PlainYaml)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())[:300]) from None


def read_mapping(path: Path, kind: str, expected: str) -> Mapping[str, Any]:
    """The mapping that a YAML file holds.

    Args:
        kind: what the file is to be, with its article: "a recipe".

    Raises:
        BadInput: the file cannot be read, or holds something else.
    """
    try:
        content = parse(read_text(path))
    except OSError as error:
        raise BadInput(f"cannot read {kind.replace('a ', 'the ', 1)} {path}: {error.strerror}") from None
    except ValueError as error:
        raise BadInput(
            f"{path} is not a YAML file: {' '.join(str(error).split())[:300]}",
            fix="mend the file; it is read as plain YAML, without tags",
        ) from None
    if not isinstance(content, Mapping):
        raise BadInput(
            f"{path} is not {kind}",
            expected=expected,
            received=type(content).__name__ if content is not None else "an empty file",
        )
    return content
