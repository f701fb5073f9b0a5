"""The arithmetic of a diagnosis: sums over samples, slopes, constants, which tensor is which."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import two_layers
from hypothesis import given
from hypothesis import strategies as st

from compressor import diagnosis
from compressor.diagnosis import node_data, weights
from compressor.diagnosis.ablation import ablate
from compressor.diagnosis.comparison import compare
from compressor.diagnosis.hybrids import Hybrids
from compressor.diagnosis.matching import axes_between
from compressor.diagnosis.opened import Constant, Grid, fed, open_file
from compressor.diagnosis.sums import Channels, Difference, Range, Slope, Sums
from compressor.errors import BadInput
from compressor.measurement.parity import sqnr_db
from compressor.values import Split

_NUMBERS = st.floats(-100, 100, allow_nan=False, width=32)


def drawn(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 20))


@given(seed=st.integers(0, 99), parts=st.integers(1, 5))
def test_sums_sample_by_sample_are_those_of_all_at_once(seed: int, parts: int) -> None:
    wanted, got = drawn(parts * 2, seed), drawn(parts * 2, seed + 1000)
    kept = Difference()
    for row in range(len(wanted)):
        kept.add(got[row], wanted[row])
    assert kept.relative == pytest.approx(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))
    assert kept.sqnr_db == pytest.approx(sqnr_db(got, wanted))
    assert kept.largest == np.abs(got - wanted).max()


@given(slope=st.floats(0.5, 2), offset=_NUMBERS, seed=st.integers(0, 99))
def test_a_line_is_found_exactly(slope: float, offset: float, seed: int) -> None:
    kept, values = Slope(), drawn(6, seed)
    for row in values:
        kept.add(slope * row + offset, row)
    found = kept.fitted()
    assert found is not None
    assert found[0] == pytest.approx(slope, abs=1e-6)
    assert found[1] < 1e-5


def test_the_error_of_a_slope_is_that_of_repetitions() -> None:
    draw, found = np.random.default_rng(0), []
    for _ in range(300):
        kept = Slope()
        for _ in range(20):
            # All values of a sample share a part of their error.
            row, shared = draw.normal(size=30), draw.normal(scale=0.2)
            kept.add(row * (1 + shared) + draw.normal(scale=0.05, size=30), row)
        fitted = kept.fitted()
        assert fitted is not None
        found.append(fitted)
    slopes, errors = np.array(found).T
    assert slopes.std() == pytest.approx(errors.mean(), rel=0.15)
    assert slopes.mean() == pytest.approx(1, abs=0.01)


def test_nothing_is_said_of_a_slope_without_spread() -> None:
    kept = Slope()
    assert kept.fitted() is None
    kept.add(np.arange(20.0), np.ones(20))
    assert kept.fitted() is None


def test_values_at_the_ends_do_not_bend_the_slope() -> None:
    grid, draw = Grid(1 / 127, 0, -128, 127), np.random.default_rng(1)
    kept = Sums(grid, -1)
    for _ in range(20):
        wanted = draw.normal(scale=0.8, size=(1, 50))
        got = np.clip(np.rint(1.02 * wanted / grid.scale), -128, 127) * grid.scale
        kept.add(wanted, got, got)
    fitted = kept.gain.fitted()
    assert fitted is not None
    assert fitted[0] == pytest.approx(1.02, abs=0.002)
    assert kept.range is not None
    assert (kept.range.use, kept.range.cut_off > 0.1) == (1.0, True)


def test_a_constant_per_channel_is_told_from_noise() -> None:
    noise, constant = drawn(10, 0), np.broadcast_to(np.linspace(-1, 1, 20), (10, 20))
    for values, low, high in ((noise, 0.0, 0.3), (constant + noise / 50, 0.95, 1.0)):
        kept = Channels()
        for row in values:
            kept.add(row[None], np.ones((1, 20), np.bool_), 1)
        assert low <= kept.explained() <= high


def test_a_range_counts_what_lies_beyond_it() -> None:
    kept = Range(Grid(0.5, 0, -128, 127))
    wanted = np.array([-70.0, -64.0, 0.0, 63.5, 63.9, 70.0])
    kept.add(np.clip(wanted, -64, 63.5), wanted)
    assert (kept.cut_off, kept.steps, kept.use) == (2 / 6, 256, 1.0)
    kept.add(np.zeros(6), np.zeros(6))
    assert (kept.samples, kept.samples_beyond) == (2, 1)


def rounded(values: np.ndarray) -> Constant:
    scale = np.abs(values).max(1, keepdims=True) / 127
    return Constant("w", np.rint(values / scale).astype(np.int8), scale, None, 0)


def plain(values: np.ndarray) -> Constant:
    return Constant("w", values.astype(np.float32), None, None, 0)


@given(seed=st.integers(0, 10_000), rows=st.integers(2, 12), columns=st.integers(4, 40))
def test_rounded_weights_are_the_same_in_any_layout(seed: int, rows: int, columns: int) -> None:
    values = np.random.default_rng(seed).normal(size=(rows, columns))
    assert weights.compared([plain(values)], [rounded(values)]) is None
    if rows != columns:
        assert weights.compared([plain(values.T)], [rounded(values)]) is None


@given(seed=st.integers(0, 10_000), factor=st.sampled_from([0.5, 0.98, 1.02, 2.0]))
def test_scaled_and_shuffled_weights_are_told_apart(seed: int, factor: float) -> None:
    values = np.random.default_rng(seed).normal(size=(8, 60))
    right = rounded(values)
    assert right.scale is not None
    scaled = weights.compared([plain(values)], [Constant("w", right.stored, right.scale * factor, None, 0)])
    assert scaled is not None
    assert (scaled.kind, scaled.factor, scaled.channels) == ("scaled", pytest.approx(factor, abs=0.005), (8, 8))
    shuffled = np.random.default_rng(seed).permutation(right.stored.ravel()).reshape(8, 60)
    found = weights.compared([plain(values)], [Constant("w", shuffled, right.scale, None, 0)])
    assert found is not None
    assert found.kind == "shuffled"
    assert weights.compared([plain(values)], [rounded(drawn(8, seed + 1).repeat(3, 1))]) == weights.Finding(
        "other weights"
    )


def test_a_layer_of_other_widths_is_told_from_one_with_other_weights() -> None:
    wide, narrow, bias = plain(np.ones((8, 6))), plain(np.ones((4, 6))), plain(np.ones(6))
    assert weights.resized([wide, bias], [narrow, bias])
    assert not weights.resized([wide, bias], [plain(np.ones((6, 8))), bias])
    # Another number of weights: a layer that was written in another way.
    assert not weights.resized([wide], [narrow, narrow])


def test_the_scale_of_a_single_channel_is_counted() -> None:
    right = rounded(drawn(5, 3))
    assert right.scale is not None
    scale = right.scale.copy()
    scale[2] *= 1.1
    found = weights.compared([plain(drawn(5, 3))], [Constant("w", right.stored, scale, None, 0)])
    assert found is not None
    assert (found.kind, found.factor, found.channels) == ("scaled", pytest.approx(1.1, abs=0.01), (1, 5))
    assert "the weights of `d` in 1 of 5 channels are 1.10" in weights.sentence("d", found)


@pytest.mark.parametrize(
    ("reference", "shape", "axes"),
    [
        ((1, 8), (1, 8), ()),
        ((None, 8), (1, 8), ()),
        ((1, 4, 5, 3), (1, 3, 4, 5), (0, 3, 1, 2)),
        ((1, 3, 4, 5), (1, 4, 5, 3), (0, 2, 3, 1)),
        ((1, 4, 3), (1, 3, 4), (0, 2, 1)),
        ((1, 8), (1, 9), None),
        ((1, 8), (1, 2, 4), None),
    ],
)
def test_axes_are_turned_only_where_the_shapes_agree(
    reference: tuple[int | None, ...], shape: tuple[int, ...], axes: tuple[int, ...] | None
) -> None:
    assert axes_between(reference, shape) == axes


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder, net = tmp_path_factory.mktemp("pair"), two_layers.net()
    return (
        two_layers.tflite(net, False, folder / "float.tflite"),
        two_layers.tflite(net, True, folder / "int8.tflite"),
    )


def test_operators_alone_on_their_own_inputs_answer_as_in_the_file(pair: tuple[Path, Path]) -> None:
    for path in pair:
        opened = open_file(path)
        values = opened.values(fed(opened, two_layers.samples(), 0))
        alone = opened.apart(list(values))(values)
        assert len(alone) == 2
        assert all(np.array_equal(alone[key], values[key]) for key in alone)


def test_node_data_is_what_model_explorer_reads(pair: tuple[Path, Path], tmp_path: Path) -> None:
    part = diagnosis.layers(*pair, two_layers.samples())
    node_data.write(part, "", tmp_path / "nodes.json")
    (graph,) = (read := json.loads((tmp_path / "nodes.json").read_text())).items()
    name, data = graph
    assert (name, set(data), len(read)) == ("main", {"results", "gradient"}, 1)
    assert set(data["results"]) == {each.tensor for each in part.layers if each.op != "input"}
    assert all(set(each) == {"value"} and each["value"] >= 0 for each in data["results"].values())
    assert data["results"]["net/answer/BiasAdd"]["value"] == pytest.approx(100 * (part.layers[-1].introduced or 0))
    stops = [each["stop"] for each in data["gradient"]]
    assert (stops[0], stops[-1], sorted(stops)) == (0, 1, stops)
    assert all(set(each) == {"stop", "bgColor"} and each["bgColor"].startswith("#") for each in data["gradient"])


def test_hybrids_of_all_layers_answer_as_the_compressed_file(pair: tuple[Path, Path], tmp_path: Path) -> None:
    base, file = pair
    compared = compare(base, file, two_layers.samples())
    hybrids = Hybrids(base.read_bytes(), compared)
    assert hybrids.layers == ("x", "hidden", "answer")
    whole, none = tmp_path / "whole.tflite", tmp_path / "none.tflite"
    whole.write_bytes(hybrids.made(hybrids.layers))
    none.write_bytes(hybrids.made(()))
    step = two_layers.net().scales[2]
    answers = {}
    for path in (whole, none, base, file):
        opened = open_file(path)
        values = [opened.values(fed(opened, two_layers.samples(), row))[opened.output_keys[0]] for row in range(32)]
        answers[path] = np.concatenate(values)
    assert np.array_equal(answers[none], answers[base])
    assert np.abs(answers[whole] - answers[file]).max() <= 1.01 * step
    assert np.abs(answers[whole] - answers[base]).max() > 0


def test_ablation_finds_the_layer_that_costs(tmp_path: Path) -> None:
    net = two_layers.net()
    spoiled = net.with_weights(0, np.random.default_rng(3).permutation(net.w[0].ravel()).reshape(net.w[0].shape))
    base = two_layers.tflite(net, False, tmp_path / "float.tflite")
    file = two_layers.tflite(spoiled, True, tmp_path / "int8.tflite")
    compared = compare(base, file, two_layers.samples())
    found = ablate(base, compared, Split(two_layers.samples(200)), 20)
    layers = {each.layer: each for each in found.layers}
    assert (found.metric, found.samples, found.as_float, found.left_out) == ("agreement", 200, 1.0, ())
    assert found.layers[0].layer == "hidden"
    assert layers["hidden"].only_compressed < 0.6 < 0.97 < layers["answer"].only_compressed
    assert layers["answer"].only_float < 0.6 < 0.97 < layers["hidden"].only_float
    assert found.as_compressed < 0.6


def test_ablation_stops_when_its_time_is_up(pair: tuple[Path, Path]) -> None:
    compared = compare(*pair, two_layers.samples())
    found = ablate(pair[0], compared, Split(two_layers.samples(300)), 1e-9)
    assert (found.samples, found.layers, set(found.left_out)) == (50, (), {"x", "hidden", "answer"})
    with pytest.raises(BadInput, match="TFLite files alone"):
        ablate(Path("m.onnx"), compared, Split(two_layers.samples(2)), 1)
