"""Devices without an accelerator: every kind of their files is inspected, and equal networks count equal products."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tflite_files import TfliteFile, relu_chain

from compressor import names, registry
from compressor.errors import BadInput
from compressor.inspection import inspect
from compressor.ncnn_model import container
from compressor.ncnn_model import listing as ncnn_listing
from compressor.ncnn_model.container import End, NcnnModel
from compressor.tflm import c_array

# 8×8 with one channel; windows of 3 with padding, step 2, then ceiling and floor of a pooling, then all of it.
PARAM = """7767517
7 7
Input in0 0 1 in0
Convolution a 1 1 in0 1 0=4 1=3 3=2 4=1 5=1 6=36 8=2
ReLU b 1 1 1 2
Pooling c 1 1 2 3 0=0 1=3 2=2 5=0
ConvolutionDepthWise d 1 1 3 4 0=4 1=2 5=1 6=16 7=4 4=-233
Pooling e 1 1 4 5 0=1 4=1
InnerProduct f 1 1 5 out0 0=3 1=1 2=12
"""


def model(param: str = PARAM) -> NcnnModel:
    ends = End("x", "in0", (1, 8, 8, 1), "float32", (3, 1, 2)), End("y", "out0", (1, 3), "float32", (1,))
    return NcnnModel(param, b"", ends[:1], ends[1:])


def test_products_of_ncnn_layers_follow_from_the_sizes() -> None:
    found = {each.op + each.output: each.macs for each in ncnn_listing.listed(model())}
    # 8 → 4 by 36 products each; 4 → 2 by the ceiling, 2×2 by 16; all of it; 12.
    assert found == {
        "Inputin0": 0,
        "Convolution1": 36 * 4 * 4,
        "ReLU2": 0,
        "Pooling3": 0,
        "ConvolutionDepthWise4": 16 * 2 * 2,
        "Pooling5": 0,
        "InnerProductout0": 12,
    }


@pytest.mark.parametrize(
    ("parameters", "macs"),
    [
        ("0=4 1=3 6=36", 36 * 6 * 6),
        ("0=4 1=3 11=1 6=12", 12 * 8 * 6),
        ("0=4 1=3 2=2 6=36", 36 * 4 * 4),
        ("0=4 1=3 3=2 13=1 6=36", 36 * 6 * 3),
        ("0=4 1=3 4=1 15=0 14=0 16=0 6=36", 36 * 6 * 7),
        ("0=4 1=3 3=3 4=-234 6=36", 36 * 3 * 3),
    ],
)
def test_windows_step_as_their_parameters_say(parameters: str, macs: int) -> None:
    text = f"7767517\n2 2\nInput in0 0 1 in0\nConvolution a 1 1 in0 out0 {parameters}\n"
    assert ncnn_listing.listed(model(text))[1].macs == macs


def test_what_is_behind_an_unknown_size_counts_nothing() -> None:
    text = "7767517\n3 3\nInput in0 0 1 in0\nReshape r 1 1 in0 1 0=16 1=4\nConvolution a 1 1 1 out0 0=4 1=3 6=36\n"
    assert [each.macs for each in ncnn_listing.listed(model(text))] == [0, 0, 0]


@pytest.fixture
def inspected() -> Callable[[Path, str], dict[str, Any]]:
    command = registry.load("compressor.cli", "inspect", "COMMAND", "command")

    def told(path: Path, target: str) -> dict[str, Any]:
        done = CliRunner().invoke(command, [str(path), "--target", target, "--json"], catch_exceptions=False)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return told


def test_a_file_that_no_route_of_the_target_takes_is_refused(
    tmp_path: Path, onnx_file: Callable[..., Path], cli: Callable[..., Any]
) -> None:
    (tmp_path / "m.tflite").write_bytes(relu_chain(4, 4))
    for path, target, expected in (
        (tmp_path / "m.tflite", "android_ncnn", ".ncnn"),
        (tmp_path / "m.tflite", "ort_mobile", ".onnx"),
        (onnx_file(), "android_ncnn", ".ncnn"),
    ):
        with pytest.raises(BadInput) as caught:
            inspect(path, names.load_targets([target])[0])
        assert str(caught.value).splitlines() == [
            f"{target} runs no {path.suffix} files",
            f"  expected: a file ending in {expected}",
            f"  received: {path.suffix}",
        ]
    for target in ("raspberry_pi", "raspberry_pi4", "ort_mobile", "host"):
        assert inspect(onnx_file(), names.load_targets([target])[0]).cpu_ops == 1
    done = cli("inspect", tmp_path / "m.tflite", "--target", "android_ncnn", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")


def test_an_ort_file_names_the_file_to_inspect(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        inspect(tmp_path / "m_float32.ort", names.load_targets(["ort_mobile"])[0])
    assert str(caught.value).endswith(
        "what to do: inspect that .onnx file, in a run folder artifacts/onnx/m_float32.onnx"
    )


def test_custom_operators_that_runtimes_bring_are_told_from_others(tmp_path: Path) -> None:
    made = TfliteFile()
    tensors = [made.tensor(f"t{place}", 1, 4) for place in range(4)]
    for place, op in enumerate(("TFLite_Detection_PostProcess", "MY_OWN", "RELU")):
        made.operator(op, [tensors[place]], [tensors[place + 1]])
    (tmp_path / "m.tflite").write_bytes(made.content(tensors[:1], tensors[-1:]))
    for target in names.load_targets(["host", "cortex_m4"]):
        found = inspect(tmp_path / "m.tflite", target)
        assert [each.where for each in found.operators] == ["cpu", "unsupported", "cpu"]


def test_every_kind_of_file_is_told_operator_by_operator(
    tmp_path: Path, onnx_file: Callable[..., Path], inspected: Callable[[Path, str], dict[str, Any]]
) -> None:
    (tmp_path / "m.tflite").write_bytes(relu_chain(4, 4))
    (tmp_path / "m.cc").write_text(c_array.source(relu_chain(4, 4)))
    container.write(model(), tmp_path / "m.ncnn")
    for path, target, ops in (
        (tmp_path / "m.tflite", "host", ["RELU"]),
        (tmp_path / "m.tflite", "raspberry_pi5", ["RELU"]),
        (tmp_path / "m.cc", "cortex_m4", ["RELU"]),
        (onnx_file(), "host", ["Identity"]),
        (tmp_path / "m.ncnn", "android_ncnn", [line.split()[0] for line in PARAM.splitlines()[2:]]),
    ):
        found = inspected(path, target)
        assert [each["op"] for each in found["operators"]] == ops
        assert {each["where"] for each in found["operators"]} == {"cpu"}
        assert found["summary"]["accelerated_macs_share"] == 0
    told = inspected(tmp_path / "m.ncnn", "android_ncnn")["operators"]
    assert ["int8" in each["reason"] for each in told] == [False, True, False, False, False, False, False]
