"""`compressor diagnose` as a user meets it: two files, a run folder, and what does not belong together."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import two_layers
from click.testing import CliRunner

import compressor
from compressor.cli import cli
from compressor.errors import BadInput


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Two files and their data."""
    net = two_layers.net()
    two_layers.tflite(net, False, tmp_path / "float.tflite")
    two_layers.tflite(net, True, tmp_path / "int8.tflite")
    two_layers.tflite(net.with_bias(1, net.b[1] * 0), True, tmp_path / "faulty.tflite")
    np.savez(tmp_path / "data.npz", x_evaluation=two_layers.samples(40)["x"])
    return tmp_path


def said(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["diagnose", *map(str, words)], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return int(done.return_value or 0), done.stdout


@pytest.fixture(autouse=True)
def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compressor.guard.enter", lambda *_: None)


def test_a_sound_file_ends_with_0_and_a_table(work: Path) -> None:
    code, told = said(work / "float.tflite", work / "int8.tflite", "--data", work / "data.npz")
    assert code == 0
    assert "nothing is out of order on 32 samples" in told
    lines = {line.split()[1]: line for line in told.splitlines() if "FULLY_CONNECTED" in line}
    assert list(lines) == ["hidden", "answer"]
    assert "saturated" in told


def test_a_fault_ends_with_1_and_comes_first(work: Path) -> None:
    words = work / "float.tflite", work / "faulty.tflite", "--data", work / "data.npz", "--samples", 8
    code, told = said(*words, "--json", "--nodes", work / "nodes.json", "--ablation", 0.5)
    (found,) = json.loads(told)
    assert code == 1
    assert found["faults"] == ["the bias of `answer` is zero, and in the float32 file it is not"]
    assert (found["layers"]["samples"], found["ablation"]["samples"]) == (8, 40)
    assert set(json.loads((work / "nodes.json").read_text())) == {"main"}
    code, told = said(*words)
    assert told.index("out of order: the bias of `answer`") < told.index("FULLY_CONNECTED")


def run_folder(work: Path, golden: Path) -> Path:
    """A run of an earlier report, its files put in place."""
    folder = work / "run"
    report = json.loads((golden / "passed.json").read_text())
    for row in report["rows"]:
        if row["path"] is not None and row["path"].endswith(".tflite"):
            (folder / row["path"]).parent.mkdir(parents=True, exist_ok=True)
            made = "float.tflite" if row["stage"] == "float32" else "int8.tflite"
            shutil.copy(work / made, folder / row["path"])
        elif row["path"] is not None:
            row["path"] = None
    (folder / "report.json").write_text(json.dumps(report))
    shutil.copy(work / "data.npz", folder / "data.npz")
    return folder


def test_a_run_brings_its_files_and_data(work: Path, golden: Path) -> None:
    folder = run_folder(work, golden)
    found = compressor.diagnose(folder, samples=4)
    assert found
    assert {each.file.suffix for each in found} == {".tflite"}
    assert all("float32" in each.float_file.name and each.layers.samples == 4 for each in found)
    assert found[0].conversion_note == "there is no Keras model to compare with"
    named = found[0].file.relative_to(folder)
    assert [each.file for each in compressor.diagnose(folder, named)] == [found[0].file]
    (other,) = compressor.diagnose(folder, work / "faulty.tflite")
    assert other.faults == ("the bias of `answer` is zero, and in the float32 file it is not",)


MISTAKES: dict[str, tuple[tuple[str, ...], str]] = {
    "no artifact": (("float.tflite",), "is no run folder, and the compressed file is not given"),
    "no data": (("float.tflite", "int8.tflite"), "is no run folder, and --data is not given"),
    "absent artifact": (("float.tflite", "absent.tflite", "--data", "data.npz"), "there is no artifact"),
    "absent model": (("absent.tflite", "int8.tflite", "--data", "data.npz"), "absent.tflite"),
    "kind of model": (("data.npz", "int8.tflite", "--data", "data.npz"), "data.npz"),
    "kind of artifact": (("float.tflite", "data.npz", "--data", "data.npz"), "nothing is known of the tensors inside"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told(mistake: str, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words, told = MISTAKES[mistake]
    monkeypatch.chdir(work)
    with pytest.raises(BadInput, match=told):
        said(*words)


def test_the_verb_needs_no_tensorflow(work: Path, trap: Path, cli: Callable[..., object]) -> None:
    words = "diagnose", "float.tflite", "int8.tflite", "--data", "data.npz"
    done = cli(*words, cwd=work, path=trap)
    assert (done.returncode, "nothing is out of order" in done.stdout) == (0, True)  # type: ignore[attr-defined]
    assert not (trap / "imported").exists()
