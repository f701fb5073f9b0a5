"""Plots by matplotlib as inline SVG: colours are variables of the page, text stays text, same plot same bytes."""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

# matplotlib knows no variables of CSS: plots are drawn in these colours, which stand for them.
INK, QUIET, LINE, PAPER = "#010203", "#010204", "#010205", "#010206"
BASE, ACCENT, SECOND, THIRD = "#010207", "#010208", "#010209", "#01020a"
GOOD, BAD = "#01020b", "#01020c"
_VARIABLES = {
    INK: "ink",
    QUIET: "quiet",
    LINE: "line",
    PAPER: "paper",
    BASE: "base",
    ACCENT: "accent",
    SECOND: "second",
    THIRD: "third",
    GOOD: "good",
    BAD: "bad",
}
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": QUIET,
    "axes.labelsize": 12,
    "axes.axisbelow": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.size": 12,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 11,
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "compressor",
    "text.color": INK,
    # Names come from the report: a dollar sign in one begins no formula.
    "text.parse_math": False,
    "xtick.color": LINE,
    "xtick.labelcolor": QUIET,
    "xtick.labelsize": 11,
    "ytick.color": LINE,
    "ytick.labelcolor": QUIET,
    "ytick.labelsize": 11,
}
# One unit of the drawing is one pixel of the page, at full size.
_DOTS = 72
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def plot(key: str, size: tuple[int, int], title: str, told: str, draw: Callable[[Axes], None]) -> Markup:
    """One plot as an `<svg>` with a text alternative.

    Args:
        key: unique in the page: the ids of the plot begin with it.
        size: width and height in pixels, where there is room for them.
        title: name of the plot.
        told: what it shows, in numbers.
        draw: fills the axes, in the colours of this module.
    """
    import matplotlib
    from markupsafe import Markup
    from matplotlib.figure import Figure

    drawn = BytesIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        # Signs that matplotlib's own font lacks are drawn by the browser's.
        warnings.simplefilter("ignore", UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        figure = Figure(figsize=(size[0] / _DOTS, size[1] / _DOTS), dpi=_DOTS, layout="constrained")
        draw(figure.add_subplot())
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    root = ElementTree.fromstring(drawn.getvalue())
    _simplify(root)
    _rename(root, key)
    _tell(root, key, size, title, told)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def label(text: str, longest: int = 28) -> str:
    """Text that XML can carry, shortened in its middle."""
    line = "".join(sign if unicodedata.category(sign)[0] != "C" else " " for sign in text)
    half = longest // 2
    return line if len(line) <= longest else f"{line[: half - 1]}…{line[len(line) - half :]}"


def _simplify(root: ElementTree.Element) -> None:
    """Drop namespaces, metadata and matplotlib's own style, which would hold for the whole page."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        for name in list(element.attrib):
            value = element.attrib.pop(name)
            element.attrib[name.rpartition("}")[2]] = _themed(value) if name == "style" else value


def _themed(style: str) -> str:
    """The style with variables for colours, and without a font family of its own."""
    style = re.sub(r"font: ([\d.]+px)[^;]*", r"font-size: \1", style)
    return re.sub(r"#0102[0-9a-f]{2}", lambda found: f"var(--{_VARIABLES[found[0]]})", style)


def _rename(root: ElementTree.Element, key: str) -> None:
    """Begin ids with the key of the plot; those that nothing refers to go."""
    used = {element.attrib["href"][1:] for element in root.iter() if "href" in element.attrib}
    used |= {name for element in root.iter() for value in element.attrib.values() for name in _REFERENCE.findall(value)}
    for element in root.iter():
        if element.attrib.get("id") in used:
            element.attrib["id"] = f"{key}-{element.attrib['id']}"
        else:
            element.attrib.pop("id", None)
        for name, value in element.attrib.items():
            if name == "href":
                element.attrib[name] = f"#{key}-{value[1:]}"
            else:
                element.attrib[name] = _REFERENCE.sub(rf"url(#{key}-\1)", value)


def _tell(root: ElementTree.Element, key: str, size: tuple[int, int], title: str, told: str) -> None:
    width, height = map(str, size)
    root.attrib = {
        "role": "img",
        "aria-labelledby": f"{key}-title {key}-desc",
        "width": width,
        "height": height,
        "viewBox": f"0 0 {width} {height}",
    }
    for position, (tag, text) in enumerate((("title", title), ("desc", told))):
        element = ElementTree.Element(tag, {"id": f"{key}-{tag}"})
        element.text = label(text, 4000)
        root.insert(position, element)
