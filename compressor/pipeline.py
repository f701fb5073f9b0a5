"""The whole flow, top to bottom: check, prepare, write, measure, compare, judge. Every arrow is a value on disk."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from compressor import emulation, evidence, formats, measured_files, rows, run_bundles, run_folder, runtimes
from compressor.artifacts import Writing
from compressor.data.spec import DataSpec
from compressor.environment import versions
from compressor.errors import MissingTool
from compressor.files import sha256
from compressor.limits import Limits, Policy
from compressor.measurement import host
from compressor.measuring_process import Asked
from compressor.parity import completing
from compressor.plan import Job, Plan, PlannedRow, check
from compressor.process import Worker
from compressor.progress import Listener, Progress, silent
from compressor.recipe import Recipe
from compressor.report import gate, markdown, page, promise_limit, schema, unpaid
from compressor.target import Target
from compressor.training.options import TrainingOptions
from compressor.values import Artifact, Entry, Failure, Stage

# The longest wait that a poll of the system takes is 24 days.
_TRAINING_TIMEOUT_S = 20 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Request:
    """What a run is asked to do.

    Attributes:
        model: name for files and report.
        sample: module path of a sample model, or None.
        file: path of a model file or folder, or None; exactly one of the two is given.
        entry: where the model enters the flow.
        spec: the data; its source does not count when `data_sample` is given.
        data_sample: module path of the sample whose data is used, or None.
        network: which one of the sample's several networks, or None for a model that is one.
        metric: name of the metric, or None to choose it by labels and outputs.
        custom_objects: module of the user's own layers, or None.
        trusted: code that the user names may be run.
        in_memory: the model was given as an object, and `file` is its copy.
        training: how samples and steps are trained.
        timeout: seconds that one conversion or one measurement may take.
        policy: what becomes of limits that are neither kept nor broken.
        emulated_samples: how many samples emulated cores of the targets are asked too; None for no emulation.
    """

    model: str
    sample: str | None
    file: Path | None
    entry: Entry
    recipe: Recipe
    targets: tuple[Target, ...]
    spec: DataSpec
    data_sample: str | None
    limits: Limits
    policy: Policy = field(default_factory=Policy)
    network: str | None = None
    metric: str | None = None
    custom_objects: str | None = None
    trusted: bool = False
    in_memory: bool = False
    training: TrainingOptions = field(default_factory=TrainingOptions)
    threads: int = 1
    seed: int = 0
    timeout: float = 1800.0
    emulated_samples: int | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What makes two runs the same run: the second may replace the first."""
        return {
            "model": self.sample or (f"{self.model} in memory" if self.in_memory else str(self.file)),
            "recipe": {"name": self.recipe.name, **self.recipe.as_dict()},
            "targets": [target.name for target in self.targets],
            "data": self.data_sample or self.spec.source,
            "preprocessing": self.spec.sha256,
            "seed": self.seed,
            "training": self.training.deciding,
            **({"network": self.network} if self.network else {}),
        }


def run(request: Request, out: Path, listener: Listener = silent, keep_partial: bool = False) -> schema.Report:
    """Run everything and leave the run folder `out`.

    Raises:
        BadInput: model, data, recipe, targets or `out` are wrong.
        MissingTool: TensorFlow or a runtime that a target needs is not installed.
        StageFailed: loading, training or a step crashed; a failing conversion or measurement is a row instead.
    """
    plan = check(request.recipe, request.targets, request.entry)
    _require_tools(plan, request.entry)
    if request.emulated_samples is not None:
        emulation.check(request.targets)
    with run_folder.claimed(out, request.identity, keep_partial) as folder:
        with Worker(folder / "log.txt", listener) as worker:
            prepared = _prepare(worker, request, folder)
            granularity = request.recipe.granularity
            writing = Writing(worker, request.model, prepared, folder, request.timeout, granularity)
            artifacts = written(writing, plan)
        asked = _asked(request, prepared, folder)
        measurements = _measure_all(plan, artifacts, asked, listener)
        few = replace(asked, samples=request.emulated_samples)
        emulated = emulation.run(plan, artifacts, measurements, few, listener)
        report = _report(request, plan, prepared, artifacts, measurements, emulated, folder)
        report = completing.complete(
            report, completing.Run(folder, asked, request.entry, artifacts, measurements, emulated), listener
        )
        report = run_bundles.leave(folder, plan.rows, artifacts, measurements, report)
        # Only the stations needed these.
        shutil.rmtree(folder / "models")
        (folder / "calibration.npz").unlink()
        leave(report, folder)
    return report


def written(writing: Writing, plan: Plan) -> dict[Job, Artifact | Failure]:
    """Every file of a plan, as it is measured from here on."""
    return writing.all(plan.jobs)


def _require_tools(plan: Plan, entry: Entry) -> None:
    lacking: dict[str, str] = {}
    for written in dict.fromkeys(job.format for job in plan.jobs):
        found = formats.load(written)
        lacking |= {name: found.install for name in found.needs(entry) if importlib.util.find_spec(name) is None}
    if lacking:
        raise MissingTool(
            f"converting needs {', '.join(sorted(lacking))}, not installed here",
            fix="; ".join(dict.fromkeys(lacking.values())),
        )
    for name in plan.runtimes:
        runtimes.require(name)


