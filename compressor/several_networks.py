"""A run of a sample that consists of several networks: one ordinary run for each, and one report over all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from compressor import pipeline, run_folder
from compressor.limits import Policy
from compressor.progress import Listener, Progress, silent
from compressor.report import gate, parity_limit, promise_limit, schema


def run(
    request: pipeline.Request,
    networks: Sequence[str],
    out: Path,
    listener: Listener = silent,
    keep_partial: bool = False,
) -> schema.Report:
    """Run every network into `out/NETWORK`, a run folder of its own, and leave one report over all of them in `out`.

    The sample is trained once; the networks after the first find its weights in the cache. The folder appears whole or
    not at all.

    Raises:
        BadInput, MissingTool, StageFailed: see `pipeline.run`.
    """
    with run_folder.claimed(out, request.identity, keep_partial) as folder:
        reports = {}
        for name in networks:
            own = replace(request, model=f"{request.model}_{name}", network=name)
            reports[name] = pipeline.run(own, folder / name, _prefixed(name, listener), keep_partial)
        report = combined(request.model, reports)
        pipeline.leave(report, folder)
    return report


def combined(name: str, reports: Mapping[str, schema.Report]) -> schema.Report:
    """One report over those of the networks: every row says which network it is about, and the gate judges them all.

    Args:
        name: of the model that consists of the networks.
        reports: by network, which is also the folder of its files; all of one recipe on one host.
    """
    first = next(iter(reports.values()))
    policy = Policy(first.verdict.undecided, first.verdict.implausible)
    rows = [_named(network, row) for network, report in reports.items() for row in report.rows]
    done = [{"network": network, **each} for network, report in reports.items() for each in report.recipe.steps_done]
    found = {field: _of_all(field, reports) for field in ("parity", "layers", "weights", "promises", "answers")}
    judged = gate.judge(rows, first.recipe.limits, policy, gate.trains(first.recipe))
    promised = promise_limit.combined(judged, found["promises"], rows)
    return first.model_copy(
        update={
            "model": _model(name, reports),
            "recipe": first.recipe.model_copy(update={"steps_done": done}),
            "data": _data([report.data for report in reports.values()]),
            "rows": rows,
            **found,
            "verdict": parity_limit.combined(promised, found["parity"], rows),
            "warnings": [f"{network}: {told}" for network, report in reports.items() for told in report.warnings],
        }
    )


def _of_all(field: str, reports: Mapping[str, schema.Report]) -> list[Any]:
    """Everything of a kind that the networks' reports have, each with its network."""
    return [
        each.model_copy(update={"network": network})
        for network, report in reports.items()
        for each in getattr(report, field)
    ]


def _prefixed(network: str, listener: Listener) -> Listener:
    def tell(progress: Progress) -> None:
        listener(replace(progress, stage=f"{network}: {progress.stage}"))

    return tell


def _named(network: str, row: schema.Row) -> schema.Row:
    paths = {"path": row.path, "bundle": row.bundle}
    inside: dict[str, Any] = {field: None if path is None else f"{network}/{path}" for field, path in paths.items()}
    estimate = row.estimate
    if estimate is not None and estimate.compiled_path is not None:
        estimate = estimate.model_copy(update={"compiled_path": f"{network}/{estimate.compiled_path}"})
    return row.model_copy(update={"network": network, "estimate": estimate, **inside})


def _model(name: str, reports: Mapping[str, schema.Report]) -> schema.ModelPart:
    models = [report.model for report in reports.values()]
    return models[0].model_copy(
        update={
            "name": name,
            "parameters": sum(model.parameters for model in models),
            "parameters_compressed": sum(model.parameters_compressed for model in models),
            "inputs": [tensor for model in models for tensor in model.inputs],
            "outputs": [tensor for model in models for tensor in model.outputs],
            "metric": None,
            "metric_reason": None,
            "networks": [_network(network, report) for network, report in reports.items()],
        }
    )


def _network(name: str, report: schema.Report) -> schema.NetworkPart:
    shared = {field: getattr(report.model, field) for field in schema.NetworkPart.model_fields if field in _SHARED}
    return schema.NetworkPart(name=name, folder=name, data=report.data, **shared)


_SHARED = set(schema.ModelPart.model_fields) - {"name"}


def _data(sets: Sequence[schema.DataPart]) -> schema.DataPart:
    lines = "".join(f"{each.sha256}\n" for each in sets)
    return sets[0].model_copy(
        update={
            "train": sum(each.train for each in sets),
            "calibration": sum(each.calibration for each in sets),
            "evaluation": sum(each.evaluation for each in sets),
            "sha256": hashlib.sha256(lines.encode()).hexdigest(),
            "notes": list(dict.fromkeys(note for each in sets for note in each.notes)),
        }
    )
