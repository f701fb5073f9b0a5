"""Vela as a program: what it prints and leaves is read, and one that crashes, hangs or is not there is a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from at_hand import needs_tools
from hypothesis import given
from hypothesis import strategies as st
from tflite_files import float_lstm_with_int8_weights
from tiny_tflite import File
from vela_stand_in import COLUMNS, NOTHING, SUMMARY, absent, leaving, one_left, two_operators, vendor

from compressor import environment, names
from compressor.errors import MissingTool, StageFailed
from compressor.inspection import inspect
from compressor.vela import compiler, log, summary

# Fixtures.
__all__ = ["absent", "vendor"]
Cli = Callable[..., subprocess.CompletedProcess[str]]
(U55,) = names.load_targets(["ethos_u55-128"])
installed = needs_tools(environment.program("vela") is not None, "vela is not installed")

# As Vela 5.2.0 printed it.
LOG = """
Warning (supported operators) operator: CONV_2D, ofm: 'ds_cnn/conv_relu/Relu;ds_cnn/conv/Conv2D_act'
Reason: Unsupported kernel stride: 5, 2
Stride>3 is only supported IF (dilation = 1 AND padding = VALID)

Warning (supported operators) operator: DEQUANTIZE, ofm: 'scores'
Reason: Unsupported opType

Network summary for m
CPU operators = 2 (33.3%)
NPU operators = 4 (66.7%)
"""
TRACEBACK = """Traceback (most recent call last):
  File "/somewhere/bin/vela", line 8, in <module>
    sys.exit(main())
             ^^^^^^
  File "/somewhere/vela.py", line 137, in process_regor
    compiled_model = regor.compile(accelerator, network, fmt, system_config, options=options, verbose=True)
                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
RuntimeError: Compilation failed: Error: UNIDIRECTIONAL_SEQUENCE_LSTM 'y' Does not have valid TFLite Semantics.
 - IFM must be INT8 or INT16
   IFM type=FLOAT32
