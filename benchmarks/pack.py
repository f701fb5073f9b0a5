"""Packed files against what general compressors make of them, and how long each takes.

Usage: python benchmarks/pack.py FILE... [--docs docs/packing.md]

With --docs, the table takes the place of the one between the marks. `zstd` and `brotli` are compared where the packages
`zstandard` and `brotli` are installed.
"""

from __future__ import annotations

import argparse
import importlib
import lzma
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from compressor import packing

_BEGIN, _END = "<!-- figures -->\n", "<!-- end of figures -->\n"
Compress = Callable[[bytes], bytes]


def main() -> None:
    """Pack every file by everything that is here."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("files", type=Path, nargs="+")
    asked.add_argument("--docs", type=Path)
    given = asked.parse_args()
    ways = dict(_ways())
    lines = [_line(("file", "bytes", *ways)), _line(["---", *["---:"] * (len(ways) + 1)])]
    for path in given.files:
        content = path.read_bytes()
        told = [_timed(way, content) for way in ways.values()]
        lines.append(_line((path.stem, f"{len(content):,}", *told)))
        print(lines[-1], flush=True)
    if given.docs:
        text = given.docs.read_text(encoding="utf-8")
        before, _, rest = text.partition(_BEGIN)
        after = rest.partition(_END)[2]
        given.docs.write_text(f"{before}{_BEGIN}{chr(10).join(lines)}\n{_END}{after}", encoding="utf-8")


def _ways() -> Iterator[tuple[str, Compress]]:
    yield "deflate 9", lambda content: zlib.compress(content, 9)
    yield "xz 9e", lambda content: lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)
    for name, make in (("zstandard", _zstandard), ("brotli", _brotli)):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        yield make()
    yield "`pack`", packing.pack


def _zstandard() -> tuple[str, Compress]:
    import zstandard

    return "zstd 22", zstandard.ZstdCompressor(level=22).compress


def _brotli() -> tuple[str, Compress]:
    import brotli

    return "brotli 11", lambda content: bytes(brotli.compress(content, quality=11, lgwin=24))


def _timed(way: Compress, content: bytes) -> str:
    started = time.process_time()
    packed = way(content)
    return f"{len(packed):,} ({time.process_time() - started:.1f} s)"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
