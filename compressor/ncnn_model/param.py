"""NCNN's `.param`: a graph as text, one line per layer.

Layout (docs/developer-guide/param-and-model-file-structure.md in Tencent/ncnn): a magic number; the numbers of layers
and of blobs; then per layer its type, its name, how many blobs it reads and writes, their names, and parameters
`id=value`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MAGIC = "7767517"


@dataclass(frozen=True, slots=True)
class Layer:
    """One line: parameters are kept as they are written, by id; ids from -23300 down are lists."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: dict[str, str] = field(default_factory=dict)

    def number(self, key: int, default: int = 0) -> int:
        """A whole-number parameter, NCNN's default where the line has none."""
        return int(self.parameters.get(str(key), default))


def parse(text: str) -> tuple[Layer, ...]:
    """The layers of a `.param`, in order.

    Raises:
        ValueError: it is none.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 3 or lines[0].strip() != MAGIC:
        raise ValueError("no .param text of NCNN")
    return tuple(_layer(line) for line in lines[2:])


def _layer(line: str) -> Layer:
    kind, name, reads, writes, *rest = line.split()
    taken, made = int(reads), int(writes)
    if min(taken, made) < 0 or len(rest) < taken + made:
        raise ValueError(f"the layer {name} names fewer blobs than it says")
    parameters = dict(part.split("=", 1) for part in rest[taken + made :])
    return Layer(kind, name, tuple(rest[:taken]), tuple(rest[taken : taken + made]), parameters)


def render(layers: tuple[Layer, ...]) -> str:
    """The text of a `.param` with these layers."""
    blobs = {name for layer in layers for name in layer.outputs}
    lines = [MAGIC, f"{len(layers)} {len(blobs)}", *map(_line, layers)]
    return "\n".join(lines) + "\n"


def _line(layer: Layer) -> str:
    head = f"{layer.kind:<24} {layer.name:<24} {len(layer.inputs)} {len(layer.outputs)}"
    parameters = (f"{key}={value}" for key, value in layer.parameters.items())
    return " ".join([head, *layer.inputs, *layer.outputs, *parameters])
