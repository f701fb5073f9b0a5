"""YAML that cannot grow: a few lines of aliases to aliases stand for more values than any memory holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_MOST_VALUES = 10_000
_LARGEST_FILE = 1 << 18


class BoundedLoader(yaml.SafeLoader):
    """The safe loader, for documents of at most 10 000 values once every alias is unfolded."""

    def get_single_node(self) -> Any:
        """The document's tree, before any value is made of it.

        Raises:
            yaml.YAMLError: it is too large, or holds itself.
        """
        node = super().get_single_node()
        if node is not None and _values(node, {}) > _MOST_VALUES:
            raise yaml.YAMLError(f"it stands for more than {_MOST_VALUES} values")
        return node


def read_text(path: Path) -> str:
    """The text of a file that a person wrote.

    Raises:
        OSError: it cannot be read.
        ValueError: it is larger than any such file, or is no UTF-8.
    """
    with path.open("rb") as file:
        content = file.read(_LARGEST_FILE + 1)
    if len(content) > _LARGEST_FILE:
        raise ValueError(f"it has more than {_LARGEST_FILE} bytes")
    return content.decode("utf-8")


def _values(node: yaml.Node, known: dict[int, int | None]) -> int:
    """Number of values below a node; one that several aliases name is counted as often as it is named."""
    if id(node) in known:
        before = known[id(node)]
        if before is None:
            raise yaml.YAMLError("a value holds itself")
        return before
    known[id(node)] = None
    children = [each for pair in node.value for each in pair] if isinstance(node, yaml.MappingNode) else node.value
    below = 0 if isinstance(node, yaml.ScalarNode) else sum(_values(child, known) for child in children)
    known[id(node)] = 1 + below
    return 1 + below
