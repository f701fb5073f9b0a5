"""A page as a browser's parser sees it: elements, texts and what refers to what."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

_VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Reads a page; an element that is closed out of order fails at once.

    Attributes:
        elements: name and attributes of every element, in their order.
        texts: text by the elements around it, joined with a space.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.named: dict[int, bool] = {}
        self._open: list[tuple[str, int]] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        if tag == "title":
            self.named |= {at: True for name, at in self._open if name == "svg"}
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append((tag, len(self.elements) - 1))
        if tag == "svg":
            self.named[len(self.elements) - 1] = False

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        opened, _ = self._open.pop()
        assert opened == tag, (opened, tag, self.getpos())

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((" ".join(name for name, _ in self._open), data.strip()))

    @property
    def text(self) -> str:
        """All that a person reads, without style and scripts."""
        shown = (text for path, text in self.texts if not path.endswith(("style", "script")))
        return " ".join(" ".join(shown).split())

    @property
    def ids(self) -> Counter[str]:
        """How often each id is there."""
        return Counter(str(attributes["id"]) for _, attributes in self.elements if "id" in attributes)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of a name."""
        return [attributes for name, attributes in self.elements if name == tag]
