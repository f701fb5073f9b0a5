"""Memory of the measuring process, and what a microcontroller would need."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from compressor.errors import BadInput
from compressor.tflm import c_array, fit, operators

_TFLITE = (".tflite", c_array.SUFFIX)
# Documentation/filesystems/proc.rst: "to reset the peak resident set size ('high water mark')".
_RESET = "5"


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that running a file takes; see `compressor.report.figures.MemoryValue`."""

    baseline_bytes: int | None = None
    over_baseline_bytes: int | None = None
    arena_bytes: int | None = None
    flash_bytes: int | None = None
    ram_bytes: int | None = None


class Account:
    """Resident memory of this process from now on, with the runtime loaded and no file opened.

    The high-water mark is set back where the system allows it, so that what came before does not count.
    """

    def __init__(self) -> None:
        self.baseline = _status("VmRSS")
        self._left_out = 0
        self._over = 0
        self._peak = peak_rss_bytes()
        _set_back()

    @contextmanager
    def leaving_out(self) -> Iterator[None]:
        """What is read meanwhile is not the file's: neither its peak nor what stays of it."""
        self._note()
        before = _status("VmRSS")
        yield
        if self._peak is not None:
            self._peak = max(self._peak, peak_rss_bytes() or 0)
        after = _status("VmRSS")
        if before is not None and after is not None:
            self._left_out += max(0, after - before)
        _set_back()

    def over_baseline(self) -> int | None:
        """The largest resident memory so far, less the baseline and what was left out."""
        self._note()
        return None if self.baseline is None else self._over

    def peak(self) -> int | None:
        """The largest resident memory of the process, all in all."""
        self._note()
        return self._peak

    def _note(self) -> None:
        found = peak_rss_bytes()
        if found is None or self._peak is None:
            return
        self._peak = max(self._peak, found)
        if self.baseline is not None:
            self._over = max(self._over, found - self.baseline - self._left_out)


def of_microcontroller(artifact: Path) -> Memory:
    """What TensorFlow Lite Micro would ask for, estimated; nothing for files that it cannot run."""
    if artifact.suffix not in _TFLITE:
        return Memory()
    with suppress(BadInput):
        content = c_array.content(artifact) if artifact.suffix == c_array.SUFFIX else artifact.read_bytes()
        if not operators.refusals(content):
            need = fit.need(content)
            return Memory(arena_bytes=need.arena.total, flash_bytes=need.flash, ram_bytes=need.ram)
    return Memory()


def peak_rss_bytes() -> int | None:
    """Largest resident set of this process so far, in bytes; None where the system does not tell.

    Linux hands `getrusage`'s maximum on from parent to child, TensorFlow's 600 MB included, so the process's
    own high-water mark is read instead.
    """
    found = _status("VmHWM")
    if found is None and sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found


def _status(field: str) -> int | None:
    with suppress(OSError):
        found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
        return int(found.group(1)) * 1024 if found else None
    return None


def _set_back() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text(_RESET)
