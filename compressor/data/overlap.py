"""Samples that are in more than one set: a number measured on what was calibrated or trained on says too much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from compressor.errors import BadInput
from compressor.values import Split


@dataclass(slots=True)
class Overlap:
    """What the evaluation set shares with the others, found while it passes by.

    Attributes:
        calibration, train: content hashes of their samples.
        calibrating: hashes of calibration samples that evaluate too.
        training: number of evaluation samples that train too.
    """

    calibration: frozenset[bytes]
    train: frozenset[bytes]
    calibrating: set[bytes] = field(default_factory=set)
    training: int = 0

    def watched(self, blocks: Iterator[tuple[Split, list[bytes]]]) -> Iterator[Split]:
        """The blocks of the evaluation set, each looked at."""
        for block, hashes in blocks:
            self.calibrating |= self.calibration.intersection(hashes)
            self.training += sum(each in self.train for each in hashes)
            yield block

    def warning(self) -> Iterator[str]:
        """What there is to say about training samples that evaluate."""
        if self.training:
            yield (
                f"the training and the evaluation set share {_samples(self.training)}: "
                "the accuracy is too good for new samples"
            )


def left_out(shared: int, count: int, allowed: bool) -> tuple[str, ...]:
    """A note on calibration samples that evaluate too, which are left out of the calibration set where that is allowed.

    Raises:
        BadInput: it is not allowed, or nothing is left.
    """
    if not shared:
        return ()
    if not allowed:
        raise BadInput(
            f"the calibration and the evaluation set share {_samples(shared)}",
            expected="sets that share none: quantization must not know what it is judged on",
            fix="leave them out of one of the two sets, or say --preprocess overlap=drop, which leaves them out of the "
            "calibration set",
        )
    if shared == count:
        raise BadInput(
            "nothing is left to calibrate on: every calibration sample is in the evaluation set too",
            expected="calibration samples that do not evaluate",
            received=_samples(count),
        )
    return (f"{_samples(shared)} left out of the calibration set: the evaluation set has the same",)


def _samples(count: int) -> str:
    return f"{count} sample{'s' * (count != 1)}"
