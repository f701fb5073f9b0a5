"""How the reading of one spoiled file ended, and what must never be an end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

TIME_LIMIT_S = 20.0
# What the product is given for a file, so that it says itself that it stopped.
GIVEN_S = 10.0
_DEAD = re.compile(r"ended the runtime with|ended its process with|was ended with")
_STOPPED = "did not finish within"


@dataclass(frozen=True, slots=True)
class End:
    """One file.

    Attributes:
        file: kind and number, as the mutator made it.
        change: what was done to the sound file.
        how: "read", "refused", "failed", "dead child", "stopped", or what must not be.
        seconds: how long it took.
        told: the message.
    """

    file: str
    change: str
    how: str
    seconds: float
    told: str = ""

    @property
    def clean(self) -> bool:
        """True when a user can live with it."""
        return self.how in ("read", "refused", "failed", "dead child", "stopped") and self.seconds < TIME_LIMIT_S


def of_command(code: int | None, err: str) -> str:
    """How a command ended, by its exit code and what it said."""
    if code is None:
        return "hung"
    if code < 0 or code not in (0, 1, 2, 3):
        return f"died with {code}"
    if "Traceback" in err:
        return "traceback"
    if code == 0:
        return "read"
    if not re.search(r"^error: \S", err, re.MULTILINE):
        return "no sentence"
    return of_message(code, err)


def of_message(code: int, told: str) -> str:
    """How a failure is counted."""
    if _STOPPED in told:
        return "stopped"
    if _DEAD.search(told):
        return "dead child"
    return "refused" if code == 2 else "failed"


def table(ends: Iterable[End]) -> str:
    """Ends counted per kind, and the slowest file of each."""
    kinds: dict[str, list[End]] = {}
    for end in ends:
        kinds.setdefault(end.file.partition("-")[0], []).append(end)
    lines = ["kind       files  ends                                                     slowest"]
    for kind, those in kinds.items():
        counts = ", ".join(f"{count} {how}" for how, count in Counter(end.how for end in those).most_common())
        slowest = max(those, key=lambda end: end.seconds)
        lines.append(f"{kind:<10} {len(those):>5}  {counts:<55}  {slowest.seconds:.1f} s ({slowest.file})")
    return "\n".join(lines)
