"""`compressor train` from the parent's side: claim the folder, train in a worker, leave what there is to know."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from compressor import curve, run_folder
from compressor.environment import versions
from compressor.errors import MissingTool
from compressor.files import whole_file
from compressor.process import Worker
from compressor.progress import Listener, silent
from compressor.subject import Asked
from compressor.training.options import TrainingOptions

RECORD = "training.json"
# The longest wait that a poll of the system takes is 24 days.
_TIMEOUT_S = 20 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training left.

    Attributes:
        folder: holds `model.h5` (tf_keras), `model.keras` (Keras 3), `data.npz`, `training.json`, `loss.svg`; of a
            sample that consists of several networks `NAME.h5` and `NAME.keras` of each.
        record: what `training.json` holds: files, loss, epochs, history, metric, data, versions.
    """

    folder: Path
    record: dict[str, Any]


def train(
    name: str,
    asked: Asked,
    metric: str | None,
    settings: dict[str, Any],
    options: TrainingOptions,
    out: Path,
    same: dict[str, Any],
    listener: Listener = silent,
    keep_partial: bool = False,
) -> Trained:
    """Train a model and leave the folder `out`, whole or not at all.

    Args:
        settings: `epochs` and `learning_rate`, as far as the user named them.
        same: see `identity`.

    Raises:
        BadInput: model, data or `out` are wrong.
        MissingTool: TensorFlow or the device asked for is not here.
        StageFailed: training crashed.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise MissingTool("training needs tensorflow, not installed here", fix="pip install '.[tensorflow]'")
    with run_folder.claimed(out, same, keep_partial) as folder:
        with Worker(folder / "log.txt", listener) as worker:
            arguments = {
                "folder": str(folder),
                "asked": asdict(asked) | {"spec": asked.spec.model_dump(mode="json")},
                "metric": metric,
                "settings": settings,
                "training": asdict(options),
            }
            found = worker.call("training", "compressor.train_job:train", arguments, _TIMEOUT_S)
        record = {"model": name, "seed": asked.seed, **found, "options": asdict(options), "versions": versions()}
        with whole_file(folder / RECORD) as temporary:
            temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        history = {key: values for key, values in found["training"]["history"].items() if key.endswith("loss")}
        (folder / "loss.svg").write_text(curve.svg(history, f"loss of {name}"), encoding="utf-8")
    return Trained(out, record)


def identity(
    asked: Asked, settings: dict[str, Any], options: TrainingOptions, in_memory_name: str | None = None
) -> dict[str, Any]:
    """What makes two trainings the same: the second may replace the first.

    Args:
        in_memory_name: of a model that was given as an object, and whose file is a copy.
    """
    return {
        "train": asked.sample or (f"{in_memory_name} in memory" if in_memory_name else str(asked.file)),
        "data": asked.data_sample or asked.spec.source,
        "preprocessing": asked.spec.sha256,
        "settings": settings,
        "training": options.deciding,
        "seed": asked.seed,
    }
