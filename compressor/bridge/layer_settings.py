"""The settings that a class of layers takes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping


def parameters(cls: type) -> Mapping[str, inspect.Parameter]:
    """Those of `__init__`: of a class Python up to 3.11.3 looks at `__new__` first, which takes anything in Keras."""
    return inspect.signature(cls.__init__).parameters  # type: ignore[misc]
