"""What a person can do about a limit that did not hold."""

from __future__ import annotations

_LOSES = (
    "see where it is lost with `compressor diagnose`, or take a recipe that loses less "
    "(quantization-aware training, float16, more calibration samples)"
)
_BY_LIMIT = {
    "finished": "read the reason, and log.txt in the run folder",
    "max_accuracy_drop": _LOSES,
    "max_error_rise": _LOSES,
    "min_agreement": _LOSES,
    "parity": "see which layer diverges first with `compressor diagnose`",
    "max_latency_ratio": "look at the operators that take most of the time, or take another precision or runtime",
}
_SIZE = "take a recipe that makes smaller files (int8, pruning, clustering), or a wider limit"
_SHARE = "see which operators stay off the accelerator and why with `compressor inspect`"


def what_to_do(limit: str, outcome: str) -> str:
    """Advice on one limit, by its name and by what came of it ("failed", "undecided", "implausible", "error")."""
    if outcome == "undecided":
        return "evaluate more samples, or decide what counts with --undecided fail or pass"
    if outcome == "implausible":
        return (
            "look whether evaluation samples are among those of training or calibration, and whether the float32 file "
            "answers as Keras does"
        )
    if "share" in limit:
        return _SHARE
    return _BY_LIMIT.get(limit, _SIZE if "size" in limit else "")
