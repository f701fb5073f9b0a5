"""Strategies of `tf.distribute` that spread training over devices and machines."""

from __future__ import annotations

import json
import os
import re
from typing import Any

from compressor.errors import BadInput, MissingTool
from compressor.training.options import TrainingOptions
from compressor.worker import report_progress

_EXAMPLE = (
    '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}, '
    "the index another one on each machine"
)
_ADDRESS = re.compile(r".+:\d{1,5}")


def made(name: str) -> Any:
    """The strategy of that name, None for "none".

    Raises:
        BadInput: TF_CONFIG does not say which machines train along, or this one cannot serve at its address.
        MissingTool: there is no TPU.
    """
    import tensorflow as tf

    if name == "mirrored":
        kind = "GPU" if tf.config.get_visible_devices("GPU") else "CPU"
        return tf.distribute.MirroredStrategy([device.name for device in tf.config.list_logical_devices(kind)])
    if name == "multiworker":
        return _multiworker()
    return _tpu() if name == "tpu" else None


def workers(strategy: Any) -> int:
    """How many processes train along."""
    import tensorflow as tf

    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return 1
    return sum(len(addresses) for addresses in strategy.cluster_resolver.cluster_spec().as_dict().values())


def task_index() -> int:
    """This process's number among the workers, by TF_CONFIG; 0 is the chief.

    Raises:
        BadInput: TF_CONFIG is missing or does not name a worker of its cluster.
    """
    told = os.environ.get("TF_CONFIG")
    try:
        config = json.loads(told or "")
        addresses = {kind: config["cluster"].get(kind, []) for kind in ("chief", "worker")}
        kind, index = config["task"]["type"], int(config["task"]["index"])
        if not 0 <= index < len(addresses[kind]) or not all(map(_are_addresses, addresses.values())):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(
            "the strategy multiworker reads the environment variable TF_CONFIG",
            expected=_EXAMPLE,
            received="nothing" if told is None else told[:200],
        ) from None
    return index + (len(addresses["chief"]) if kind == "worker" else 0)


def suffix_of_worker(options: TrainingOptions) -> str:
    """What tells the folders of several workers apart: nothing for the chief, who is alone elsewhere.

    Raises:
        BadInput: TF_CONFIG is missing or does not name a worker of its cluster.
    """
    index = task_index() if options.strategy == "multiworker" else 0
    return f"-worker{index}" if index else ""


def _are_addresses(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(each, str) and _ADDRESS.fullmatch(each) for each in found)


def _multiworker() -> Any:
    import tensorflow as tf

    index = task_index()
    cluster = json.loads(os.environ["TF_CONFIG"])["cluster"]
    addresses = [address for kind in ("chief", "worker") for address in cluster.get(kind, [])]
    others = [address for number, address in enumerate(addresses) if number != index]
    if others:
        report_progress(f"wait for the other workers: {', '.join(others)}")
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except Exception as error:
        raise BadInput(
            f"worker {index} cannot join the others at {addresses[index]}",
            expected="a free port of this machine in TF_CONFIG, and every worker started",
            received=" ".join(str(error).split())[:300],
        ) from None


def _tpu() -> Any:
    import tensorflow as tf

    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except Exception as error:
        raise MissingTool(
            f"no TPU was found: {' '.join(str(error).split())[:200] or 'no reason given'}",
            fix="run it on a machine with a TPU, or take another --strategy",
        ) from None
    return tf.distribute.TPUStrategy(resolver)
