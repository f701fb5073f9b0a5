"""The contract of every plug-in folder: a new file is held to it without another edit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner

from compressor import (
    bundles,
    data_sources,
    formats,
    metrics,
    model_files,
    names,
    placement,
    recipe,
    registry,
    runtimes,
    steps,
)
from compressor.bundles import Bundle
from compressor.channel_pruning import rules
from compressor.data.spec import DataSpec
from compressor.data_sources import DataSource, Wanted
from compressor.errors import BadInput
from compressor.formats import Format
from compressor.metrics import Metric
from compressor.model_files import ModelFile
from compressor.placement import Placement
from compressor.runtimes import Runtime
from compressor.sample import SampleModel
from compressor.steps import Step, StepSettings
from compressor.target import Target
from compressor.values import Artifact, Precision, Stage, TensorSpec

FOLDERS: dict[str, tuple[str, type]] = {
    "compressor.steps": ("STEP", Step),
    "compressor.formats": ("FORMAT", Format),
    "compressor.runtimes": ("RUNTIME", Runtime),
    "compressor.metrics": ("METRIC", Metric),
    "compressor.cli": ("COMMAND", click.Command),
    "compressor.data_sources": ("DATA_SOURCE", DataSource),
    "compressor.model_files": ("MODEL_FILE", ModelFile),
    "compressor.placement": ("PLACEMENT", Placement),
    "compressor.bundles": ("BUNDLE", Bundle),
    "targets": ("TARGET", Target),
    "sample_models": ("MODEL", SampleModel),
}
VERBS = registry.names("compressor.cli")
TARGETS = registry.names("targets")
EVERY = [(folder, name) for folder in FOLDERS for name in registry.names(folder)]


def one_line(text: str) -> bool:
    return text.splitlines() == [text.strip()] and 10 <= len(text) <= 160


@pytest.mark.parametrize(("folder", "name"), EVERY)
def test_a_plug_in_has_its_constant_and_a_one_line_summary(folder: str, name: str) -> None:
    constant, kind = FOLDERS[folder]
    found = registry.load(folder, name, constant, "plug-in")
    assert isinstance(found, kind)
    summary = found.get_short_help_str(200) if isinstance(found, click.Command) else found.summary
    assert one_line(summary)


def test_a_rule_of_channels_is_about_layers_of_its_own() -> None:
    found = [registry.load(rules.__name__, name, "RULE", "rule") for name in registry.names(rules.__name__)]
    assert all(isinstance(each, rules.Rule) and each.layers for each in found)
    classes = [name for each in found for name in each.layers]
    assert len(set(classes)) == len(classes)


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_unknown_name_is_told_with_the_nearest_one(folder: str) -> None:
    name = registry.names(folder)[0]
    with pytest.raises(BadInput, match=f"no thing is called '{name}x'; did you mean '{name}'"):
        registry.load(folder, f"{name}x", FOLDERS[folder][0], "thing")


@pytest.mark.parametrize("name", steps.names())
def test_a_step_has_strict_settings_and_names_steps_that_exist(name: str) -> None:
    step = steps.load(name)
    assert issubclass(step.settings, StepSettings)
    assert step.settings.model_config.get("extra") == "forbid"
    assert step.settings.model_config.get("frozen")
    assert set(step.undoes) <= set(steps.names()) - {name}
    assert set(step.precisions) <= set(Precision)
    # What a recipe tells leaves out None: it may stand for nothing but "no teacher".
    told = {key: field for key, field in step.settings.model_fields.items() if key != "fine_tune"}
    assert all(field.is_required() or field.default is not None for field in told.values())


@pytest.mark.parametrize("name", formats.names())
def test_a_format_writes_a_baseline_into_files_that_a_runtime_opens(name: str) -> None:
    found = formats.load(name)
    assert found.suffix.startswith(".")
    assert Precision.FLOAT32 in found.precisions
    assert len(set(found.precisions)) == len(found.precisions)
    assert any(found.suffix in runtimes.load(runtime).suffixes for runtime in runtimes.names())
    assert found.packages + found.converters
    assert found.entries


@pytest.mark.parametrize("name", runtimes.names())
def test_a_runtime_opens_suffixes_and_says_how_to_install_it(name: str) -> None:
    found = runtimes.load(name)
    assert found.suffixes
    assert all(suffix.startswith(".") for suffix in found.suffixes)
    assert found.installed
    assert found.pip_name


def test_no_two_readers_open_the_same_suffix() -> None:
    opened = [suffix for name in model_files.names() for suffix in model_files.load_reader(name).suffixes]
    assert sorted(opened) == sorted(model_files.suffixes())
    assert all(suffix.startswith(".") for suffix in opened)


@pytest.mark.parametrize("name", data_sources.names())
def test_a_data_source_claims_its_own_example_alone_and_refuses_what_is_not_there(name: str, tmp_path: Path) -> None:
    found = data_sources.load(name)
    claiming = [other for other in data_sources.names() if data_sources.load(other).claims(found.example)]
    assert claiming == [name]
    assert data_sources.find(found.example) is found
    assert one_line(f"data: {found.example}")
    nowhere = DataSpec(source=str(tmp_path / found.example))
    with pytest.raises(BadInput):
        found.look(nowhere, False, False)
    with pytest.raises(BadInput):
        found.read(nowhere, Wanted((TensorSpec("x", (None, 4, 4, 3), "float32"),)))


def test_data_of_no_kind_is_told_all_kinds() -> None:
    with pytest.raises(BadInput, match=r"'data\.xyz' is no kind of data") as caught:
        data_sources.find("data.xyz")
    assert all(data_sources.load(name).example in str(caught.value) for name in data_sources.names())


@pytest.mark.parametrize("name", metrics.names())
def test_a_metric_says_the_same_of_the_same_and_orders_itself(name: str) -> None:
    found = metrics.load(name)
    outputs = np.random.default_rng(0).random((5, 1))
    assert found.same(outputs, outputs).shape == (5,)
    orders = [metrics.load(other).order for other in metrics.names()]
    assert found.order is None or orders.count(found.order) == 1
    assert found.reason[0].islower()
    assert not found.reason.endswith(".")


def test_the_last_metric_that_is_tried_suits_everything() -> None:
    last = max((metrics.load(name) for name in metrics.names()), key=lambda metric: metric.order or 0)
    assert last.suits(None, np.ones(3))
    assert last.suits(np.ones((3, 7)), np.ones((3, 7)))


def test_no_two_metrics_are_made_for_the_same_loss() -> None:
    losses = [loss for name in metrics.names() for loss in metrics.load(name).losses]
    assert len(set(losses)) == len(losses)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_names_formats_and_runtimes_that_fit_together(name: str) -> None:
    (target,) = names.load_targets([name])
    assert target.name == name
    for route in target.routes:
        written = formats.load(route.format)
        assert set(route.precisions) <= set(written.precisions)
        for runtime in (route.runtime, route.runtime_of_baseline):
            assert written.suffix in runtimes.load(runtime).suffixes
        assert route.kind_of_bundle in bundles.names()


@pytest.mark.parametrize("name", bundles.names())
def test_a_kind_of_bundle_serves_a_target_and_allows_its_answers_little(name: str) -> None:
    families = names.load_targets(TARGETS)
    routes = [route for family in families for target in (family, *family.boards) for route in target.routes]
    served = [route for route in routes if route.kind_of_bundle == name]
    assert served
    for precision in {precision for route in served for precision in route.precisions}:
        artifact = Artifact(Path("m"), served[0].format, precision, Stage.COMPRESSED, 1, 1, "0")
        tolerance = bundles.load(name).tolerance(artifact)
        assert 0 <= tolerance.steps <= 2
        assert 0 < tolerance.relative <= 0.1


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_gives_a_reason_for_every_precision_that_it_refuses(name: str) -> None:
    (target,) = names.load_targets([name])
    assert target.precisions
    assert set(target.refusals) == set(Precision) - set(target.precisions)
    assert all(one_line(reason) for reason in target.refusals.values())
    assert all(source.startswith("https://") for source in target.sources)
    assert target.device is None or len(target.device.reason) > 40


@pytest.mark.parametrize("name", TARGETS)
def test_variants_are_targets_of_their_own_that_keep_what_the_family_says(name: str) -> None:
    (family,) = names.load_targets([name])
    for variant in family.variants:
        (board,) = names.load_targets([variant.name])
        assert (board.family, board.variants) == (name, ())
        assert [replace(route, bundle="") for route in board.routes] == [
            replace(route, bundle="") for route in family.routes
        ]
        assert all(route.kind_of_bundle in bundles.names() for route in board.routes)
        assert board.device == (variant.device or family.device)
        assert one_line(board.summary)
        assert board.summary != family.summary
        assert board.facts == {**family.facts, **variant.facts}
        assert board.facts != family.facts


@pytest.mark.parametrize("name", TARGETS)
def test_every_fact_names_its_source(name: str) -> None:
    (family,) = names.load_targets([name])
    assert family.facts
    for target in (family, *family.boards):
        for fact, known in target.facts.items():
            assert fact.isidentifier()
            assert known.source.startswith("https://")
            assert isinstance(known.value, int) or not fact.endswith("_bytes")


@pytest.mark.parametrize("name", placement.names())
def test_rules_of_placement_serve_a_target_and_know_its_compiler(name: str) -> None:
    found = placement.load(name)
    assert any(target.placement == name for target in names.load_targets(TARGETS))
    assert bool(found.tool) == bool(found.tool_help) == bool(found.compile)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_names_rules_of_placement_that_exist(name: str) -> None:
    (target,) = names.load_targets([name])
    assert target.placement in ("", *placement.names())


def test_no_two_targets_have_the_same_name() -> None:
    families = names.load_targets(TARGETS)
    every = [each for family in families for each in (family.name, *(variant.name for variant in family.variants))]
    assert sorted(every) == sorted(names.all_targets())
    assert {"coral-micro", "raspberry_pi4", "jetson_orin_nx", "jetson_thor", "gpu_server"} <= set(every)


def test_a_number_is_asked_of_a_fact_by_name() -> None:
    (coral,) = names.load_targets(["coral"])
    assert coral.number("parameter_cache_bytes") == 8_388_608
    with pytest.raises(TypeError, match="coral: compiler is no number"):
        coral.number("compiler")


@pytest.mark.parametrize("name", recipe.shipped())
def test_a_recipe_keeps_a_limit_and_suits_a_device(name: str) -> None:
    loaded = recipe.load(name)
    assert loaded.limits.model_dump(exclude_none=True)
    assert any(loaded.precision in target.precisions for target in names.load_targets(TARGETS) if target.device)


@pytest.mark.parametrize("name", registry.names("sample_models"))
def test_a_sample_model_is_ready_to_train(name: str) -> None:
    sample = names.load_sample(name)
    assert sample.epochs >= 0
    assert sample.batch_size > 0
    assert 0 < sample.learning_rate < 1
    assert sample.epochs == 0 or any(character.isdigit() for character in sample.expects)


@pytest.mark.parametrize("name", registry.names("sample_models"))
def test_the_networks_of_a_sample_are_several_and_named_as_folders(name: str) -> None:
    parts = names.load_sample(name).parts
    assert len(parts) != 1
    for network, part in parts.items():
        assert network.isidentifier()
        assert network not in ("artifacts", "keras", "outputs")
        assert part.loss
        assert part.metric is None or part.metric in metrics.names()


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_has_help_with_an_example_and_the_shared_options(name: str) -> None:
    command = registry.load("compressor.cli", name, "COMMAND", "command")
    assert command.name == name
    told = CliRunner().invoke(command, ["--help"]).output
    assert f"compressor {name}" in told.split("Example:")[1]
    for each in command.commands.values() if isinstance(command, click.Group) else [command]:
        assert {"--json", "--debug"} <= {option for parameter in each.params for option in parameter.opts}


NEW_FILES = {
    "compressor/steps/toy.py": "from compressor.steps import Step, StepSettings\n"
    "STEP = Step('a step that is a toy', StepSettings, lambda w, s, t: w, trains=False)",
    "compressor/formats/toy.py": "from compressor.formats import Format\nfrom compressor.values import Precision\n"
    "FORMAT = Format('a format that is a toy', '.toy', tuple(Precision), lambda s, p, c, d: ())",
    "compressor/runtimes/toy.py": "from compressor.runtimes import Runtime\n"
    "RUNTIME = Runtime('a runtime that is a toy', ('.toy',), 'json', 'json', lambda p, t: None)",
    "compressor/metrics/toy.py": "from compressor.metrics import Metric\n"
    "METRIC = Metric('a metric that is a toy', 5, 'dB', True, '', lambda a, b: False, None, None)",
    "targets/toy.py": "from compressor.target import Route, Target\nfrom compressor.values import Precision\n"
    "TARGET = Target('toy', 'a target that is a toy', (Route('toy', tuple(Precision), 'toy'),))",
    "sample_models/toy.py": "from compressor.sample import SampleModel\n"
    "MODEL = SampleModel('a model that is a toy', None, None, 'mse', 1, '0 %')",
    "compressor/model_files/toy.py": "from compressor.model_files import ModelFile\n"
    "MODEL_FILE = ModelFile('a file that is a toy', ('.toy',), lambda p, known: None)",
    "recipes/toy.yaml": "summary: a recipe that is a toy\nsteps: [toy]\n",
    "compressor/cli/toy.py": "import click\n@click.command('toy')\ndef COMMAND():\n    click.echo('played')",
}


def test_new_files_are_found_without_another_edit(tree: Path, cli: Callable[..., Any]) -> None:
    for path, content in NEW_FILES.items():
        (tree / path).write_text(content + "\n")
    listed = json.loads(cli("list", "--json", cwd=tree, root=tree).stdout)
    assert {kind: entries["toy"].split()[1] for kind, entries in listed.items()} == {
        kind: kind.removesuffix("s") for kind in listed
    }
    assert len(listed) == 8
    assert cli("toy", cwd=tree, root=tree).stdout == "played\n"
    assert "there is no model file m.toy" in cli("run", "m.toy", cwd=tree, root=tree).stderr
    checked = cli("check", "--recipe", "toy", "--target", "toy", "--json", cwd=tree, root=tree)
    assert json.loads(checked.stdout)["rows"][0] == {"target": "toy", "format": "toy", "runtime": "toy"}


LOAD_BLANKS = """
import json, sys
from compressor import registry
told = {}
for folder, constant in json.loads(sys.argv[1]).items():
    assert "blank" in registry.names(folder) and "_hidden" not in registry.names(folder)
    try:
        registry.load(folder, "blank", constant, "plug-in")
    except AttributeError as error:
        told[folder] = str(error)
print(json.dumps(told))
"""


def test_a_file_without_its_constant_is_an_error_and_never_skipped(tree: Path) -> None:
    wanted = {folder: constant for folder, (constant, _) in FOLDERS.items()}
    for folder in wanted:
        for name in ("blank", "_hidden"):
            (tree / folder.replace(".", "/") / f"{name}.py").write_text('"""Nothing."""\n')
    command = [sys.executable, "-c", LOAD_BLANKS, json.dumps(wanted)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=60)
    told = json.loads(done.stdout)
    assert told.keys() == wanted.keys()
    assert all(told[folder].endswith(f"blank.py defines no {constant}") for folder, constant in wanted.items())
