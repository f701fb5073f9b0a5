"""The verbs of the package as functions: names become values here, and nowhere below."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from compressor import in_memory
from compressor import recipe as recipes
from compressor.data.spec_file import load_spec
from compressor.errors import BadInput
from compressor.inspection import Inspection, UseCompiler
from compressor.inspection import inspect as inspect_file
from compressor.limits import Limits, Policy, Treatment
from compressor.measurement import Against, Measurement, evaluation
from compressor.measurement import measure as measure_file
from compressor.names import (
    check_metric,
    check_own_data,
    checked_limits,
    entry_of,
    find_data,
    find_model,
    given_limits,
    load_targets,
    networks_of,
    read_data,
)
from compressor.plan import Plan
from compressor.plan import check as check_plan
from compressor.progress import Listener, Progress, silent
from compressor.recipe import Recipe
from compressor.report.schema import Report
from compressor.training import options as training_options
from compressor.training.options import TrainingOptions
from compressor.trusted_code import check_trusted
from compressor.values import Entry, clean_name
from compressor.verbs.gate import gate as gate


def run(
    model: Any,
    recipe: str | Path | Mapping[str, Any] = "int8",
    targets: Sequence[str] = ("host",),
    *,
    data: str | Path | Mapping[str, Any] | None = None,
    preprocess: Sequence[str] = (),
    metric: str | None = None,
    custom_objects: str | None = None,
    trust: bool = False,
    out: str | Path | None = None,
    limits: Limits | str | Path | None = None,
    undecided: Treatment = "pass",
    implausible: Treatment = "fail",
    threads: int = 1,
    seed: int = 0,
    timeout: float = 1800.0,
    on_progress: Callable[[Progress], None] | None = None,
    debug: bool = False,
    training: TrainingOptions | Mapping[str, Any] | None = None,
    emulated_samples: int | None = None,
) -> Report:
    """Compress a model, export it for the targets, prove it, and leave a run folder.

    Args:
        model: a sample's name; the path of a `.keras`, `.h5` or `.onnx` file or of a SavedModel folder; or a tf_keras
            or Keras 3 model in memory.
        recipe: a shipped recipe's name, the path of a YAML file, or the same thing as a mapping.
        targets: names of devices.
        data: where samples come from: an `.npz`, `.csv` or text file, a folder of images, `package.module:function`, a
            YAML file with a data spec, a sample's name, or arrays by name as an `.npz` holds them; None takes the
            model's own when it is a sample.
        preprocess: `KEY=VALUE`, any field of `compressor.data.spec.DataSpec`.
        metric: name of a metric, or `package.module:function`; None chooses one by labels and outputs.
        custom_objects: `package.module` that defines the model's own layers.
        trust: code that `data`, `metric` and `custom_objects` name may be run.
        out: run folder; None takes `runs/<model>-<recipe>`, numbered when that holds another run.
        limits: override the recipe's limits one by one; or the path of a YAML file of such.
        undecided: whether a limit that the samples are too few to judge fails the run.
        implausible: whether a gain beyond chance does, where nothing was trained.
        threads: of the runtimes while latency is timed.
        seed: of every random choice.
        timeout: seconds that one conversion or one measurement may take.
        on_progress: is told how far the run is.
        debug: keep the partial folder when the run fails.
        training: how samples and steps are trained: device, strategy, batches; see
            `compressor.training.options.TrainingOptions`, whose fields a mapping may name.
        emulated_samples: also run so many samples on emulated ARM cores of the targets.

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
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(data, Mapping):
            data = in_memory.save_arrays(data, Path(folder))
        name = None
        if not isinstance(model, (str, Path)):
            name, model = str(getattr(model, "name", "model")), in_memory.save_model(model, Path(folder))
        return run_into(
            str(model),
            recipe,
            targets,
            data=None if data is None else str(data),
            preprocess=preprocess,
            metric=metric,
            custom_objects=custom_objects,
            trust=trust,
            out=out,
            limits=given_limits(limits),
            policy=Policy(undecided, implausible),
            threads=threads,
            seed=seed,
            timeout=timeout,
            listener=on_progress or silent,
            debug=debug,
            training=training_options.of(training),
            emulated_samples=emulated_samples,
            in_memory_name=name,
        )[0]


