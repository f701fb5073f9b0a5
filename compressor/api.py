"""The verbs of the package as functions: names become values here, and nowhere below.

This module and the command line are the only ones that know the folders `targets` and `sample_models`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from compressor import model_files, registry
from compressor import recipe as recipes
from compressor.data.npz import NpzFile
from compressor.errors import BadInput, unknown
from compressor.limits import Limits
from compressor.measurement import Measurement
from compressor.measurement import measure as measure_file
from compressor.plan import Plan
from compressor.plan import check as check_plan
from compressor.progress import Listener, Progress, silent
from compressor.recipe import Recipe
from compressor.report import gate as gate_rules
from compressor.report.schema import Report
from compressor.report.schema import read as read_report
from compressor.sample import SampleModel
from compressor.target import Target

_SAMPLES, _TARGETS = "sample_models", "targets"


def run(
    model: str | Path,
    recipe: str | Path | Mapping[str, Any] = "int8",
    targets: Sequence[str] = ("host",),
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    limits: Limits | None = None,
    threads: int = 1,
    seed: int = 0,
    timeout: float = 1800.0,
    on_progress: Callable[[Progress], None] | None = None,
    debug: bool = False,
) -> Report:
    """Compress a model, export it for the targets, prove it, and leave a run folder.

    Args:
        model: a sample's name, or the path of a `.h5` (Keras 2, tf_keras, Keras 3) or `.keras` file.
        recipe: a shipped recipe's name, the path of a YAML file, or the same thing as a mapping.
        targets: names of devices.
        data: path of an `.npz` with x_calibration, y_calibration, x_evaluation, y_evaluation and, for training
            steps, x_train, y_train; or a sample's name, for its data; None takes the model's own when it is a sample.
        out: run folder; None takes `runs/<model>-<recipe>`, numbered when that holds another run.
        limits: override the recipe's limits one by one.
        threads: of the runtimes while latency is timed.
        seed: of every random choice.
        timeout: seconds that one conversion or one measurement may take.
        on_progress: is told how far the run is.
        debug: keep the partial folder when the run fails.

    Returns:
        The report; `report.exit_code` is 0 when every limit holds and every row finished, else 1.

    Raises:
        BadInput: model, recipe, target, data or out are wrong; nothing is left behind.
        MissingTool: TensorFlow or a runtime is not installed.
        StageFailed: loading, training or a step crashed.

    Example:
        >>> report = compressor.run("digits_cnn", recipe="int8", targets=["host", "coral"])
        >>> report.verdict.passed
        True
    """
    return run_into(model, recipe, targets, data, out, limits, threads, seed, timeout, on_progress or silent, debug)[0]


def run_into(
    model: str | Path,
    recipe: str | Path | Mapping[str, Any],
    targets: Sequence[str],
    data: str | Path | None,
    out: str | Path | None,
    limits: Limits | None,
    threads: int,
    seed: int,
    timeout: float,
    listener: Listener,
    debug: bool,
) -> tuple[Report, Path]:
    """`run`, and the folder it left."""
    from compressor import pipeline, run_folder

    chosen, values = recipes.load(recipe), load_targets(targets)
    check_plan(chosen, values)
    sample, file = find_model(str(model))
    name = str(model) if sample else Path(model).stem
    data_file, data_sample = find_data(data, sample, chosen)
    request = pipeline.Request(
        model=name,
        sample=sample,
        file=file,
        recipe=chosen,
        targets=values,
        data=data_file,
        data_sample=data_sample,
        limits=limits or Limits(),
        threads=threads,
        seed=seed,
        timeout=timeout,
    )
    folder = Path(out) if out else run_folder.free_name(Path("runs"), f"{name}-{chosen.name}", request.identity)
    return pipeline.run(request, folder.resolve(), listener, keep_partial=debug), folder


def check(recipe: str | Path | Mapping[str, Any], targets: Sequence[str] = ("host",)) -> Plan:
    """What a run would write and measure; never imports TensorFlow.

    Raises:
        BadInput: mistakes in the recipe, or a target that refuses it; all told at once.
    """
    return check_plan(recipes.load(recipe), load_targets(targets))


def measure(
    artifact: str | Path,
    data: str | Path,
    *,
    runtime: str | None = None,
    threads: int = 1,
    judged: str | None = None,
    results: str | Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Measurement:
    """Accuracy, latency and memory of one file, in this process, without TensorFlow.

    Args:
        artifact: a `.tflite` or `.onnx` file.
        data: an `.npz` with x_evaluation and y_evaluation, or a sample's name.
        judged: name of the output that the labels belong to; None takes the file's first.
        results: receives the outputs of every sample as `.npz`.

    Raises:
        BadInput, MissingTool: see `compressor.measurement.measure`.
    """
    listener, kept = on_progress or silent, Path(results) if results is not None else None
    if kept is not None and kept.resolve() in (Path(artifact).resolve(), Path(data).resolve()):
        raise BadInput(f"the outputs would replace {kept}, which is read", fix="choose another file for the outputs")
    if str(data) not in registry.names(_SAMPLES):
        return measure_file(Path(artifact), Path(data), runtime, threads, judged, kept, listener)
    import tempfile

    from compressor.data import npz

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.npz"
        npz.save(load_sample(str(data)).dataset(), path)
        return measure_file(Path(artifact), path, runtime, threads, judged, kept, listener)


def gate(report: str | Path | Report, limits: Limits | None = None) -> Report:
    """An old report judged again: its own limits, each overridden by `limits` where stated.

    Raises:
        BadInput: not a report.
    """
    old = report if isinstance(report, Report) else read_report(Path(report))
    combined = old.recipe.limits.overridden_by(limits or Limits())
    recipe = old.recipe.model_copy(update={"limits": combined})
    return old.model_copy(update={"recipe": recipe, "verdict": gate_rules.judge(old.rows, combined)})


def load_recipe(recipe: str | Path | Mapping[str, Any]) -> Recipe:
    """Read a recipe; see `compressor.recipe.load`."""
    return recipes.load(recipe)


def load_targets(names: Sequence[str]) -> tuple[Target, ...]:
    """Targets by name, each once, in the order given.

    Raises:
        BadInput: an unknown name, or none at all.
    """
    if not names:
        raise BadInput("no target was given", expected=f"one of {', '.join(registry.names(_TARGETS))}")
    return tuple(cast(Target, registry.load(_TARGETS, name, "TARGET", "target")) for name in dict.fromkeys(names))


def load_sample(name: str) -> SampleModel:
    """The sample of that name."""
    return cast(SampleModel, registry.load(_SAMPLES, name, "MODEL", "sample model"))


def find_model(model: str) -> tuple[str | None, Path | None]:
    """A sample's module path, or the path of a model file.

    Raises:
        BadInput: neither.
    """
    if model in registry.names(_SAMPLES):
        return f"{_SAMPLES}.{model}", None
    path, suffixes = Path(model), model_files.suffixes()
    if path.suffix not in suffixes and not path.exists():
        raise unknown("sample model", model, registry.names(_SAMPLES))
    if not path.is_file():
        raise BadInput(
            f"there is no model file {path}", expected=f"a sample's name, or a file in {', '.join(suffixes)}"
        )
    if path.suffix not in suffixes:
        raise BadInput(
            f"{path} is not a model file that can be read",
            expected=" or ".join(suffixes),
            received=path.suffix or "no suffix",
        )
    return None, path.resolve()


def find_data(data: str | Path | None, sample: str | None, recipe: Recipe) -> tuple[Path | None, str | None]:
    """The path of an `.npz` that has all the recipe needs, or the module path of a sample that brings its data.

    Raises:
        BadInput: no data, or data that lacks what the recipe needs.
    """
    if data is None and sample is None:
        raise BadInput("a model file needs data to be proven on", fix="give an .npz (--data FILE.npz)")
    if data is None:
        return None, sample
    if str(data) in registry.names(_SAMPLES):
        return None, f"{_SAMPLES}.{data}"
    check_data(Path(data), recipe)
    return Path(data).resolve(), None


def check_data(path: Path, recipe: Recipe) -> None:
    """Look at an `.npz` without reading its values: is everything there that the recipe needs?

    Raises:
        BadInput: a split is missing, empty or of uneven length.
    """
    file = NpzFile(path)
    for split in ("calibration", "evaluation", *(["train"] if recipe.trains else [])):
        if split == "train" and not (file.has("train") and "y_train" in file.headers):
            trains = ", ".join(step.name for step in recipe.steps if step.step.trains)
            raise BadInput(
                f"recipe '{recipe.name}' trains ({trains}), and {path} has nothing to train on",
                expected="x_train and y_train",
                received=", ".join(file.headers),
                fix="add both arrays, or use a recipe without training steps, e.g. int8",
            )
        file.count(split)
    if "y_evaluation" not in file.headers:
        raise BadInput(
            f"{path} has no y_evaluation",
            expected="labels of the evaluation set: accuracy is judged on them",
            received=", ".join(file.headers),
        )
