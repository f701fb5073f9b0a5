"""How training is done, as the user asks for it: where, in which numbers, in which batches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from compressor.errors import BadInput, unknown

STRATEGIES = ("none", "mirrored", "multiworker", "tpu")
AUTO = "auto"
_NO_MATTER = ("memory_limit", "tensorboard")


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How training is done. Nothing of it says what is trained.

    Attributes:
        device: "auto" (a GPU where there is one), "cpu", "gpu" or "gpu:N", the N-th.
        memory_limit: MiB of each GPU that may be used; None lets memory grow as it is needed.
        mixed_precision: compute in half precision (float16 on GPUs, bfloat16 on CPUs that have it), weights in float32.
        batch_size: samples per optimizer step instead of the recipe's or sample's; "auto" takes the largest that fits.
        eager: without graphs, to debug.
        xla: compile the graphs by XLA.
        strategy: of `tf.distribute`.
        replicas: of "mirrored": that many GPUs, or parts of the CPU; None takes all GPUs.
        early_stopping: end once the loss on a tenth of the training samples, held out for this, has not fallen for
            so many epochs, and go back to the best; None trains all epochs.
        tensorboard: leave event files for TensorBoard in the run folder.

    Raises:
        BadInput: an unknown word, a number out of its range, or options that exclude one another.
    """

    device: str = AUTO
    memory_limit: int | None = None
    mixed_precision: bool = False
    batch_size: int | str | None = None
    eager: bool = False
    xla: bool = False
    strategy: str = "none"
    replicas: int | None = None
    early_stopping: int | None = None
    tensorboard: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r"auto|cpu|gpu(:\d+)?", self.device):
            raise BadInput(f"no such device: {self.device}", expected="auto, cpu, gpu or gpu:N, e.g. gpu:0")
        if self.strategy not in STRATEGIES:
            raise BadInput(f"no such strategy: {self.strategy}", expected=", ".join(STRATEGIES))
        if isinstance(self.batch_size, str) and self.batch_size != AUTO:
            raise BadInput(f"batch_size is {self.batch_size!r}", expected="a whole number from 1 on, or auto")
        for name in ("memory_limit", "batch_size", "replicas", "early_stopping"):
            value = getattr(self, name)
            if value is not None and value != AUTO and not (type(value) is int and value >= 1):
                raise BadInput(f"{name} is {value}", expected="a whole number from 1 on")
        self._check_together()

    def _check_together(self) -> None:
        if self.eager and self.xla:
            raise BadInput("eager and xla exclude one another: XLA compiles graphs", fix="leave one of them out")
        if self.replicas is not None and self.strategy != "mirrored":
            raise BadInput(f"replicas go with the strategy mirrored (received {self.strategy})")
        if self.device.startswith("gpu:") and self.strategy == "mirrored":
            raise BadInput(
                f"{self.device} is one GPU, and the strategy mirrored takes several",
                fix="say --device gpu, and how many with --replicas",
            )
        if self.device.startswith("cpu") and self.memory_limit is not None:
            raise BadInput("memory_limit is of GPU memory, and the device is cpu")

    @property
    def deciding(self) -> dict[str, Any]:
        """The options that can change a trained weight: memory does where it decides the size of batches."""
        left_out = _NO_MATTER[1:] if self.batch_size == AUTO else _NO_MATTER
        return {name: value for name, value in asdict(self).items() if name not in left_out}


def of(options: TrainingOptions | Mapping[str, Any] | None) -> TrainingOptions:
    """Options as they are, or by name.

    Raises:
        BadInput: an unknown name, or a wrong value.
    """
    if isinstance(options, TrainingOptions):
        return options
    known = [field.name for field in fields(TrainingOptions)]
    for name in options or {}:
        if name not in known:
            raise unknown("training option", name, known)
    return TrainingOptions(**options or {})
