"""`compressor inspect`: operators, layers and multiply-accumulates of a file, the vendor's compiler, exit codes."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_tflite import File, conv

from compressor import api, estimate, names, tflite_view
from compressor.edgetpu import compiler
from compressor.errors import BadInput, MissingTool, StageFailed
from compressor.inspection import Inspection, Placed, inspect
from compressor.tflite_view import parse
from compressor.tflite_view.layers import layers
from compressor.tflite_view.macs import macs
from compressor.values import Artifact, Precision, Stage

Cli = Callable[..., subprocess.CompletedProcess[str]]
(CORAL,) = names.load_targets(["coral"])


def two_convolutions_and_a_break() -> bytes:
    """288 and 576 multiply-accumulates per pixel and channel; the second follows an ARG_MAX."""
    file = File()
    first = conv(file, file.input((1, 8, 8, 2), name="picture"), (1, 8, 8, 4), "model/conv_1")
    broken = file.tensor((1, 8, 8, 4), name="model/best/ArgMax")
    file.add("ARG_MAX", [first], [broken])
    conv(file, broken, (1, 8, 8, 8), "model/conv_2")
    return file.content()


FIRST_MACS, SECOND_MACS = 8 * 8 * 4 * 9 * 2, 8 * 8 * 8 * 9 * 4


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    (tmp_path / "m.tflite").write_bytes(two_convolutions_and_a_break())
    return tmp_path / "m.tflite"


def test_json_has_every_operator_in_order_and_a_summary(broken: Path, called: Cli) -> None:
    done = called("inspect", broken, "--target", "coral", "--compiler", "never", "--json", cwd=broken.parent)
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert [set(each) for each in told["operators"]] == [
        {"index", "op", "output", "where", "reason", "layer", "macs", "reads"}
    ] * 3
    assert [each["reads"] for each in told["operators"]] == [[], [0], [1]]
    assert [(each["index"], each["op"], each["where"], each["layer"], each["macs"]) for each in told["operators"]] == [
        (0, "CONV_2D", "accelerator", "conv_1", FIRST_MACS),
        (1, "ARG_MAX", "cpu", "best", 0),
        (2, "CONV_2D", "cpu", "conv_2", SECOND_MACS),
    ]
    assert told["operators"][1]["output"] == "model/best/ArgMax"
    summary = told["summary"]
    assert (summary["accelerator_ops"], summary["cpu_ops"], summary["operators"]) == (1, 2, 3)
    assert summary["accelerated_macs_share"] == pytest.approx(FIRST_MACS / (FIRST_MACS + SECOND_MACS))
    change = "leave it to the host: return the scores"
    assert summary["changes"] == [{"index": 1, "op": "ARG_MAX", "layer": "best", "change": change}]
    assert summary["parameters_bytes"] == 4 * 9 * 2


def test_the_table_says_where_why_and_what_to_change(broken: Path, called: Cli) -> None:
    told = called("inspect", broken, "--target", "coral-micro", "--compiler", "never", cwd=broken.parent).stdout
    assert "1 operators on the accelerator, 2 not; 20.0% of 23,040 multiply-accumulates accelerated" in told
    assert "to change: operator 1 (ARG_MAX): leave it to the host: return the scores" in told
    assert "conv_2" in told


@pytest.mark.parametrize(("share", "code"), [("0.2", 0), ("0.21", 1), ("0", 0), ("1", 1)])
def test_a_share_that_is_required_decides_the_exit_code(share: str, code: int, broken: Path, called: Cli) -> None:
    words = ("inspect", broken, "--target", "coral", "--compiler", "never", "--require-accelerated", share, "--json")
    done = called(*words, cwd=broken.parent)
    assert done.returncode == code
    assert ("below" in done.stderr) == bool(code)
    assert json.loads(done.stdout)["target"] == "coral"


def float_file() -> bytes:
    file = File()
    file.add("RELU", [file.input((1, 4), "FLOAT32")], [file.tensor((1, 4), "FLOAT32")])
    return file.content()


def dynamic_file() -> bytes:
    file = File()
    file.add("RELU", [file.input((1, 4), signature=(-1, 4))], [file.tensor((1, 4))])
    return file.content()


BAD: dict[str, tuple[bytes | None, str, str]] = {
    "float model": (float_file(), "coral", "takes nothing of m.tflite:\n  the Edge TPU takes int8, and it computes in"),
    "dynamic shape": (dynamic_file(), "coral", "the shape of its input is dynamic"),
    "no TFLite": (b"PK\3\4" + b"x" * 40, "coral", "m.tflite is no TFLite model"),
    "no file": (None, "coral", "cannot read m.tflite: No such file"),
    "unknown target": (two_convolutions_and_a_break(), "corall", "did you mean 'coral'?"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_with_2_and_one_clear_message(case: str, tmp_path: Path, called: Cli) -> None:
    content, target, told = BAD[case]
    if content is not None:
        (tmp_path / "m.tflite").write_bytes(content)
    done = called("inspect", "m.tflite", "--target", target, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_refused_whole_is_told_as_json_too(tmp_path: Path, called: Cli) -> None:
    (tmp_path / "m.tflite").write_bytes(float_file())
    done = called("inspect", "m.tflite", "--target", "coral", "--json", cwd=tmp_path)
    assert done.returncode == 2
    told = json.loads(done.stdout)
    assert [each["where"] for each in told["operators"]] == ["cpu"]
    assert "float32" in told["summary"]["mistakes"][0]


def test_a_share_out_of_range_is_bad_input(broken: Path, called: Cli) -> None:
    done = called("inspect", broken, "--target", "coral", "--require-accelerated", "95", cwd=broken.parent)
    assert done.returncode == 2
    assert "--require-accelerated" in done.stderr


def test_a_file_whose_lists_share_their_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = two_convolutions_and_a_break()
    parse(content)
    monkeypatch.setattr(tflite_view, "_LARGEST_SHARE", 0.01)
    with pytest.raises(BadInput, match="lie on top of one another"):
        parse(content)


def test_it_works_without_tensorflow(broken: Path, trap: Path, cli: Cli) -> None:
    done = cli("inspect", broken, "--target", "coral", cwd=broken.parent, path=trap)
    assert done.returncode == 0, done.stderr
    assert not (trap / "imported").exists()


def test_the_same_from_python(broken: Path) -> None:
    found = api.inspect(broken, "coral")
    assert (found.accelerator_ops, found.cpu_ops) == (1, 2)
    assert found.compiler == {}


def test_a_file_without_products_is_judged_by_its_operators() -> None:
    def placed(*places: Any) -> Inspection:
        return Inspection("coral", tuple(Placed(n, "RELU", "", where, "", "", 0) for n, where in enumerate(places)))

    assert placed("accelerator", "cpu", "cpu", "cpu").accelerated_macs_share == 0.25
    assert placed().accelerated_macs_share == 0.0


LOG = """Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.

