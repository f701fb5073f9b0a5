"""Where training happens: devices, memory, the strategy that spreads it, and the number format it computes in."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.errors import BadInput, MissingTool
from compressor.training import mixed_precision, strategies
from compressor.training.options import TrainingOptions

if TYPE_CHECKING:
    import tensorflow as tf


_MOST_PARTS = 16


@dataclass(frozen=True, slots=True)
class Place:
    """Where training happens, once TensorFlow is set up for it.

    Attributes:
        devices: names of what trains, e.g. "GPU:0".
        gpus: names of the GPUs among them.
        strategy: spreads training over devices or machines; None trains on one.
        number_format: "float16" or "bfloat16" where layers compute in it, else None.
        notes: what was asked and could not be had, in sentences.
        options: what was asked.
        logs: folder that receives event files for TensorBoard, or None.
    """

    devices: tuple[str, ...] = ()
    gpus: tuple[str, ...] = ()
    strategy: tf.distribute.Strategy | None = None
    number_format: str | None = None
    notes: tuple[str, ...] = ()
    options: TrainingOptions = field(default_factory=TrainingOptions)
    logs: Path | None = None

    @property
    def replicas(self) -> int:
        """How many copies of the model share each batch."""
        return 1 if self.strategy is None else int(self.strategy.num_replicas_in_sync)

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Variables that are made inside belong to the strategy."""
        with contextlib.nullcontext() if self.strategy is None else self.strategy.scope():
            yield

    def agreed(self, numbers: tuple[int, ...]) -> set[int]:
        """The numbers that every worker gives; alone these are one's own.

        Workers that start from different epochs would wait for one another forever.
        """
        if not self.among_workers:
            return set(numbers)
        import tensorflow as tf

        assert self.strategy is not None
        longest = 4
        row = tf.constant([[*numbers, *[-1] * longest][:longest]])
        # One row per replica comes back; a worker's replicas give the same.
        rows = self.strategy.gather(self.strategy.run(lambda: tf.identity(row)), axis=0).numpy()
        return set.intersection(*(set(map(int, each)) for each in rows)) - {-1}

    @property
    def among_workers(self) -> bool:
        """Whether other processes train along."""
        return self.strategy is not None and strategies.workers(self.strategy) > 1


def set_up(options: TrainingOptions | None = None, seed: int = 0, logs: Path | None = None) -> Place:
    """Seed everything, make operations deterministic, and give training the devices that are asked for.

    Has to be called before TensorFlow is used for anything else.

    Raises:
        BadInput: the devices cannot do what is asked.
        MissingTool: there is no such device.
    """
    import tensorflow as tf
    import tf_keras

    options = options or TrainingOptions()
    gpus = _visible_gpus(options)
    notes = [*_limit_memory(gpus, options)]
    if options.strategy == "mirrored" and not gpus:
        _split_the_cpu(options.replicas)
    tf_keras.utils.set_random_seed(seed)
    if options.xla:
        # XLA refuses some deterministic operations, e.g. the gradient of MaxPooling.
        notes.append("with xla, training is not the same to the last bit each time")
    else:
        tf.config.experimental.enable_op_determinism()
    # Random layers then keep their state in variables, which a checkpoint can hold.
    tf_keras.backend.experimental.enable_tf_random_generator()
    strategy = strategies.made(options.strategy)
    number_format = None
    if options.mixed_precision:
        number_format, told = mixed_precision.number_format(gpus)
        notes += told
    names = tuple(gpu.name for gpu in gpus)
    return Place(_devices(gpus, options), names, strategy, number_format, tuple(notes), options, logs)


def _devices(gpus: list[Any], options: TrainingOptions) -> tuple[str, ...]:
    import tensorflow as tf

    if gpus and options.strategy in ("none", "mirrored"):
        # Logical devices are numbered anew among those that are visible.
        return tuple(gpu.name.removeprefix("/physical_device:") for gpu in gpus)
    return tuple(_short(device.name) for device in tf.config.list_logical_devices("GPU" if gpus else "CPU"))


def _short(device: str) -> str:
    """ "GPU:0", and of another machine "worker 1 GPU:0"."""
    return re.sub(r"^/job:(\w+)/replica:\d+/task:(\d+)/device:", r"\1 \2 ", device).removeprefix("/device:")


def _visible_gpus(options: TrainingOptions) -> list[Any]:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if options.device == "cpu":
        gpus = []
    elif options.device != "auto":
        gpus = _asked_for(options.device, gpus)
    if options.replicas is not None and gpus:
        if options.replicas > len(gpus):
            raise BadInput(f"{options.replicas} replicas need as many GPUs", received=f"{len(gpus)} GPUs")
        gpus = gpus[: options.replicas]
    if options.strategy == "none":
        gpus = gpus[:1]
    tf.config.set_visible_devices(gpus, "GPU")
    return list(gpus)


def _asked_for(device: str, gpus: list[Any]) -> list[Any]:
    number = int(device.partition(":")[2] or 0)
    if number >= len(gpus):
        raise MissingTool(
            f"device {device} is not here: TensorFlow finds {len(gpus) or 'no'} GPU{'s' * (len(gpus) != 1)}",
            fix="see compressor doctor, or take --device auto",
        )
    return gpus[number : number + 1] if ":" in device else gpus


def _limit_memory(gpus: list[Any], options: TrainingOptions) -> Iterator[str]:
    import tensorflow as tf

    if options.memory_limit is not None and not gpus:
        yield "memory_limit was not applied: it is of GPU memory, and training runs on the CPU"
    for gpu in gpus:
        if options.memory_limit is None:
            tf.config.experimental.set_memory_growth(gpu, True)
        else:
            limited = tf.config.LogicalDeviceConfiguration(memory_limit=options.memory_limit)
            tf.config.set_logical_device_configuration(gpu, [limited])


def _split_the_cpu(replicas: int | None) -> None:
    """Several logical devices of one CPU: not faster, but what several GPUs would do can be tried."""
    import tensorflow as tf

    if replicas is None:
        raise BadInput(
            "the strategy mirrored takes several GPUs, and there is none",
            fix="take --strategy none; or say with --replicas into how many devices the CPU is to be split, to try it",
        )
    if replicas > _MOST_PARTS:
        raise BadInput(f"the CPU cannot be split into {replicas} devices", expected=f"at most {_MOST_PARTS}")
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
