"""Ethos-U: the rules and Vela agree on every operator of every sample's network, and a run leaves the estimate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from at_hand import needs_tools

import compressor
from compressor import environment, names, registry, tflite_view
from compressor.formats import tflite
from compressor.inspection import Inspection, inspect
from compressor.networks import sized, tensorflow_network
from compressor.report.schema import Report
from compressor.values import Precision, Source

pytestmark = [pytest.mark.tensorflow, needs_tools(environment.program("vela") is not None, "vela is not installed")]
TARGETS = names.load_targets(["ethos_u55-128", "ethos_u85-256"])
SAMPLES = registry.names("sample_models")
# Operators that Vela leaves to the CPU: of an Ethos-U55, of an Ethos-U85.
FLOAT_ENDS = ["DEQUANTIZE", "SOFTMAX"]
LEFT: dict[str, tuple[list[str], list[str]]] = {
    "char_lstm": (["GATHER", *FLOAT_ENDS], FLOAT_ENDS),
    # Its first convolution moves by 5 with padding.
    "ds_cnn": (["CONV_2D"], []),
    "mobilenet_v2": (FLOAT_ENDS, FLOAT_ENDS),
    "sentiment_lstm": (["GATHER"], []),
}


def networks(name: str) -> Iterator[tuple[str, Any]]:
    """A sample's untrained network, or each of its several."""
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    sample = names.load_sample(name)
    whole = sample.build()
    yield from ((part, each.network(whole)) for part, each in sample.parts.items())
    if not sample.parts:
        yield name, whole


def written(model: Any, name: str, precision: Precision, folder: Path) -> Path:
    """The file that a run would write, calibrated on four samples of noise."""
    network, rng = tensorflow_network.of_tf_keras(model), np.random.default_rng(0)
    shapes = {spec.name: tuple(spec.shape[1:]) for spec in network.inputs}
    calibration = {
        spec.name: rng.integers(0, 50, (4, *shapes[spec.name])).astype(spec.dtype)
        if spec.dtype.startswith("int")
        else rng.random((4, *shapes[spec.name]), dtype=np.float32)
        for spec in network.inputs
    }
    network.leave(shapes, folder / name)
    source = Source(name, folder / name, None, sized(network.inputs, shapes), network.outputs)
    destination = folder / f"{name}_{precision}.tflite"
    tflite.write(source, precision, calibration, destination)
    return destination


def agreeing(path: Path) -> list[Inspection]:
    """What the rules say for each unit, where Vela says the same of every operator."""
    found = [inspect(path, target, "required", 600) for target in TARGETS]
    for each in found:
        assert each.mistakes == ()
        assert each.compiler["differences"] == []
        assert each.compiler["agrees"] is True
        assert each.compiler["estimate"]["cycles"] > 0
    return found


@pytest.mark.parametrize("name", SAMPLES)
def test_the_rules_say_what_vela_does_with_every_sample(name: str, tmp_path: Path) -> None:
    for network, model in networks(name):
        found = agreeing(written(model, network, Precision.INT8, tmp_path))
        left = tuple([each.op for each in inspection.operators if each.where != "accelerator"] for inspection in found)
        assert left == LEFT.get(network, ([], []))


@pytest.mark.parametrize("name", ["ds_cnn", "resnet8"])
def test_the_rules_say_what_vela_does_with_activations_of_16_bits(name: str, tmp_path: Path) -> None:
    for network, model in networks(name):
        narrow, wide = agreeing(written(model, network, Precision.INT16X8, tmp_path))
        assert narrow.cpu_ops == len(LEFT.get(name, ([], []))[0])
        assert wide.cpu_ops == 0


def small_cnn() -> Any:
    """The 28x28x1 network whose figures are known."""
    from tf_keras import Sequential, layers, utils

    utils.set_random_seed(0)
    return Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.DepthwiseConv2D(3, padding="same", activation="relu"),
            layers.Conv2D(32, 1, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


# Target, precision → SRAM as Vela 5.2.0 reported it for trained weights, in KiB to two digits, flash or DRAM, cycles.
KNOWN = [
    ("ethos_u55-128", Precision.INT8, 15.67, 52.72, 77_828),
    ("ethos_u65-512", Precision.INT8, 15.70, 53.61, 26_808),
    ("ethos_u85-256", Precision.INT8, 15.67, 54.05, 30_623),
    ("ethos_u55-128", Precision.INT16X8, 30.98, 55.58, None),
]


@pytest.mark.parametrize(("name", "precision", "sram", "constants", "cycles"), KNOWN)
def test_the_estimate_of_a_known_network(
    name: str, precision: Precision, sram: float, constants: float, cycles: int | None, tmp_path: Path
) -> None:
    (target,) = names.load_targets([name])
    found = inspect(written(small_cnn(), "cnn", precision, tmp_path), target, "required").compiler["estimate"]
    # Where weights pass through SRAM too, their compressed size tells.
    assert found["sram_bytes"] / 1024 == pytest.approx(sram, abs=0.005 if "u55" in name else 0.05)
    # Weights are compressed, so that these depend on their values.
    assert (found["flash_bytes"] + found["dram_bytes"]) / 1024 == pytest.approx(constants, rel=0.01)
    if cycles is not None:
        assert found["cycles"] == pytest.approx(cycles, rel=0.01)
        assert found["inference_ms"] == pytest.approx(1000 * found["cycles"] / found["clock_hz"])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    out = tmp_path_factory.mktemp("ethos") / "out"
    return out, compressor.run("digits_cnn", "int8", ["ethos_u55-128", "ethos_u85-256", "host"], out=out)


def test_a_run_leaves_the_estimate_and_the_compiled_file(run: tuple[Path, Report]) -> None:
    out, report = run
    estimated = {row.target: row for row in report.rows if row.provenance == "estimated"}
    assert set(estimated) == {"ethos_u55-128", "ethos_u85-256"}
    for target, row in estimated.items():
        assert row.latency_ms is None
        assert row.metric is None
        assert row.estimate is not None
        assert row.estimate.accelerated_ops_share == 1.0
        compiled = out / str(row.estimate.compiled_path)
        assert target in compiled.name
        assert compiled.stat().st_size == row.estimate.compiled_bytes
        ours = [each.op for each in tflite_view.read(compiled).operators]
        assert ours == ["ethos-u"]
    assert report.verdict.passed
    assert "estimated by Vela" in (out / "report.md").read_text()


def test_the_stand_in_of_the_device_is_measured_as_on_the_reference_kernels(run: tuple[Path, Report]) -> None:
    rows = [row for row in run[1].rows if row.target == "ethos_u55-128" and row.provenance == "measured"]
    assert [(row.stage, row.runtime) for row in rows] == [("float32", "litert"), ("compressed", "litert_reference")]
    assert rows[1].drop is not None
    assert rows[1].drop <= 1