def _prepare(worker: Worker, request: Request, folder: Path) -> dict[str, Any]:
    asked = {
        "sample": request.sample,
        "file": str(request.file) if request.file else None,
        "spec": request.spec.model_dump(mode="json"),
        "data_sample": request.data_sample,
        "custom_objects": request.custom_objects,
        "trusted": request.trusted,
        "trains": request.recipe.trains,
        "taught": request.recipe.trains_by is None,
        "seed": request.seed,
        "network": request.network,
    }
    arguments = {
        "folder": str(folder),
        "asked": asked,
        "metric": request.metric,
        "recipe_name": request.recipe.name,
        "steps": {key: value for key, value in request.recipe.as_dict().items() if key in ("steps", "precision")},
        "training": asdict(request.training),
    }
    prepared: dict[str, Any] = worker.call(
        "preparing the model", "compressor.prepare:prepare", arguments, _TRAINING_TIMEOUT_S
    )
    return prepared


def _measure_all(
    plan: Plan,
    artifacts: dict[Job, Artifact | Failure],
    asked: Asked,
    listener: Listener,
) -> dict[tuple[Job, str], rows.Measured | Failure]:
    measured: dict[tuple[Job, str], rows.Measured | Failure] = {}
    pairs = list(dict.fromkeys((row.job, row.runtime) for row in plan.rows))
    # Float32 files first: the others are timed against them.
    pairs.sort(key=lambda pair: pair[0].stage is not Stage.FLOAT32)
    for done, (job, runtime) in enumerate(pairs):
        artifact = artifacts[job]
        if isinstance(artifact, Failure):
            measured[job, runtime] = artifact
            continue
        listener(Progress("measure", done, len(pairs), f"{artifact.path.name} on {runtime}"))
        against = measured_files.baseline(plan, job, runtime, artifacts, measured)
        measured[job, runtime] = measured_files.here(asked, artifact, runtime, against=against)
    return measured


def _asked(request: Request, prepared: dict[str, Any], folder: Path) -> Asked:
    """What is asked of every file."""
    return Asked(
        artifact=folder,
        data=str(folder / "data.npz"),
        trust=request.trusted,
        metric=_metric_name(prepared),
        judged=prepared["outputs"][0]["name"],
        outputs=folder / "outputs",
        threads=request.threads,
        timeout=request.timeout,
    )


def _report(
    request: Request,
    plan: Plan,
    prepared: dict[str, Any],
    artifacts: dict[Job, Artifact | Failure],
    measurements: dict[tuple[Job, str], rows.Measured | Failure],
    emulated: Sequence[emulation.Emulated],
    folder: Path,
) -> schema.Report:
    table = rows.Table(folder, measurements, artifacts, _metric_name(prepared), request.trusted, request.timeout)
    built = [table.row(planned) for planned in plan.rows]
    built += [table.emulated_row(each.planned, each.found, each.against, each.notes) for each in emulated]
    for target in request.targets:
        built += [table.device_row(target, planned) for planned in _compressed(plan, target)]
    limits = request.recipe.limits.overridden_by(request.limits)
    recipe = schema.RecipePart(
        name=request.recipe.name, **request.recipe.as_dict() | {"limits": limits}, steps_done=prepared["steps"]
    )
    judging = _judging(request, prepared)
    gathered = evidence.gather(folder, artifacts, measurements, judging, prepared["steps"])
    verdict = gate.judge(built, limits, request.policy, gate.trains(recipe))
    losses = unpaid.sentences(built, [step.name for step in request.recipe.steps], str(request.recipe.precision))
    return schema.Report(
        model=_model_part(request, prepared, table),
        recipe=recipe,
        environment=schema.EnvironmentPart(
            host=host(), python=sys.version.split()[0], seed=request.seed, gpus=prepared["gpus"], versions=versions()
        ),
        data=schema.DataPart(**prepared["data"]),
        rows=built,
        verdict=promise_limit.combined(verdict, gathered.promises, built),
        warnings=[*prepared["warnings"], *gathered.warnings, *losses],
        weights=gathered.weights,
        promises=gathered.promises,
        answers=gathered.answers,
    )


def _judging(request: Request, prepared: dict[str, Any]) -> evidence.Judging:
    return evidence.Judging(
        metric=_metric_name(prepared) or "",
        judged=prepared["outputs"][0]["name"],
        classes=tuple(prepared["data"]["classes"]),
        spec=request.spec,
        trusted=request.trusted,
    )


def _metric_name(prepared: dict[str, Any]) -> str | None:
    return str(prepared["metric"]["name"]) if prepared["metric"] else None


def _compressed(plan: Plan, target: Target) -> list[PlannedRow]:
    wanted = [row for row in plan.rows if row.target is target and row.job.stage is Stage.COMPRESSED]
    return wanted if target.device is not None else []


def _model_part(request: Request, prepared: dict[str, Any], table: rows.Table) -> schema.ModelPart:
    return schema.ModelPart(
        name=request.model,
        kind="sample" if request.sample else "file",
        source=request.sample or ("in memory" if request.in_memory else str(request.file)),
        sha256=sha256(request.file) if request.file and request.file.is_file() and not request.in_memory else None,
        parameters=prepared["parameters"],
        parameters_compressed=prepared["parameters_compressed"],
        inputs=prepared["inputs"],
        outputs=prepared["outputs"],
        metric=table.keras_metric(),
        metric_reason=prepared["metric"]["why"] if prepared["metric"] else None,
        trained=prepared["trained"],
        bridge_difference=prepared["bridge_difference"],
    )


def leave(report: schema.Report, folder: Path) -> None:
    """Write the report, as JSON, Markdown and a page, and the recipe as it was run.

    The page is left out where the packages that draw it are not installed.
    """
    import yaml

    content = {
        key: value
        for key, value in report.recipe.model_dump(exclude_none=True).items()
        if key not in ("name", "steps_done")
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    (folder / "report.md").write_text(markdown.render(report), encoding="utf-8")
    if not page.lacking():
        page.write(report, folder / page.NAME)
    schema.write(report, folder / run_folder.REPORT)
