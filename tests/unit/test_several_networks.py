"""One report over a run of several networks: rows that say which one they are about, one gate, one table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import compressor
from compressor import names, pipeline, registry, run_folder, several_networks
from compressor.data.spec import DataSpec
from compressor.errors import BadInput, StageFailed
from compressor.limits import Limits
from compressor.progress import Progress
from compressor.report import gate, schema
from compressor.report.evidence import AnswersPart, Divergence, LayersPart, ParityCell, WeightsPart
from compressor.report.schema import Report, Row
from compressor.values import Entry

MakeRow = Callable[..., Row]


@pytest.fixture
def reports(report: Report, row: MakeRow) -> dict[str, Report]:
    """Two networks: the second one is smaller, and its drop breaks a limit of 1."""

    def made(name: str, size: int, drop: float) -> Report:
        rows = [
            row(stage="float32", precision="float32", bytes=4 * size, drop=0.0, path=f"artifacts/onnx/{name}.onnx"),
            row(bytes=size, drop=drop, path=None),
        ]
        steps = [{"step": "prune", "epochs": 2}]
        return report.model_copy(
            update={
                "model": report.model.model_copy(update={"name": f"gan_{name}", "parameters": size}),
                "recipe": report.recipe.model_copy(update={"limits": Limits(max_accuracy_drop=1), "steps_done": steps}),
                "data": report.data.model_copy(update={"evaluation": size, "sha256": name[0] * 64}),
                "rows": rows,
                "verdict": gate.judge(rows, Limits(max_accuracy_drop=1)),
                "warnings": [f"odd {name}"],
            }
        )

    return {"generator": made("generator", 1000, 0.5), "discriminator": made("discriminator", 10, 1.5)}


def test_rows_say_their_network_and_where_in_the_folder_their_file_is(reports: dict[str, Report]) -> None:
    found = several_networks.combined("gan", reports)
    assert [(row.network, row.path) for row in found.rows] == [
        ("generator", "generator/artifacts/onnx/generator.onnx"),
        ("generator", None),
        ("discriminator", "discriminator/artifacts/onnx/discriminator.onnx"),
        ("discriminator", None),
    ]
    assert found.rows[3].title == "host: discriminator: compressed onnx int8 on onnxruntime"
    assert found.warnings == ["generator: odd generator", "discriminator: odd discriminator"]


def test_the_model_sums_its_networks_up_and_keeps_what_is_theirs(reports: dict[str, Report]) -> None:
    found = several_networks.combined("gan", reports)
    assert (found.model.name, found.model.parameters, found.data.evaluation) == ("gan", 1010, 1010)
    assert (found.model.metric, len(found.model.inputs)) == (None, 2)
    first, second = found.model.networks
    assert (first.name, first.folder, first.parameters, second.parameters) == ("generator", "generator", 1000, 10)
    assert second.metric == reports["discriminator"].model.metric
    assert second.data == reports["discriminator"].data
    lines = f"{'g' * 64}\n{'d' * 64}\n"
    assert found.data.sha256 == hashlib.sha256(lines.encode()).hexdigest()
    assert [done["network"] for done in found.recipe.steps_done] == ["generator", "discriminator"]


def test_the_gate_judges_the_rows_of_all_networks(reports: dict[str, Report]) -> None:
    found = several_networks.combined("gan", reports)
    (violation,) = found.verdict.violations
    assert (violation.network, violation.limit, found.exit_code) == ("discriminator", "max_accuracy_drop", 1)
    assert violation.message.startswith("host: discriminator: ")
    assert compressor.gate(found, Limits(max_accuracy_drop=1.5)).exit_code == 0


def test_cells_layers_weights_and_answers_say_their_network_and_parity_breaks_the_gate(
    reports: dict[str, Report],
) -> None:
    file = {"format": "onnx", "precision": "float32", "runtime": "onnxruntime"}
    off = Divergence(stage="conversion", layer="dense", told="dense is off")
    cell = ParityCell(**file, stage="float32", against="keras", against_runtime="keras", within=False, diverges=off)
    layers = LayersPart(**file, samples=1, layers=[])
    answers = AnswersPart(**file, evaluated=1, disagreeing=0)
    bins = {"edges": [0.0, 1.0], "before": [1], "after": [1], "bits": 8, "distinct_before": 1, "distinct_after": 1}
    kernel = {"format": "onnx", "precision": "int8", "layer": "dense", "tensor": "w", "shape": [1]}
    weights = WeightsPart(**kernel, **bins, sparsity_before=0, sparsity_after=0)
    more = {"parity": [cell], "layers": [layers], "weights": [weights], "answers": [answers]}
    found = several_networks.combined("gan", {name: each.model_copy(update=more) for name, each in reports.items()})
    for kind in more:
        assert [each.network for each in getattr(found, kind)] == list(reports)
    broken = [(each.network, each.limit) for each in found.verdict.violations]
    assert broken == [("discriminator", "max_accuracy_drop"), ("generator", "parity"), ("discriminator", "parity")]
    # An old report is judged by its limits anew, and by its parity as it was found.
    assert [each.limit for each in compressor.gate(found, Limits(max_accuracy_drop=2)).verdict.violations] == [
        "parity",
        "parity",
    ]


def test_a_row_is_compared_with_the_baseline_of_its_own_network(reports: dict[str, Report]) -> None:
    rows = several_networks.combined("gan", reports).rows
    ratios = [gate.size_ratio(row, gate.baseline_of(row, rows)) for row in rows if row.stage == "compressed"]
    # Against the other network's file it would be 400 or 0.0025.
    assert ratios == [0.25, 0.25]


def test_a_single_network_has_no_name_in_its_rows(report: Report) -> None:
    assert {row.network for row in report.rows} == {None}
    assert report.model.networks == []


def request() -> pipeline.Request:
    recipe = compressor.load_recipe("int8")
    targets = names.load_targets(["host"])
    spec = DataSpec(source="gan")
    return pipeline.Request("gan", "sample_models.gan", None, Entry.KERAS, recipe, targets, spec, None, Limits())


@pytest.fixture
def runs(reports: dict[str, Report], monkeypatch: pytest.MonkeyPatch) -> list[pipeline.Request]:
    """What every network's run is asked; each leaves its report. With seed 13 the second fails."""
    asked: list[pipeline.Request] = []

    def run(wanted: pipeline.Request, out: Path, listener: Any, keep_partial: bool) -> Report:
        asked.append(wanted)
        assert wanted.network
        with run_folder.claimed(out, wanted.identity, keep_partial) as folder:
            listener(Progress("prepare", 1, 2))
            if wanted.seed == 13 and len(asked) == 2:
                raise StageFailed("the second network failed")
            pipeline.leave(reports[wanted.network], folder)
        return reports[wanted.network]

    monkeypatch.setattr(pipeline, "run", run)
    return asked