Failed to parse TFLite file
"""


def test_reasons_are_told_by_the_tensor_that_the_operator_writes() -> None:
    assert log.reasons(LOG) == {
        "ds_cnn/conv_relu/Relu;ds_cnn/conv/Conv2D": "Unsupported kernel stride: 5, 2",
        "scores": "Unsupported opType",
    }


def test_of_a_traceback_the_sentence_is_left() -> None:
    told = log.last_words(f"some words\n{TRACEBACK}")
    assert told.startswith("UNIDIRECTIONAL_SEQUENCE_LSTM 'y' Does not have valid TFLite Semantics.")
    assert "IFM must be INT8 or INT16" in told
    assert not any(word in told for word in ("Traceback", "File", "RuntimeError", "\n"))


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ("Traceback (most recent call last):\n  File \"a\"\nKeyError: '0'\n", "KeyError '0'"),
        ('Traceback (most recent call last):\n  File "a"\nMemoryError\n', "MemoryError"),
        ("first\nerror: unrecognized arguments: --x\n", "error: unrecognized arguments: --x"),
        ("", "it printed nothing"),
    ],
)
def test_other_last_words(printed: str, told: str) -> None:
    assert log.last_words(printed) == told


@given(st.text())
def test_any_print_has_last_words_of_one_line(printed: str) -> None:
    told = log.last_words(printed)
    assert told
    assert len(told.splitlines()) == 1
    assert len(told) <= 400


def test_the_summary_is_read_in_bytes_and_milliseconds() -> None:
    read = summary.estimate(SUMMARY, "5.2.0")
    assert read is not None
    assert (read.by, read.cycles, read.clock_hz) == ("Vela 5.2.0", 77_828, 500_000_000)
    assert (read.sram_bytes, read.dram_bytes, read.flash_bytes) == (16_048, 0, 53_984)
    assert read.inference_ms == pytest.approx(0.155656)
    assert read.inferences_per_second == pytest.approx(1000 / 0.155656)


@pytest.mark.parametrize(
    "content", [NOTHING, NOTHING.replace("nan", "0.0"), SUMMARY.replace("6424.423086806804", "nan")]
)
def test_a_summary_of_nothing_is_no_estimate(content: str) -> None:
    assert summary.estimate(content, "5.2.0") is None


@pytest.mark.parametrize(
    "content", ["", "hello", COLUMNS, SUMMARY.replace("77828", "many"), SUMMARY.replace("15.671875", "nan"), "a,b\n1"]
)
def test_another_table_is_a_failure_and_no_figure(content: str) -> None:
    with pytest.raises(StageFailed, match="vela left a summary that cannot be read"):
        summary.estimate(content, "5.2.0")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "m.tflite").write_bytes(two_operators())
    return tmp_path / "m.tflite"


def test_the_compiler_is_called_with_the_unit_and_its_system(model: Path, vendor: Any, tmp_path: Path) -> None:
    vendor(leaving(tmp_path, one_left()))
    told = inspect(model, U55, "required").compiler
    assert (told["tool"], told["version"], told["agrees"], told["accelerated_ops"]) == ("vela", "9.8.7", True, 1)
    assert told["estimate"]["cycles"] == 77_828
    assert told["statuses"] == ["SQRT model/b/Sqrt: stays on the CPU"]
    words = (tmp_path / "words").read_text().split()
    assert words[:-1] == [
        str(model),
        *("--accelerator-config", "ethos-u55-128", "--system-config", "Ethos_U55_High_End_Embedded"),
        *("--memory-mode", "Shared_Sram", "--config", "Arm/vela.ini", "--output-dir"),
    ]
    assert not Path(words[-1]).exists()


def test_where_vela_differs_the_operator_is_named(model: Path, vendor: Any, tmp_path: Path) -> None:
    vendor(leaving(tmp_path, two_operators(), NOTHING))
    found = inspect(model, U55, "required")
    assert found.compiler["agrees"] is False
    assert found.warnings == (
        "vela puts operator 0 (LOGISTIC model/a/Sigmoid) on the cpu; the rules here say accelerator",
    )
    assert found.compiler["estimate"] is None


def test_operators_that_write_tensors_of_the_same_name_are_counted(vendor: Any, tmp_path: Path) -> None:
    def twice(*ops: str) -> bytes:
        file = File()
        last = file.input((1, 4))
        for op in ops:
            made = file.tensor((1, 4), name="same")
            file.add(op, [last], [made])
            last = made
        return file.content()

    (tmp_path / "m.tflite").write_bytes(twice("SQRT", "SQRT"))
    vendor(leaving(tmp_path, twice("SQRT", "ethos-u")))
    assert inspect(tmp_path / "m.tflite", U55, "required").compiler["accelerated_ops"] == 1


BROKEN = {
    "crashes": (f"cat >&2 <<'END'\n{TRACEBACK}END\nexit 1", "vela refused m.tflite: UNIDIRECTIONAL_SEQUENCE_LSTM"),
    "is killed": ("kill -SEGV $$", "SIGSEGV"),
    "hangs": ("sleep 60", "did not finish within 1 s"),
    "leaves nothing": ("echo hello", "vela left no compiled file: hello"),
    "leaves garbage": ('echo x > "$out/m_vela.tflite"', "vela left no compiled file"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_vela_that_fails_is_a_sentence(case: str, model: Path, vendor: Any, tmp_path: Path) -> None:
    script, told = BROKEN[case]
    vendor(script)
    patience = 1 if case == "hangs" else 20
    with pytest.raises(StageFailed) as caught:
        inspect(model, U55, "required", timeout=patience)
    assert told in str(caught.value)
    assert "Traceback" not in str(caught.value)
    by_rules = inspect(model, U55, "auto", timeout=patience)
    assert by_rules.accelerator_ops == 1
    assert told in by_rules.compiler["skipped"]


def test_a_compiled_file_that_cannot_be_read_is_a_sentence(model: Path, vendor: Any, tmp_path: Path) -> None:
    vendor(leaving(tmp_path, b"\0" * 40))
    with pytest.raises(StageFailed, match="vela left a file that cannot be read"):
        inspect(model, U55, "required")


@pytest.mark.usefixtures("absent")
def test_a_missing_vela_leaves_the_rules_or_is_an_error(model: Path) -> None:
    found = inspect(model, U55, "auto")
    assert (found.accelerator_ops, found.cpu_ops) == (1, 1)
    assert "pip install 'compressor[ethos-u]'" in found.compiler["skipped"]
    with pytest.raises(MissingTool, match="vela") as caught:
        inspect(model, U55, "required")
    assert "pip install 'compressor[ethos-u]'" in str(caught.value)


LAUNCH = """
import sys
sys.executable = "/nowhere/python"
from compressor.cli import main
main()
"""


def test_a_missing_vela_that_is_required_ends_with_3(model: Path, tmp_path: Path, root: Path) -> None:
    command = [sys.executable, "-c", LAUNCH, "inspect", str(model), "--target", "ethos_u55-128"]
    without = {"PATH": str(tmp_path), "PYTHONPATH": str(root)}
    done = subprocess.run([*command, "--compiler", "required"], env=without, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (3, "")
    assert "pip install 'compressor[ethos-u]'" in done.stderr
    done = subprocess.run([*command, "--json"], env=without, capture_output=True, text=True, timeout=60)
    assert (done.returncode, json.loads(done.stdout)["summary"]["accelerator_ops"]) == (0, 1)


def test_a_float_file_is_bad_input_for_the_command(tmp_path: Path, called: Cli) -> None:
    file = File()
    file.add("RELU", [file.input((1, 4), "FLOAT32")], [file.tensor((1, 4), "FLOAT32")])
    (tmp_path / "m.tflite").write_bytes(file.content())
    for target in ("ethos_u", "ethos_u65-512"):
        done = called("inspect", "m.tflite", "--target", target, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{target} takes nothing of m.tflite" in done.stderr
        assert "convert to full integers" in done.stderr


@installed
def test_full_fallback_is_told_as_what_it_is(tmp_path: Path, called: Cli) -> None:
    file = File()
    file.add("SQRT", [file.input((1, 4))], [file.tensor((1, 4))])
    (tmp_path / "m.tflite").write_bytes(file.content())
    words = ("inspect", "m.tflite", "--target", "ethos_u55-128")
    done = called(*words, cwd=tmp_path)
    assert done.returncode == 0
    assert "0 operators on the accelerator, 1 not; 0.0% of its operators accelerated" in done.stdout
    assert "all 1 operators stay on the CPU" in done.stdout
    assert "estimated" not in done.stdout
    assert called(*words, "--require-accelerated", "0.01", cwd=tmp_path).returncode == 1


@installed
def test_vela_stops_at_an_lstm_in_float_and_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(float_lstm_with_int8_weights())
    with pytest.raises(StageFailed, match=r"vela refused m\.tflite: UNIDIRECTIONAL_SEQUENCE_LSTM 'y' Does not have"):
        compiler.compile_file(str(environment.program("vela")), tmp_path / "m.tflite", U55, 60)