Model compiled successfully in 63 ms.

Input model: m.tflite
Input size: 5.21MiB
Output model: m_edgetpu.tflite
Output size: 6.51MiB
On-chip memory used for caching model parameters: 6.02MiB
On-chip memory remaining for caching model parameters: 1.02MiB
Off-chip memory used for streaming uncached model parameters: 41.75KiB
Number of Edge TPU subgraphs: 1
Total number of operations: 3
Operation log: m_edgetpu.log

Model successfully compiled but not all operations are supported by the Edge TPU. A percentage of the model will \
instead run on the CPU, which is slower.
Number of operations that will run on Edge TPU: 1
Number of operations that will run on CPU: 2

Operator                       Count      Status

ARG_MAX                        1          Operation not supported
CONV_2D                        {mapped}          Mapped to Edge TPU
CONV_2D                        {left}          More than one subgraph is not supported
Compilation child process completed within timeout period.
Compilation succeeded!
"""


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a program of the compiler's name on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def write(script: str) -> Path:
        program = folder / compiler.PROGRAM
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return program

    return write


def printing(log: str) -> str:
    return f'echo "$@" > "$(dirname "$0")/words"\ncat <<\'END\'\n{log}END'


def test_the_log_of_the_compiler_is_read() -> None:
    read = compiler.parsed(LOG.format(mapped=1, left=1))
    assert read.version == "16.0.384591198"
    assert read.accelerated == {"CONV_2D": 1}
    assert read.left == {"ARG_MAX": 1, "CONV_2D": 1}
    assert read.statuses[0] == "ARG_MAX 1: Operation not supported"
    assert read.memory == {
        "on_chip_bytes": round(6.02 * (1 << 20)),
        "on_chip_left_bytes": round(1.02 * (1 << 20)),
        "off_chip_bytes": 42752,
    }


def test_the_compiler_is_run_and_agrees(broken: Path, vendor: Any, called: Cli) -> None:
    program = vendor(printing(LOG.format(mapped=1, left=1)))
    done = called("inspect", broken, "--target", "coral", "--json", cwd=broken.parent)
    told = json.loads(done.stdout)["compiler"]
    assert (told["tool"], told["version"], told["agrees"]) == ("edgetpu_compiler", "16.0.384591198", True)
    assert told["differences"] == []
    words = (program.parent / "words").read_text().split()
    assert (words[:2], words[-1]) == (["-s", "-o"], str(broken))
    assert not Path(words[2]).exists()


def test_where_the_compiler_differs_it_is_told(broken: Path, vendor: Any, called: Cli) -> None:
    vendor(printing(LOG.format(mapped=2, left=0)))
    done = called("inspect", broken, "--target", "coral", cwd=broken.parent)
    assert "warning: edgetpu_compiler maps 2 of 2 CONV_2D; the rules here say 1" in done.stdout
    assert "edgetpu_compiler 16.0.384591198 differs" in done.stdout


def test_a_compiler_that_refuses_is_told_and_fails_when_it_is_a_must(broken: Path, vendor: Any) -> None:
    vendor("echo 'ERROR: Invalid model: m.tflite'; exit 1")
    found = inspect(broken, CORAL, "auto")
    assert "ERROR: Invalid model: m.tflite" in found.warnings[-1]
    assert found.accelerator_ops == 1
    with pytest.raises(StageFailed, match=r"edgetpu_compiler refused m\.tflite"):
        inspect(broken, CORAL, "required")


def test_a_run_keeps_what_the_compiler_made_and_says_whether_it_agrees(broken: Path, vendor: Any) -> None:
    artifact = Artifact(broken, "tflite", Precision.INT8, Stage.COMPRESSED, 1, 1, "0")
    assert estimate.said(artifact, CORAL, 60) == []
    writes = 'printf compiled > "$3/m_edgetpu.tflite"\n'
    vendor(writes + printing(LOG.format(mapped=1, left=1)))
    assert estimate.said(artifact, CORAL, 60) == ["edgetpu_compiler 16.0.384591198 agrees with the rules here"]
    kept = estimate.compiled_file(artifact, CORAL)
    assert kept is not None
    assert kept.read_bytes() == b"compiled"
    vendor(writes + printing(LOG.format(mapped=2, left=0)))
    assert estimate.said(artifact, CORAL, 60) == ["edgetpu_compiler maps 2 of 2 CONV_2D; the rules here say 1"]
    vendor("echo 'ERROR: Invalid model'; exit 1")
    assert "ERROR: Invalid model" in estimate.said(artifact, CORAL, 60)[0]


def test_a_compiler_that_prints_no_list_or_hangs_is_a_failure(broken: Path, vendor: Any) -> None:
    vendor("echo hello")
    with pytest.raises(StageFailed, match="printed no list of operators"):
        inspect(broken, CORAL, "required")
    vendor("sleep 30")
    with pytest.raises(StageFailed, match="did not finish within 1 s"):
        inspect(broken, CORAL, "required", timeout=1)


def test_a_missing_compiler_is_stated_or_ends_with_3(
    broken: Path, called: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "is not on PATH" in inspect(broken, CORAL, "auto").compiler["skipped"]
    with pytest.raises(MissingTool, match="edgetpu_compiler is not on PATH"):
        inspect(broken, CORAL, "required")
    done = called("inspect", broken, "--target", "coral", "--compiler", "required", cwd=broken.parent)
    assert done.returncode == 3
    assert "https://coral.ai/docs/edgetpu/compiler/" in done.stderr


def macs_of(op: str, read: tuple[int, ...], weights: Any, made: tuple[int, ...]) -> int:
    file = File()
    places = [file.input(read), *(file.constant(np.ones(shape)) if shape else -1 for shape in weights)]
    file.add(op, places, [file.tensor(made)])
    return macs(parse(file.content()).operators[0])


@pytest.mark.parametrize(
    ("op", "read", "weights", "made", "expected"),
    [
        ("CONV_2D", (1, 8, 8, 3), [(16, 3, 3, 3)], (1, 4, 4, 16), 4 * 4 * 16 * 27),
        ("CONV_2D", (1, 8, 8, 4), [(16, 3, 3, 2)], (1, 8, 8, 16), 8 * 8 * 16 * 18),
        ("DEPTHWISE_CONV_2D", (1, 8, 8, 3), [(1, 3, 3, 6)], (1, 8, 8, 6), 8 * 8 * 6 * 9),
        ("FULLY_CONNECTED", (1, 20), [(5, 20)], (1, 5), 100),
        ("FULLY_CONNECTED", (7, 20), [(5, 20)], (7, 5), 700),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", (1, 9, 3), [(4, 3)] * 4 + [(4, 4)] * 4, (1, 9, 4), 9 * (48 + 64)),
        ("SOFTMAX", (1, 10), [], (1, 10), 0),
    ],
)
def test_products_are_counted(op: str, read: Any, weights: Any, made: Any, expected: int) -> None:
    assert macs_of(op, read, weights, made) == expected


def test_a_transposed_convolution_counts_every_input_once_per_weight() -> None:
    file = File()
    shape, weights = file.constant([1, 8, 8, 5], "INT32"), file.constant(np.ones((5, 3, 3, 2)))
    file.add("TRANSPOSE_CONV", [shape, weights, file.input((1, 4, 4, 2))], [file.tensor((1, 8, 8, 5))])
    assert macs(parse(file.content()).operators[0]) == 4 * 4 * 2 * 9 * 5


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5))
def test_a_dense_layer_is_a_convolution_of_one_pixel(units: int, channels: int, rows: int) -> None:
    dense = macs_of("FULLY_CONNECTED", (rows, channels), [(units, channels)], (rows, units))
    pointwise = macs_of("CONV_2D", (1, rows, 1, channels), [(units, 1, 1, channels)], (1, rows, 1, units))
    assert dense == pointwise == units * channels * rows


LAYERS = [
    ("CONV_2D", "model/conv_1/Relu;model/conv_1/BiasAdd;model/conv_1/Conv2D", "model/conv_1/Conv2D", "conv_1"),
    ("CONV_2D", "m/relu/Relu;m/bn/FusedBatchNormV3;m/conv_9/Conv2D;m/conv/Conv2D1", "m/conv/Conv2D", "conv"),
    ("DEPTHWISE_CONV_2D", "m/bn/FusedBatchNormV3;m/dw/depthwise1", "m/bn/FusedBatchNormV3;m/dw/depthwise", "dw"),
    ("FULLY_CONNECTED", "m/inner/dense_2/MatMul1", "m/inner/dense_2/MatMul", "inner/dense_2"),
    ("FULLY_CONNECTED", "StatefulPartitionedCall_1:1", "model/dense_4/MatMul", "dense_4"),
    ("FULLY_CONNECTED", "StatefulPartitionedCall/model/dense/BiasAdd", "arith.constant", "dense"),
    ("FULLY_CONNECTED", "tfl.fully_connected", "arith.constant", ""),
]


@pytest.mark.parametrize(("op", "output", "weights", "layer"), LAYERS)
def test_the_layer_is_the_one_whose_weights_are_used(op: str, output: str, weights: str, layer: str) -> None:
    file = File()
    constant = file.constant(np.ones((2, 3)), name=weights)
    file.add(op, [file.input((1, 3)), constant], [file.tensor((1, 2), name=output)])
    assert layers(parse(file.content())) == (layer,)


def test_an_operator_without_a_name_belongs_to_the_layer_before_it() -> None:
    file = File()
    scores, answer = file.tensor((1, 2), name="model/scores/MatMul"), file.tensor((1, 2), name="Identity_int8")
    file.add("FULLY_CONNECTED", [file.input((1, 3)), file.constant(np.ones((2, 3)))], [scores])
    file.add("SOFTMAX", [scores], [answer])
    assert layers(parse(file.content())) == ("scores", "scores")


def test_a_fused_loop_without_a_name_is_not_the_embedding_before_it() -> None:
    file = File()
    found, answer = file.tensor((1, 5, 3), name="m/embedding/lookup"), file.tensor((1, 5, 2), name="tfl.lstm")
    weights = file.constant(np.ones((2, 3)), name="arith.constant")
    file.add("GATHER", [file.constant(np.ones((9, 3))), file.input((1, 5))], [found])
    file.add("UNIDIRECTIONAL_SEQUENCE_LSTM", [found, weights], [answer])
    assert layers(parse(file.content())) == ("embedding", "")


def test_an_unknown_target_is_bad_input_from_python() -> None:
    with pytest.raises(BadInput, match="no target is called 'coal'; did you mean 'coral'"):
        api.inspect("m.tflite", "coal")
