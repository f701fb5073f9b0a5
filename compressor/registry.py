"""Plug-ins found by their file name: the directory listing is the registry.

A plug-in is one module in its folder that defines one constant (`STEP`, `FORMAT`, `RUNTIME`, `TARGET`, …).
A module without the constant is an error, never skipped. Names with a leading underscore are not plug-ins.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from compressor.errors import unknown


def names(package: str) -> tuple[str, ...]:
    """Plug-in names in `package`, sorted, without importing any of them."""
    path = importlib.import_module(package).__path__
    return tuple(sorted(module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_")))


def load(package: str, name: str, constant: str, kind: str) -> Any:
    """The constant of one plug-in.

    Raises:
        BadInput: no file of that name is in the folder.
        AttributeError: the file lacks its constant (a defect of the plug-in, not of the user).
    """
    known = names(package)
    if name not in known:
        raise unknown(kind, name, known)
    module = importlib.import_module(f"{package}.{name}")
    if not hasattr(module, constant):
        raise AttributeError(f"{package}/{name}.py defines no {constant}")
    return getattr(module, constant)
