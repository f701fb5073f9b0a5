"""Bundles: whole, the same every time, and programs that run or compile."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from at_hand import needs_tools
from tflite_files import relu_chain

from compressor import bundle, names
from compressor.bundle import Origin, Proof
from compressor.runtimes.litert_reference import open_session
from compressor.tflm import c_array
from compressor.values import Artifact, Precision, Stage

STAND_IN = Path(__file__).parent / "tflm_stand_in"
COMPILER = shutil.which("g++") or shutil.which("clang++")
VALUES = 6
HEADERS = (
    "micro/micro_interpreter.h",
    "micro/micro_log.h",
    "micro/micro_mutable_op_resolver.h",
    "micro/system_setup.h",
    "schema/schema_generated.h",
)


def made(run: Path, target: str = "cortex_m4", kind: str = "tflm") -> Path:
    """The bundle of a network that answers with its positive inputs; samples are positive."""
    run.mkdir(parents=True)
    path = run / ("m.cc" if kind == "tflm" else "m.tflite")
    content = relu_chain(VALUES, VALUES)
    path.write_bytes(c_array.source(content).encode() if kind == "tflm" else content)
    samples = np.arange(12 * VALUES, dtype=np.float32).reshape(12, VALUES) / 2
    np.savez(run / "data.npz", x_evaluation=samples)
    session, answers = open_session(path, 1), []
    for sample in samples:
        session.load({"t0": sample[None]})
        session.invoke()
        answers.append(session.results()["t1"])
    np.savez(run / "answers.npz", t1=np.concatenate(answers))
    answer = {"runtime": "litert_reference", "host": "here", "metric": {"name": "accuracy", "value": 0.5}}
    answer |= {"inputs": [described("t0")], "outputs": [described("t1")]}
    artifact = Artifact(path, kind, Precision.INT8, Stage.COMPRESSED, 1, 1, "0", ("a note",))
    proof = Proof(answer, run / "answers.npz", run / "data.npz", {"drop": 0.25})
    origin = Origin("net", ("no", "yes"), {"seed": 3})
    return bundle.leave(run / "bundles" / target, kind, names.load_targets([target])[0], artifact, proof, origin)


def described(name: str) -> dict[str, Any]:
    return {"name": name, "shape": [1, VALUES], "dtype": "int8"}


def test_a_bundle_is_whole_and_says_what_it_is(tmp_path: Path) -> None:
    folder = made(tmp_path / "run")
    manifest = json.loads((folder / "manifest.json").read_text())
    listed = {path.name for path in folder.iterdir()}
    assert listed == {*manifest["sha256"], "manifest.json", "README.md"}
    for name, digest in manifest["sha256"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert manifest["inputs"] == [described("t0") | {"scale": 0.5, "zero_point": 0}]
    assert manifest["outputs"] == [described("t1") | {"scale": 0.5, "zero_point": 0}]
    assert manifest["tflite"]["bytes"] == len(relu_chain(VALUES, VALUES))
    assert manifest["self_test"]["samples"] == 10
    assert manifest["ran_on_device"] is False
    assert manifest["labels"] == ["no", "yes"]
    assert manifest["made"] == {"seed": 3}
    assert manifest["measured"]["drop"] == 0.25
    assert manifest["facts"]["board"] == "STM32F407"
    assert len((folder / "README.md").read_text().splitlines()) == 5


def test_the_self_test_holds_ten_samples_and_their_answers_as_the_device_stores_them(tmp_path: Path) -> None:
    text = (made(tmp_path / "run") / "self_test.cc").read_text()
    arrays = re.findall(r"const unsigned char (\w+)\[\] = \{\n([^}]*)\};", text)
    stored = {name: [int(each, 16) for each in body.replace(",", " ").split()] for name, body in arrays}
    # 0, 0.5, 1, … in steps of 0.5.
    assert stored == {"input_0": list(range(60)), "output_0": list(range(60))}


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = made(tmp_path / "a"), made(tmp_path / "b")
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()
    packed = [folder.parent / "cortex_m4.tar.gz" for folder in (first, second)]
    assert packed[0].read_bytes() == packed[1].read_bytes()
    # The time that gzip writes into its header.
    assert packed[0].read_bytes()[4:8] == bytes(4)
    with tarfile.open(packed[0]) as archive:
        assert archive.getnames() == sorted(f"cortex_m4/{path.name}" for path in first.iterdir())
        assert {entry.mtime for entry in archive.getmembers()} == {0}


def test_each_board_has_the_flags_of_its_core(tmp_path: Path) -> None:
    for name, core in (("cortex_m4", "m4"), ("cortex_m7", "m7"), ("cortex_m55", "m55"), ("cortex_m", "m4")):
        assert f"-mcpu=cortex-{core} " in (made(tmp_path / name, name) / "CMakeLists.txt").read_text()


def test_the_sources_are_filled_in_and_balanced_which_is_not_to_say_that_they_compile(tmp_path: Path) -> None:
    folder = made(tmp_path / "run")
    for path in folder.glob("*.*"):
        text = path.read_text()
        assert not re.search(r"@[A-Z]+@", text)
        assert all(text.count(opening) == text.count(closing) for opening, closing in ("{}", "()", "[]"))
    main = (folder / "main.cc").read_text()
    assert "MicroMutableOpResolver<1>" in main
    assert main.count("resolver.Add") == 1
    arena = json.loads((folder / "manifest.json").read_text())["arena"]
    assert f"kArenaSize = {arena['total'] + 1024};" in main


@needs_tools(COMPILER is not None, reason="no C++ compiler here: balance alone is tested")
def test_the_sources_compile_without_warnings_and_judge_a_stand_in_for_tflm(tmp_path: Path) -> None:
    """Not TensorFlow Lite Micro and not a device: its names, and a network that answers with its input."""
    folder = made(tmp_path / "run")
    for name in HEADERS:
        header = tmp_path / "include" / "tensorflow" / "lite" / name
        header.parent.mkdir(parents=True, exist_ok=True)
        header.write_text('#include "stand_in.h"\n')
    done = built_and_run(folder, tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "self-test: 0 values differ over 10 samples"
    text = (folder / "self_test.cc").read_text()
    # The answer 0x3b, the last one, becomes another.
    (folder / "self_test.cc").write_text("0x3a".join(text.rsplit("0x3b", 1)))
    done = built_and_run(folder, tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "self-test: 1 values differ over 10 samples"
    assert built_and_run(folder, tmp_path, self_test=False).returncode == 0


def built_and_run(folder: Path, scratch: Path, self_test: bool = True) -> subprocess.CompletedProcess[str]:
    assert COMPILER is not None
    words = [
        COMPILER,
        "-std=c++17",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-fno-exceptions",
        "-fno-rtti",
        f"-DVALUES={VALUES}",
    ]
    words += [f"-I{scratch / 'include'}", f"-I{STAND_IN}", "main.cc", "model.cc", "-o", str(scratch / "program")]
    words += ["self_test.cc", "-DSELF_TEST"] if self_test else []
    compiled = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60)
    assert compiled.returncode == 0, compiled.stderr
    return subprocess.run([str(scratch / "program")], capture_output=True, text=True, timeout=10)
