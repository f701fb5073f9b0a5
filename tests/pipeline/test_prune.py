"""The step `prune`: which kernels it works on, in which pattern, and what the written files have of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import compressor
from compressor import names, pipeline, steps
from compressor.errors import BadInput
from compressor.lint.tensorrt.sparsity import sparse_layers, two_of_four
from compressor.plan import Job
from compressor.report.schema import Report
from compressor.steps import Workpiece
from compressor.tflite_edit.graph import Graph
from compressor.training import Trainer
from compressor.values import Artifact, Dataset, Failure, Split

pytestmark = pytest.mark.tensorflow

Run = Callable[[str], tuple[Path, Report]]


def dataset(*shape: int, classes: int = 3, count: int = 96) -> Dataset:
    random = np.random.default_rng(0)
    split = Split({"x": random.normal(size=(count, *shape)).astype(np.float32)}, random.integers(0, classes, count))
    return Dataset("random", "generated", split, split, split)


def sequential(*layers: Any) -> Any:
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    return tf_keras.Sequential(layers)


def pruned(model: Any, **settings: Any) -> Workpiece:
    step = steps.load("prune")
    chosen = step.settings(**{"epochs": 0, "sparsity": 0.5} | settings)
    data = dataset(*model.input_shape[1:], classes=model.output_shape[-1])
    return step.apply(Workpiece(model), chosen, Trainer(data))


def facts(model: Any, **settings: Any) -> dict[str, Any]:
    return pruned(model, **settings).facts[0]


def zeros(values: Any) -> float:
    return float(np.mean(np.asarray(values) == 0))


def two_layers() -> Any:
    from tf_keras import layers

    return sequential(layers.Input((8,)), layers.Dense(40, name="hidden"), layers.Dense(20, name="answer"))


def inside() -> Any:
    """A model inside a model inside a model, with a normalization of constants."""
    import tf_keras
    from tf_keras import layers

    block = tf_keras.Sequential([layers.Input((8, 8, 4)), layers.Conv2D(8, 3, name="conv")], name="block")
    backbone = tf_keras.Sequential(
        [layers.Input((8, 8, 3)), layers.Conv2D(4, 1, name="stem"), block, layers.DepthwiseConv2D(3, name="deep")],
        name="backbone",
    )
    return sequential(
        layers.Input((8, 8, 3)),
        layers.Rescaling(1 / 255, name="scale"),
        layers.Normalization(mean=[0.5] * 3, variance=[0.2] * 3, name="norm"),
        backbone,
        layers.Flatten(),
        layers.Dense(4, name="answer"),
    )


def test_models_inside_models_are_looked_through_and_others_named():
    found = facts(inside(), sparsity=0.75)
    assert found["sparsity"] == {"backbone/stem": 0.75, "backbone/block/conv": 0.75, "answer": 0.75}
    assert found["left_alone"] == {
        "scale": "it has no kernel",
        "norm": "it has no kernel",
        "backbone/deep": "a depthwise kernel has few weights, and each is felt",
    }


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ({"layers": ["backbone"]}, ["backbone/stem", "backbone/block/conv"]),
        ({"layers": ["conv"]}, ["backbone/block/conv"]),
        ({"layers": ["backbone/*"], "skip": ["stem"]}, ["backbone/block/conv"]),
        ({"skip": ["backbone"]}, ["answer"]),
    ],
)
def test_patterns_reach_into_models(patterns, expected):
    assert list(facts(inside(), **patterns)["sparsity"]) == expected


def test_layers_of_ones_own_recurrent_and_wrapped_ones_are_pruned():
    import tf_keras
    from tf_keras import layers

    class Own(layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight("kernel", (shape[-1], 6))
            self.table = self.add_weight("table", (6, 6))

        def call(self, inputs):
            return tf_keras.activations.relu(inputs @ self.kernel @ self.table)

    model = sequential(
        layers.Input((5, 8)),
        layers.TimeDistributed(layers.Dense(8), name="each"),
        Own(name="own"),
        layers.Bidirectional(layers.LSTM(4), name="both_ways"),
        layers.Dense(3, name="answer"),
    )
    done = pruned(model, sparsity=0.5)
    assert set(done.facts[0]["sparsity"]) == {"each", "own", "both_ways", "answer"}
    assert done.facts[0]["left_alone"] == {"own": "its weight 'table' is no kernel"}
    kernels = [weight for weight in done.model.get_layer("both_ways").weights if "kernel" in weight.name]
    assert len(kernels) == 4
    assert all(zeros(kernel) == 0.5 for kernel in kernels)
    assert zeros(done.model.get_layer("own").table) == 0


def test_frozen_kernels_are_left_alone_and_named():
    import tf_keras
    from tf_keras import layers

    backbone = tf_keras.Sequential([layers.Input((8,)), layers.Dense(16, name="features")], name="backbone")
    backbone.trainable = False
    found = facts(sequential(layers.Input((8,)), backbone, layers.Dense(8, name="answer")))
    assert list(found["sparsity"]) == ["answer"]
    assert list(found["left_alone"]) == ["backbone/features"]
    with pytest.raises(BadInput, match=r"finds no kernel to prune.*\n.*\n.*backbone/features: it is frozen"):
        pruned(sequential(layers.Input((8,)), backbone))


def test_each_pattern_has_its_own_sparsity_and_the_first_that_matches_counts():
    model = two_layers()
    assert facts(model, sparsity={"answer": 0.25, "*": 0.75})["sparsity"] == {"hidden": 0.75, "answer": 0.25}
    found = facts(two_layers(), sparsity={"hid*": 0.75})
    assert found["sparsity"] == {"hidden": 0.75}
    assert found["left_alone"] == {"answer": "no pattern of sparsity is meant for it"}
    with pytest.raises(BadInput, match="did you mean 'hidden'"):
        pruned(two_layers(), sparsity={"hiden": 0.5, "*": 0.5})


def test_one_threshold_over_all_layers_takes_more_from_the_smaller_weights():
    model = two_layers()
    kernel = model.get_layer("hidden").kernel
    kernel.assign(kernel / 10)
    found = facts(model, sparsity=0.3, scope="global")
    assert found["of_all"] == 0.3
    assert found["sparsity"]["hidden"] > 0.75
    assert found["sparsity"]["answer"] < 0.15
    smallest = facts(model, sparsity=0.9, scope="global")["sparsity"]
    assert smallest["hidden"] < 1
    promised = {each["layer"]: each["sparsity"] for each in found["promises"]}
    assert promised == pytest.approx(found["sparsity"], abs=1e-4)


def test_two_of_four_along_the_inputs_and_what_cannot_be_so_is_named():
    from tf_keras import layers

    model = sequential(
        layers.Input((8, 8, 3)),
        layers.Conv2D(8, 3, name="first"),
        layers.DepthwiseConv2D(3, name="deep"),
        layers.Conv2D(6, 3, name="conv"),
        layers.SeparableConv2D(8, 1, name="apart"),
        layers.Flatten(),
        layers.Dense(5, name="answer"),
    )
    done = pruned(model, structure="2:4")
    assert done.facts[0]["left_alone"] == {
        "first": "its 3 inputs are no multiple of 4",
        "deep": "a depthwise kernel has few weights, and each is felt",
        "apart": "a depthwise kernel has few weights, and each is felt; its 6 inputs are no multiple of 4",
    }
    assert done.facts[0]["sparsity"] == {"conv": 0.5, "answer": 0.5}
    for name in ("conv", "answer"):
        kernel = done.model.get_layer(name).kernel.numpy()
        assert two_of_four(kernel, -2)
        assert not two_of_four(kernel, -1) or kernel.shape[-1] % 4


@pytest.mark.parametrize(("structure", "axis"), [("1x4", 0), ("4x1", 1)])
def test_blocks_of_four_in_dense_and_1x1_convolutions(structure, axis):
    from tf_keras import layers

    model = sequential(
        layers.Input((6, 6, 4)),
        layers.Conv2D(8, 3, name="wide"),
        layers.Conv2D(12, 1, name="point"),
        layers.Flatten(),
        layers.Dense(8, name="hidden"),
        layers.Dense(3, name="answer"),
    )
    done = pruned(model, structure=structure, sparsity=0.75)
    assert done.facts[0]["left_alone"]["wide"] == f"{structure} is for 1x1 convolutions and Dense"
    assert ("answer" in done.facts[0]["sparsity"]) == (structure == "1x4")
    for name in ("point", "hidden"):
        kernel = done.model.get_layer(name).kernel.numpy().reshape(-1, done.model.get_layer(name).kernel.shape[-1])
        empty = np.moveaxis(kernel == 0, axis, -1).reshape(-1, 4).mean(-1)
        assert set(empty) == {0.0, 1.0}
        assert empty.mean() == 0.75


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"sparsity": 0.6, "structure": "2:4"}, "structure 2:4 is a sparsity of 0.5"),
        ({"sparsity": {"a": 0.6, "b": 0.5}, "scope": "global"}, "scope global takes one sparsity"),
        ({"sparsity": 0.5, "scope": "global", "structure": "2:4"}, "scope global takes one sparsity"),
        ({"sparsity": {"a": 0.6, "b": 1.5}}, "less than 1"),
        ({"sparsity": {}}, "number"),
        ({"sparsity": {"a": 0.2, "b": 0.5}, "initial_sparsity": 0.3}, "initial_sparsity must not exceed"),
    ],
)
def test_settings_that_contradict_one_another_are_refused(settings, told):
    from pydantic import ValidationError

    with pytest.raises(ValidationError, match=told):
        steps.load("prune").settings(**settings)


@pytest.mark.parametrize(
    "settings",
    [{}, {"structure": "2:4", "sparsity": 0.5}, {"scope": "global"}, {"schedule": "constant"}, {"ramp": 1.0}],
)
def test_training_ends_with_all_zeros_that_were_promised(settings):
    from tf_keras import layers

    model = sequential(
        layers.Input((8,)), layers.Dense(40, activation="relu", name="hidden"), layers.Dense(4, name="answer")
    )
    before = model.get_layer("hidden").kernel.numpy()
    done = pruned(model, **{"sparsity": 0.8, "epochs": 3, "batch_size": 16, "frequency": 4} | settings)
    for each in done.facts[0]["promises"]:
        kernel = done.model.get_layer(each["layer"]).kernel.numpy()
        assert each["weights"] == kernel.size
        assert each["sparsity"] <= zeros(kernel) <= each["sparsity"] + 1e-4
    trained = done.model.get_layer("hidden").kernel.numpy()
    # Not all: a unit that no answer reads any more learns nothing.
    assert (trained != before)[trained != 0].mean() > 0.3
    assert done.facts[0]["epochs"] == 3


def test_sparsity_rises_while_training_and_ends_with_the_ramp(monkeypatch):
    import tf_keras

    from compressor.weight_pruning import callback

    seen = []
    made = callback.pruning

    def watched(how, places):
        pruning = made(how, places)

        class Watching(type(pruning)):
            def on_train_batch_end(self, batch, logs=None):
                super().on_train_batch_end(batch, logs)
                seen.append(zeros(self.model.get_layer("hidden").kernel))

        pruning.__class__ = Watching
        assert isinstance(pruning, tf_keras.callbacks.Callback)
        return pruning

    monkeypatch.setattr(callback, "pruning", watched)
    pruned(two_layers(), sparsity=0.8, initial_sparsity=0.2, epochs=4, batch_size=16, frequency=3, ramp=0.5)
    assert len(seen) == 24
    assert seen[0] == seen[1] == 0.2
    assert all(before <= after for before, after in pairwise(seen))
    assert 0.2 < seen[5] < 0.8
    assert seen[11:] == [0.8] * 13


def test_efficientnet_is_pruned_where_it_has_kernels():
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    model = tf_keras.applications.EfficientNetB0(weights=None, input_shape=(32, 32, 3), classes=10)
    found = facts(model, sparsity=0.5)
    assert {"rescaling", "normalization"} <= set(found["left_alone"])
    assert sum("depthwise" in why for why in found["left_alone"].values()) == 16
    # 16 blocks: a stem, 15 that expand, 16 that squeeze, excite and project, the top and the answers.
    assert len(found["sparsity"]) == 1 + 15 + 3 * 16 + 2
    assert all(share >= 0.5 for share in found["sparsity"].values())


def test_the_onnx_file_is_two_of_four_as_tensorrt_wants_it(digits_run: Run):
    from compressor import onnx_view

    out, report = digits_run("sparse24_fp16")
    (path,) = {
        row.path for row in report.rows if (row.format, row.stage) == ("onnx_tensorrt", "compressed") and row.path
    }
    layers = sparse_layers(onnx_view.read(out / path))
    assert [name.split("/")[-2] for name in layers] == ["conv_2", "conv_3", "dense", "digit"]
    assert report.recipe.steps_done[0]["left_alone"] == {"conv_1": "its 1 inputs are no multiple of 4"}


@pytest.mark.parametrize(
    "name", ["prune50_int8", "sparse24_fp16", pytest.param("prune80_int8", marks=pytest.mark.matrix)]
)
def test_files_keep_what_was_promised(name: str, digits_run: Run):
    _, report = digits_run(name)
    kept = {(each.format, each.layer): each.kept for each in report.promises}
    layers = {each["layer"] for each in report.recipe.steps_done[0]["promises"]}
    formats = {row.format for row in report.rows if row.stage == "compressed" and row.failed_stage is None}
    assert set(kept) == {(kind, layer) for kind in formats for layer in layers}
    assert set(kept.values()) == {True}
    assert not [each for each in report.verdict.violations if each.limit == "promise"]


def test_a_file_that_lost_its_zeros_breaks_the_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    as_written = pipeline.written

    def spoiled(writing, plan):
        artifacts: dict[Job, Artifact | Failure] = as_written(writing, plan)
        for job, artifact in artifacts.items():
            if (job.stage.value, job.format) == ("compressed", "tflite"):
                assert isinstance(artifact, Artifact)
                _fill_zeros(artifact.path, "dense")
        return artifacts

    monkeypatch.setattr(pipeline, "written", spoiled)
    short = {"summary": "Half.", "steps": [{"prune": {"sparsity": 0.5, "epochs": 1}}], "precision": "int8"}
    report = compressor.run("digits_cnn", short, ["host"], out=tmp_path / "run")
    (broken,) = [each for each in report.verdict.violations if each.limit == "promise"]
    assert (broken.format, broken.runtime) == ("tflite", "litert")
    told = "promise: prune promised dense: at least 50.00% zeros; the file has dense: "
    assert broken.message.startswith(f"host: compressed tflite int8 on litert: {told}")
    assert {each.layer for each in report.promises if each.kept is False} == {"dense"}
    assert {each.format for each in report.promises if each.kept is False} == {"tflite"}


def _fill_zeros(path: Path, layer: str) -> None:
    """Ones for every other zero of a layer's kernel."""
    graph = Graph(path.read_bytes())
    index = next(
        int(each.inputs[1])
        for each in graph.operators
        if len(each.inputs) > 2 and f"/{layer}/" in graph.tensor(int(each.inputs[1])).name.decode()
    )
    buffer = graph._model.buffers[graph.tensor(index).buffer]
    values = np.asarray(buffer.data).view(np.int8).copy()
    values[np.flatnonzero(values == 0)[::2]] = 1
    buffer.data = values.view(np.uint8)
    path.write_bytes(graph.packed())


def test_the_same_training_ends_with_the_same_zeros():
    first, second = (pruned(two_layers(), epochs=2, batch_size=16).model.get_weights() for _ in range(2))
    for ours, theirs in zip(first, second, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_zero_epochs_need_no_samples_to_train_on():
    data = names.load_sample("digits_cnn").dataset()
    model = two_layers()
    step = steps.load("prune")
    alone = Trainer(Dataset("alone", "alone", data.calibration, data.evaluation))
    step.apply(Workpiece(model), step.settings(sparsity=0.5, epochs=0), alone)
    assert zeros(model.get_layer("hidden").kernel) == 0.5