def test_every_network_is_run_into_a_folder_of_its_own(runs: list[pipeline.Request], tmp_path: Path) -> None:
    told: list[Progress] = []
    found = several_networks.run(request(), ("generator", "discriminator"), tmp_path / "out", told.append)
    assert [(each.model, each.network) for each in runs] == [
        ("gan_generator", "generator"),
        ("gan_discriminator", "discriminator"),
    ]
    assert schema.read(tmp_path / "out") == found
    assert schema.read(tmp_path / "out" / "discriminator").model.name == "gan_discriminator"
    left = {"generator", "discriminator", "report.html", "report.json", "report.md", "recipe.yaml", "run.json"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == left
    assert [each.stage for each in told] == ["generator: prepare", "discriminator: prepare"]


def test_the_same_run_again_replaces_the_first(runs: list[pipeline.Request], tmp_path: Path) -> None:
    for _ in range(2):
        several_networks.run(request(), ("generator", "discriminator"), tmp_path / "out")
    assert len(runs) == 4
    assert not list((tmp_path / "out").glob(".*"))


def test_a_network_that_fails_leaves_nothing_of_the_others(runs: list[pipeline.Request], tmp_path: Path) -> None:
    failing = replace(request(), seed=13)
    with pytest.raises(StageFailed, match="second network"):
        several_networks.run(failing, ("generator", "discriminator"), tmp_path / "out")
    assert len(runs) == 2
    assert list(tmp_path.iterdir()) == []


SEVERAL = [name for name in registry.names("sample_models") if names.networks_of(name)]


@pytest.mark.parametrize("given", [{"data": "digits_cnn"}, {"preprocess": ["divide=2"]}, {"metric": "psnr"}])
@pytest.mark.parametrize("name", SEVERAL)
def test_networks_keep_their_own_data_and_metrics(name: str, given: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"(?s){name} consists of .*received: --{next(iter(given))}"):
        compressor.run(name, **given, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", SEVERAL)
def test_data_of_several_networks_is_no_data_for_another_model(name: str, onnx_file: Callable[..., Path]) -> None:
    path = onnx_file()
    with pytest.raises(BadInput, match=f"{name} has no data for other models"):
        compressor.run(path, data=name)
    with pytest.raises(BadInput, match=f"{name} has no data for other models"):
        compressor.measure(path, name)


@pytest.mark.parametrize("name", SEVERAL)
def test_check_says_that_each_network_gets_the_files(name: str) -> None:
    command = registry.load("compressor.cli", "check", "COMMAND", "command")
    told = CliRunner().invoke(command, ["--recipe", "int8", "--model", name]).output
    assert f"for each of {' and '.join(names.networks_of(name))}" in told
    listed = CliRunner().invoke(command, ["--recipe", "int8", "--model", name, "--json"]).output
    assert f'"{names.networks_of(name)[0]}"' in listed
