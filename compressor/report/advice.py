"""What a person can do about a limit that did not hold."""

from __future__ import annotations

_LOSES = (
    "see where it is lost with `compressor diagnose`, or take a recipe that loses less "
    "(quantization-aware training, float16, more calibration samples)"
)
_MEMORY = "look at the largest tensors, or take a smaller precision"
_SIZE = "take a recipe that makes smaller files (int8, pruning, clustering), or a wider limit"
_IMPLAUSIBLE = (
    "look whether evaluation samples are among those of training or calibration, and whether the float32 file "
    "answers as Keras does"
)
# The first whose word is in the name of the limit.
_BY_WORD = {
    "finished": "read the reason, and log.txt in the run folder",
    "still_there": "where it is meant to be gone, compare with a report without it",
    "comparable": "compare reports of the same model and targets, whose files were written and measured",
    "promise": "look which later step or converter changed the weights, or leave the step that promised out",
    "parity": "see which layer diverges first with `compressor diagnose`",
    "plausible": _IMPLAUSIBLE,
    "share": "see which operators stay off the accelerator and why with `compressor inspect`",
    "latency": "look at the operators that take most of the time, or take another precision or runtime",
    **dict.fromkeys(("accuracy", "error", "db", "agreement"), _LOSES),
    "flash": "take a recipe that makes smaller files (int8, pruning, clustering), or a device with more flash",
    **dict.fromkeys(("memory", "ram", "rss"), _MEMORY),
    **dict.fromkeys(("size", "deflated", "packed", "bytes"), _SIZE),
}


def what_to_do(limit: str, outcome: str) -> str:
    """Advice on one limit, by its name and by what came of it ("failed", "undecided", "implausible", "error")."""
    if outcome == "undecided" and "latency" in limit:
        return "measure again on a machine that does nothing else, or decide what counts with --undecided fail or pass"
    if outcome == "undecided":
        return "evaluate more samples, or decide what counts with --undecided fail or pass"
    if outcome == "implausible":
        return _IMPLAUSIBLE
    return next((told for word, told in _BY_WORD.items() if word in limit), "")
