"""GitHub-flavoured Markdown of text that may hold anything, and as much of it as there is room for.

Tables: https://github.github.com/gfm/#tables-extension- . Folding is HTML's `details`, which GitHub lets through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# GitHub takes 65 536 characters in a comment and 1 MiB in a step summary; bytes are the safe count of both.
LARGEST = 65_000
_LONGEST_TEXT = 600
# Underscores inside words are letters.
_MARKS = re.compile(r"[\\`*\[\]|~$#!]|(?<![^\W_])_|_(?![^\W_])")
# What makes a list or a heading of a line that it begins.
_BEGINNING = re.compile(r"^([0-9]*)([-+=.)])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_CONTROLS = re.compile("[^\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that stand together; what has no room of them is told as a number.

    Attributes:
        head: comes before the lines, and not without them.
        tail: closes what `head` opened.
        rest: what the lines are, where not all have room.
    """

    lines: Sequence[str]
    head: str = ""
    tail: str = ""
    rest: str = "lines"


def escaped(text: object) -> str:
    """Text as it reads, within a line: no mark, tag, cell or row begins or ends in it."""
    line = _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", " ".join(str(text).split()))
    line = line if len(line) <= _LONGEST_TEXT else f"{line[:_LONGEST_TEXT]}…"
    line = _MARKS.sub(lambda found: f"\\{found[0]}", line)
    return "".join(_ENTITIES.get(letter, letter) for letter in line)


def escaped_line(text: object) -> str:
    """The same for text that begins a line, as items of a list do."""
    return _BEGINNING.sub(r"\1\\\2", escaped(text))


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], words: int, rest: str = "rows") -> Block:
    """A table.

    Args:
        words: so many columns stand to the left; numbers, which come after, to the right.
    """
    marks = [":---" if index < words else "---:" for index in range(len(headers))]
    return Block(
        [_row(map(escaped, row)) for row in rows], f"{_row(map(escaped, headers))}\n{_row(marks)}\n", rest=rest
    )


def bullets(title: str, items: Iterable[str], rest: str) -> Block:
    """A list under a bold title; the items are Markdown already."""
    return Block([f"- {item}" for item in items], f"**{title}**\n\n", rest=rest)


def folded(title: str, block: Block) -> Block:
    """The same, shown when the title is clicked."""
    head = f"<details>\n<summary>{escaped(title)}</summary>\n\n{block.head}"
    return Block(block.lines, head, f"{block.tail}\n\n</details>", block.rest)


def fitted(blocks: Iterable[Block], most: int = LARGEST) -> str:
    """The blocks in their order, as many lines of each as there is room for.

    Args:
        most: bytes; at least 1 000.
    """
    told = ""
    for block in blocks:
        told += _as_much(block, most - _size(told))
    return told


def _as_much(block: Block, room: int) -> str:
    if not block.lines:
        return ""
    lines = list(block.lines)
    room -= _size(f"{block.head}{block.tail}\n\n") + _size(_left_out(len(lines), block.rest))
    kept = 0
    while kept < len(lines) and (room := room - _size(lines[kept]) - 1) >= 0:
        kept += 1
    if not kept:
        return ""
    rest = len(lines) - kept
    body = "\n".join(lines[:kept]) + (_left_out(rest, block.rest) if rest else "")
    return f"{block.head}{body}{block.tail}\n\n"


def _left_out(count: int, what: str) -> str:
    return f"\n\n… and {count} more {what}, see report.json"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _size(text: str) -> int:
    return len(text.encode())
