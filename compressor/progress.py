"""Progress of long work as plain events, and the bar that shows them on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_LINE_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` units of `stage`; total 0 means that the end is not known. `note` is a short text."""

    stage: str
    done: int = 0
    total: int = 0
    note: str = ""


Listener = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """A listener that shows nothing."""


@contextmanager
def bar() -> Iterator[Listener]:
    """Show events on stderr: a live bar on a terminal, one line per finished stage elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as live:
        tasks: dict[str, TaskID] = {}

        def show(event: Progress) -> None:
            if event.stage not in tasks:
                for earlier in tasks.values():
                    live.update(earlier, visible=False)
                tasks[event.stage] = live.add_task(event.stage, note="")
            total = event.total or None
            live.update(tasks[event.stage], completed=event.done, total=total, note=event.note)

        yield show


class _Lines:
    """One line per stage, and one every few seconds while a stage takes long."""

    def __init__(self) -> None:
        self._stage, self._begun, self._told = "", 0.0, 0.0

    def __call__(self, event: Progress) -> None:
        now = time.monotonic()
        if event.stage != self._stage:
            self._stage, self._begun, self._told = event.stage, now, now
            print(f"… {event.stage}", file=sys.stderr, flush=True)
        elif event.total and event.done and now - self._told > _LINE_EVERY_S:
            self._told = now
            left = (now - self._begun) * (event.total - event.done) / event.done
            told = ", ".join(filter(None, (event.note, f"{left:.0f} s left")))
            print(f"  {event.stage} {100 * event.done // event.total} %: {told}", file=sys.stderr, flush=True)
