"""What Vela prints: operators that stay on the CPU with the reason, and why it stopped."""

from __future__ import annotations

import re
from collections.abc import Mapping

_LEFT = re.compile(r"^Warning \(supported operators\) operator: \S+, ofm: '(.*)'\nReason: (.*)$", re.MULTILINE)
_ERROR = re.compile(r"^(?:\w+\.)*(\w*(?:Error|Exception)|KeyboardInterrupt|SystemExit)\b:?\s*", re.MULTILINE)
_PREFIX = re.compile(r"^(?:Compilation failed:\s*)?(?:Error:\s*)?")
# Vela names the output of an activation that is fused into an operator after the operator's own.
_FUSED = "_act"
_LONGEST = 400


def reasons(log: str) -> Mapping[str, str]:
    """Name of the tensor that an operator writes → why the operator stays on the CPU."""
    found: dict[str, str] = {}
    for name, reason in _LEFT.findall(log):
        found.setdefault(name.removesuffix(_FUSED), reason.strip().rstrip("."))
    return found


def last_words(log: str) -> str:
    """Why Vela stopped, of a log that may end with Python's own traceback."""
    errors = list(_ERROR.finditer(log))
    if not errors:
        lines = [line.strip() for line in log.splitlines() if line.strip()]
        return lines[-1][:_LONGEST] if lines else "it printed nothing"
    last = errors[-1]
    lines = [line.strip(" -\t") for line in log[last.end() :].splitlines()]
    told = _PREFIX.sub("", "; ".join(line for line in lines if line))
    kind = last[1]
    return (told if kind == "RuntimeError" and told else f"{kind} {told}".strip())[:_LONGEST]
