"""Linters: what a target would refuse in an artifact, said without the target's own tools."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warn", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule broken in one place; the message says what is wrong, what was expected and what to do."""

    rule: str
    severity: Severity
    where: str
    message: str
