"""Memory of the measuring process."""

from __future__ import annotations

import re
import sys
from pathlib import Path


def peak_rss_bytes() -> int | None:
    """Largest resident set of this process so far, in bytes; None where the system does not tell.

    Linux hands `getrusage`'s maximum on from parent to child, TensorFlow's 600 MB included, so the process's
    own high-water mark is read instead.
    """
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
        if found:
            return int(found.group(1)) * 1024
    except OSError:
        pass
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None
