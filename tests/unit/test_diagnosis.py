"""Planted faults are found and named, and what is in order is left alone; on files made by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import two_layers
from two_layers import Net

from compressor import diagnosis
from compressor.diagnosis import divergence
from compressor.diagnosis.opened import open_file
from compressor.errors import BadInput
from compressor.report.evidence import LayersPart

# A slope is known as well as its samples tell.
TWO_PERCENT = r"1.0(1[89]|2[012]) × the float32 ones: a scale is off by (1\.[89]|2\.[012]) %"
KINDS = {"tflite": two_layers.tflite, "onnx": two_layers.onnx_file}


def files(folder: Path, kind: str, compressed: Net, base: Net | None = None) -> tuple[Path, Path]:
    make = KINDS[kind]
    base = two_layers.net() if base is None else base
    return make(base, False, folder / f"float.{kind}"), make(compressed, True, folder / f"int8.{kind}")


def diagnosed(folder: Path, kind: str, compressed: Net, runtime: str | None = None) -> LayersPart:
    return diagnosis.layers(*files(folder, kind, compressed), two_layers.samples(), runtime)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_a_sound_file_has_no_faults_and_its_errors_are_those_of_rounding(tmp_path: Path, kind: str, seed: int) -> None:
    base = two_layers.net(seed)
    part = diagnosis.layers(*files(tmp_path, kind, base, base), two_layers.samples(64, seed))
    assert part.faults == []
    assert (part.precision, part.samples) == ("int8", 64)
    assert all(0 < each.error < 0.03 and abs((each.gain or 1) - 1) < 0.01 for each in part.layers)


@pytest.mark.parametrize("kind", KINDS)
def test_layers_are_told_in_running_order_with_what_they_introduce(tmp_path: Path, kind: str) -> None:
    part = diagnosed(tmp_path, kind, two_layers.net())
    assert list(dict.fromkeys(each.layer for each in part.layers)) == ["x", "hidden", "answer"]
    first, last = part.layers[0], part.layers[-1]
    assert (first.index, first.op, first.inherited) == (-1, "input", 0.0)
    # Rounding to steps of 1/127 of numbers between -1 and 1, which have a root mean square of 1/√3.
    assert first.error == pytest.approx(1 / 127 / np.sqrt(12) * np.sqrt(3), rel=0.1)
    assert last.introduced is not None
    assert last.inherited is not None
    # Both parts make up the whole, as independent noises do.
    assert last.error == pytest.approx(np.hypot(last.introduced, last.inherited), rel=0.35)
    assert sorted(each.rank for each in part.layers if each.rank) == list(range(1, len(part.layers) + 1))
    assert {each.bits for each in part.layers if "answer" in each.tensor} == {8}


def permuted(of: Net, layer: int) -> Net:
    values = of.w[layer]
    return of.with_weights(layer, np.random.default_rng(3).permutation(values.ravel()).reshape(values.shape))


SOUND = two_layers.net()
FAULTS: dict[str, tuple[Net, str]] = {
    "bias": (SOUND.with_bias(1, SOUND.b[1] * 0), "the bias of `answer` is zero, and in the float32 file it is not"),
    "other bias": (SOUND.with_bias(1, SOUND.b[1] + 1), "the bias of `answer` is not that of the float32 file"),
    "shuffled": (permuted(SOUND, 0), "the weights of `hidden` are those of the float32 file in another order"),
    "weights": (
        SOUND.with_weights(0, SOUND.w[0] + np.float32(0.2) * SOUND.w[0][::-1]),
        "the weights of `hidden` are not those of the float32 file, by more than rounding",
    ),
    "scale of weights": (
        replace(SOUND, stated={"weights of answer": two_layers._weight_scale(SOUND.w[1]) * 1.02}),
        "the weights of `answer` are 1.020 × those of the float32 file: a scale is off by 2.0 %",
    ),
    "input far too large": (
        replace(SOUND, scales=(SOUND.scales[0] * 10, *SOUND.scales[1:])),
        "the samples fill only 10.5 % of the range of `x`: its input scale does not fit them",
    ),
    "input too small": (
        replace(SOUND, scales=(SOUND.scales[0] / 4, *SOUND.scales[1:])),
        "% of the values of `x` are cut off: its input scale does not fit the samples",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_named(tmp_path: Path, kind: str, fault: str) -> None:
    compressed, told = FAULTS[fault]
    part = diagnosed(tmp_path, kind, compressed)
    assert any(told in each for each in part.faults), part.faults
    located = diagnosis.locate(*files(tmp_path, kind, compressed), two_layers.samples(), "compression")
    assert located is not None
    assert (located.stage, located.told) == ("compression", part.faults[0])
    assert f"`{located.layer}`" in located.told


def test_an_output_scale_that_is_off_by_two_percent_is_named(tmp_path: Path) -> None:
    part = diagnosed(tmp_path, "onnx", replace(SOUND, stated={"y": SOUND.scales[2] * 1.02}))
    (told,) = part.faults
    assert re.fullmatch(f"the answers of `answer` are {TWO_PERCENT}", told)
    assert part.layers[-1].gain == pytest.approx(1.02, abs=0.003)


def test_the_scale_of_what_only_moves_numbers_is_named(tmp_path: Path) -> None:
    base = two_layers.tflite(SOUND, False, tmp_path / "float.tflite", moved=True)
    off = replace(SOUND, stated={"moved": SOUND.scales[1] * 1.02})
    file = two_layers.tflite(off, True, tmp_path / "int8.tflite", moved=True)
    part = diagnosis.layers(base, file, two_layers.samples())
    assert re.fullmatch(f"the answers of `moved` are {TWO_PERCENT}", part.faults[0])
    sound = two_layers.tflite(SOUND, True, tmp_path / "int8.tflite", moved=True)
    assert diagnosis.layers(base, sound, two_layers.samples()).faults == []


def test_an_input_scale_other_than_that_of_the_bias_is_named(tmp_path: Path) -> None:
    part = diagnosed(tmp_path, "tflite", replace(SOUND, stated={"x": SOUND.scales[0] * 1.03}))
    assert part.faults == ["the input scale of `hidden` is 1.030 × the one that its bias was stored for"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("runtime", [None, "litert_reference"])
def test_kernels_of_one_file_agree_with_the_reference_kernels(tmp_path: Path, kind: str, runtime: str | None) -> None:
    if kind == "onnx" and runtime is not None:
        with pytest.raises(BadInput, match="does not open"):
            diagnosed(tmp_path, kind, SOUND, runtime)
        return
    _, file = files(tmp_path, kind, SOUND)
    assert diagnosis.locate(file, file, two_layers.samples(), "runtime", runtime) is None


def test_an_error_before_a_layer_is_inherited(tmp_path: Path) -> None:
    part = diagnosed(tmp_path, "tflite", permuted(SOUND, 0))
    answer = next(each for each in part.layers if each.layer == "answer")
    assert answer.introduced is not None
    assert answer.inherited is not None
    assert answer.introduced < 0.03 < 0.3 < answer.inherited


def test_a_model_trained_again_is_not_blamed_for_its_weights(tmp_path: Path) -> None:
    other = replace(SOUND, w=tuple(w * 0.5 + two_layers.net(9).w[place] for place, w in enumerate(SOUND.w)))  # type: ignore[arg-type]
    ranged = replace(other, scales=(SOUND.scales[0], SOUND.scales[1] * 2.5, SOUND.scales[2] * 4))
    assert diagnosed(tmp_path, "tflite", ranged).faults == []


def test_other_kinds_of_files_and_samples_are_refused(tmp_path: Path) -> None:
    base, file = files(tmp_path, "tflite", SOUND)
    with pytest.raises(BadInput, match="there is no file"):
        diagnosis.layers(base, tmp_path / "absent.tflite", two_layers.samples())
    with pytest.raises(BadInput, match="does not fit the artifact's input"):
        diagnosis.layers(base, file, {"x": np.zeros((2, 3), np.float32)})
    (tmp_path / "m.ncnn").write_bytes(b"x")
    with pytest.raises(BadInput, match="nothing is known of the tensors inside"):
        diagnosis.layers(base, tmp_path / "m.ncnn", two_layers.samples())


def test_other_kernels_are_told_by_the_first_layer_they_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, file = files(tmp_path, "tflite", SOUND)
    other = two_layers.tflite(SOUND.with_bias(0, SOUND.b[0] + 0.1), True, tmp_path / "other.tflite")

    def opened(path: Path, runtime: str | None, plainly: bool = False) -> object:
        return open_file(other if plainly else path, runtime)

    monkeypatch.setattr(divergence, "open_file", opened)
    found = diagnosis.locate(file, file, two_layers.samples(), "runtime")
    assert found is not None
    assert (found.stage, found.layer) == ("runtime", "hidden")
    steps = round(0.1 / SOUND.scales[1])
    assert found.told.startswith("the answers of `hidden` differ from the reference kernels' by up to")
    assert int(found.told.split()[-3]) in (steps, steps + 1)