def run_into(
    model: str,
    recipe: str | Path | Mapping[str, Any],
    targets: Sequence[str],
    *,
    data: str | None,
    preprocess: Sequence[str],
    metric: str | None,
    custom_objects: str | None,
    trust: bool,
    out: str | Path | None,
    limits: Limits,
    policy: Policy,
    threads: int,
    seed: int,
    timeout: float,
    listener: Listener,
    debug: bool,
    training: TrainingOptions,
    emulated_samples: int | None = None,
    in_memory_name: str | None = None,
) -> tuple[Report, Path]:
    """`run`, and the folder it left; `in_memory_name` is the name of a model that was given as an object."""
    from compressor import pipeline, run_folder, several_networks
    from compressor.training import strategies

    chosen, values = recipes.load(recipe), load_targets(targets)
    check_plan(chosen, values)
    checked_limits(chosen.limits.model_dump(exclude_none=True), f"the limits of recipe '{chosen.name}' have")
    sample, file = find_model(model)
    check_plan(chosen, values, entry_of(file))
    check_own_data(model, data=data, preprocess=preprocess, metric=metric)
    spec, data_sample = find_data(data, preprocess, sample, chosen.trains_by, trust)
    if metric is not None:
        check_metric(metric, trust)
    if custom_objects is not None:
        check_trusted(custom_objects, trust)
    name = in_memory_name or (model if sample else Path(model).stem)
    request = pipeline.Request(
        model=clean_name(name),
        sample=sample,
        file=file,
        entry=entry_of(file),
        recipe=chosen,
        targets=values,
        spec=spec,
        data_sample=data_sample,
        metric=metric,
        custom_objects=custom_objects,
        trusted=trust,
        in_memory=in_memory_name is not None,
        training=training,
        limits=limits,
        policy=policy,
        threads=threads,
        seed=seed,
        timeout=timeout,
        emulated_samples=emulated_samples,
    )
    folder = run_folder.chosen(out, f"{name}-{chosen.name}", request.identity, strategies.suffix_of_worker(training))
    networks = networks_of(model)
    if networks:
        return several_networks.run(request, networks, folder.resolve(), listener, keep_partial=debug), folder
    return pipeline.run(request, folder.resolve(), listener, keep_partial=debug), folder


def check(
    recipe: str | Path | Mapping[str, Any], targets: Sequence[str] = ("host",), model: str | Path | None = None
) -> Plan:
    """What a run would write and measure; never imports TensorFlow.

    Args:
        model: a sample's name or the path of a model, when it is to be judged whether the recipe can be done to it.

    Raises:
        BadInput: mistakes in the recipe, a target that refuses it, or a model without layers for its steps; all told
            at once.
    """
    entry = Entry.KERAS if model is None else entry_of(find_model(str(model))[1])
    return check_plan(recipes.load(recipe), load_targets(targets), entry)


def inspect(file: str | Path, target: str, *, compiler: UseCompiler = "never", timeout: float = 1800.0) -> Inspection:
    """Where each operator of a `.tflite` or `.onnx` file would run on a device, why, and what to change.

    Args:
        compiler: compare with the vendor's compiler when it is on PATH ("auto"), never, or as a must ("required").
        timeout: seconds that the vendor's compiler may take.

    Raises:
        BadInput, MissingTool, StageFailed: see `compressor.inspection.inspect`.
    """
    (found,) = load_targets([target])
    return inspect_file(Path(file), found, compiler, timeout)


def measure(
    artifact: str | Path,
    data: str | Path,
    *,
    runtime: str | None = None,
    threads: int = 1,
    judged: str | None = None,
    metric: str | None = None,
    preprocess: Sequence[str] | Mapping[str, Any] = (),
    trust: bool = False,
    results: str | Path | None = None,
    samples: int | None = None,
    timed: bool = True,
    against: str | Path | None = None,
    against_runtime: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Measurement:
    """Accuracy, latency and memory of one file, in this process, without TensorFlow.

    A damaged file can end the runtime, and with it this process; `compressor measure` runs in a child that is guarded.

    Args:
        artifact: a `.tflite` or `.onnx` file.
        data: whatever `run` takes; data that is not split is evaluated whole. Without labels there is no metric.
        judged: name of the output that the labels belong to; None takes the file's first.
        metric: name of the metric; None takes the one that suits labels and outputs.
        preprocess: settings of the data as `KEY=VALUE` or as a mapping, see `compressor.data.spec.DataSpec`.
        trust: code that `data` names may be run.
        results: receives the outputs of every sample as `.npz`.
        samples: only so many of the evaluation samples, the first ones; None takes all.
        timed: measure latency.
        against: a file of the same model, usually the float32 one: its latency is measured turn about with the
            artifact's, on `against_runtime` or the artifact's own.

    Raises:
        BadInput, MissingTool: see `compressor.measurement.measure`.
    """
    listener, kept = on_progress or silent, Path(results) if results is not None else None
    spec = load_spec(str(data), preprocess)
    if kept is not None and kept.resolve() in (Path(each).resolve() for each in (artifact, data, spec.source)):
        raise BadInput(f"the outputs would replace {kept}, which is read", fix="choose another file for the outputs")
    read = evaluation.reader(lambda wanted: read_data(spec, wanted), spec, trust)
    other = None if against is None else Against(Path(against), against_runtime)
    return measure_file(
        Path(artifact), read, runtime, threads, judged, metric, kept, listener, trust, samples, timed, other
    )


def load_recipe(recipe: str | Path | Mapping[str, Any]) -> Recipe:
    """Read a recipe; see `compressor.recipe.load`."""
    return recipes.load(recipe)
