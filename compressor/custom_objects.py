"""Layers and functions of the user's own, which a model file may name once the user trusts their module."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from compressor import trusted_code
from compressor.errors import BadInput


def load(module: str | None, trusted: bool) -> dict[str, Any]:
    """Every public class and function that the module defines, by name; nothing for None.

    Importing also runs the module's own registrations (`register_keras_serializable`).

    Raises:
        BadInput: not trusted, no such module, or nothing in it.
    """
    if module is None:
        return {}
    imported = trusted_code.load(module, trusted)
    if not isinstance(imported, ModuleType):
        raise BadInput(f"'{module}' is no module", expected="package.module", received=type(imported).__name__)
    found = {
        name: value
        for name, value in vars(imported).items()
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == imported.__name__
    }
    if not found:
        raise BadInput(f"the module {module} defines no class or function", expected="at least one custom layer")
    return found
