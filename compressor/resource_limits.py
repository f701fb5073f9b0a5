"""What a process that reads foreign files may take of the machine: its memory, no core dump, and the first place
when the kernel has to end one.

A spoiled size in a model file can ask for any amount of memory. With a limit the allocation fails in the process
that asked, as a `MemoryError` or its native equal, and never pushes other programs out.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_SHARE = 0.9
# CUDA and its relatives reserve address space many times the size of the memory.
_GPU_DEVICES = ("nvidia*", "nvhost*", "nvmap", "dxg", "kfd")
_CONTAINER_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
# Half of the scale: a process counts as if it took half of the machine's memory more than it does.
_OOM_SCORE = "500"


def apply() -> None:
    """Limit this process and all that it starts; where the system has no such limits, nothing happens."""
    try:
        import resource
    except ModuleNotFoundError:
        return
    _lower(resource.RLIMIT_CORE, 0)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)
    memory = memory_bytes()
    if memory is not None and not _has_gpu():
        _lower(resource.RLIMIT_DATA, int(memory * _SHARE))


def memory_bytes() -> int | None:
    """Memory of the machine, or of the container where that is less; None where the system does not tell."""
    found = []
    with contextlib.suppress(ValueError, OSError, AttributeError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for place in _CONTAINER_LIMITS:
        with contextlib.suppress(ValueError, OSError):
            found.append(int(Path(place).read_text()))
    return min((size for size in found if size > 0), default=None)


def _has_gpu() -> bool:
    return any(next(Path("/dev").glob(pattern), None) is not None for pattern in _GPU_DEVICES)


def _lower(kind: int, limit: int) -> None:
    import resource

    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    soft = resource.getrlimit(kind)[0]
    if soft == resource.RLIM_INFINITY or limit < soft:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, hard))
