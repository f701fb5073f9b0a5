"""A `.tflite` file as C++ source: an aligned, constant array that stays in flash; and back again."""

from __future__ import annotations

import re
from pathlib import Path

from compressor.errors import BadInput

SUFFIX = ".cc"
_PER_LINE = 12
# TFLM reads tensors in place, and asks for the alignment of its arena.
_ALIGNMENT = 16
_ARRAY = re.compile(r"^alignas\(16\) const unsigned char model_data\[\] = \{\n([0-9a-fx,\s]*)\};\n", re.MULTILINE)


def source(content: bytes) -> str:
    """The C++ source; its bytes are written as `xxd -i` writes them."""
    rows = (content[start : start + _PER_LINE] for start in range(0, len(content), _PER_LINE))
    body = ",\n".join("  " + ", ".join(f"0x{each:02x}" for each in row) for row in rows)
    return (
        '#include "model.h"\n\n'
        f"alignas({_ALIGNMENT}) const unsigned char model_data[] = {{\n{body}\n}};\n"
        f"const unsigned int model_size = {len(content)};\n"
    )


def header() -> str:
    """What `source` defines; the length is a constant beside it, as `xxd` has it."""
    return (
        "#ifndef MODEL_H_\n#define MODEL_H_\n\n"
        f"alignas({_ALIGNMENT}) extern const unsigned char model_data[];\nextern const unsigned int model_size;\n\n"
        "#endif  // MODEL_H_\n"
    )


def content(path: Path) -> bytes:
    """The `.tflite` file inside a source that `source` made.

    Raises:
        BadInput: another kind of file.
    """
    try:
        found = _ARRAY.search(path.read_text(encoding="ascii"))
        if found is not None:
            return bytes(int(each, 16) for each in found[1].replace(",", " ").split())
    except (OSError, ValueError):
        pass
    raise BadInput(f"{path} holds no model as a C array", expected="a .cc file that the format tflm wrote")
