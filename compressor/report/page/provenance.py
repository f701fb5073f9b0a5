"""What made the report: model, recipe, data, host and versions, so that it can be made again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from compressor.report import promise_limit
from compressor.report.figures import Tensor
from compressor.report.layout import number
from compressor.report.page.section import Section
from compressor.report.page.table import Cell, Line, Table, columns
from compressor.report.schema import DataPart, Report

# Longer values are cut: the whole is in report.json.
_LONGEST = 300


def section(report: Report) -> Section:
    """Lists of names and values, and the hashes of all files."""
    groups = {
        "Model": dict(_model(report)),
        "Recipe": dict(_recipe(report)),
        "Data": dict(_data(report.data)),
        **{f"Network {each.name}": dict(_data(each.data)) for each in report.model.networks},
        "Made on": dict(_environment(report)),
        "Versions": report.environment.versions,
    }
    files = {row.path: row.sha256 for row in report.rows if row.path and row.sha256}
    lines = tuple(Line((Cell(path), Cell(sha256))) for path, sha256 in files.items())
    table = Table("Files of the run and their SHA-256", columns(("file", "SHA-256"), ()), lines)
    lead = f"Report of schema {report.schema_version}. The same inputs, seed and versions give the same files."
    return Section("provenance", "Provenance", lead, {"groups": groups, "table": table}, folded=True)


def _model(report: Report) -> Iterator[tuple[str, str]]:
    model = report.model
    yield "name", model.name
    yield model.kind, model.source
    if model.sha256:
        yield "SHA-256", model.sha256
    yield "parameters", f"{model.parameters:,}, {model.parameters_compressed:,} after the steps"
    yield "inputs", ", ".join(map(_tensor, model.inputs))
    yield "outputs", ", ".join(map(_tensor, model.outputs))
    if model.metric:
        yield "Keras itself", f"{model.metric.name} {number(model.metric.value)}"
    if model.metric_reason:
        yield "why this metric", model.metric_reason
    trained = {name: value for name, value in (model.trained or {}).items() if name != "history"}
    if trained:
        yield "trained", _settings(trained)


def _tensor(tensor: Tensor) -> str:
    return f"{tensor.name} {' × '.join('any' if size is None else str(size) for size in tensor.shape)} {tensor.dtype}"


def _recipe(report: Report) -> Iterator[tuple[str, str]]:
    recipe = report.recipe
    yield "name", recipe.name
    yield "summary", recipe.summary
    for position, step in enumerate(recipe.steps, 1):
        for name, settings in step.items():
            yield f"step {position}", f"{name}: {_settings(settings) if isinstance(settings, Mapping) else settings}"
    yield "precision", recipe.precision
    yield "limits", _settings(recipe.limits.model_dump(exclude_none=True)) or "none"
    for position, done in enumerate(recipe.steps_done, 1):
        yield f"done {position}", _settings({name: each for name, each in done.items() if name != "promises"})
    for told in promise_limit.sentences(report.promises):
        yield "written", told


def _data(data: DataPart) -> Iterator[tuple[str, str]]:
    yield "name", f"{data.name} ({data.source})"
    yield "samples", f"{data.train:,} train, {data.calibration:,} calibration, {data.evaluation:,} evaluation"
    yield "SHA-256", data.sha256
    spec = {name: value for name, value in data.spec.items() if value is not None}
    if spec:
        yield "read as", _settings(spec)
    for position, note in enumerate(data.notes, 1):
        yield f"note {position}", note


def _environment(report: Report) -> Iterator[tuple[str, str]]:
    made = report.environment
    yield "host", made.host
    yield "GPUs", ", ".join(made.gpus) or "none"
    yield "Python", made.python
    yield "seed", str(made.seed)


def _settings(settings: Mapping[str, Any]) -> str:
    told = ", ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}" for name, value in settings.items()
    )
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}…"
