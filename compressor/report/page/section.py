"""A section of the page, as the templates read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Section:
    """One section.

    Attributes:
        key: its id in the page, and the name of its template.
        lead: what the section says, in a sentence or two.
        content: what the template shows; nothing but the lead where it is empty.
        folded: shown when it is opened.
    """

    key: str
    title: str
    lead: str
    content: Mapping[str, Any] = field(default_factory=dict)
    folded: bool = False
