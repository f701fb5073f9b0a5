"""`compressor pack` and `compressor unpack` as a user meets them."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_tflite import File

from compressor import packing
from compressor.packing import files

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = File()
    source, result = file.input((1, 40)), file.tensor((1, 30))
    weights = np.where(np.arange(1200).reshape(30, 40) % 7, 0, 5)
    file.add("FULLY_CONNECTED", [source, file.constant(weights)], [result])
    path = tmp_path / "m.tflite"
    path.write_bytes(file.content())
    return path


def test_a_file_is_packed_and_comes_back(model: Path, trap: Path, cli: Cli) -> None:
    before = model.read_bytes()
    done = cli("pack", "m.tflite", cwd=model.parent, path=trap)
    packed = model.with_name("m.tflite.cpk")
    size = packed.stat().st_size
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"m.tflite.cpk: {size:,} bytes, ")
    model.unlink()
    done = cli("unpack", "m.tflite.cpk", "--json", cwd=model.parent, path=trap)
    assert done.returncode == 0, done.stderr
    told = {"source": "m.tflite.cpk", "path": "m.tflite", "bytes": size, "bytes_written": len(before)}
    assert json.loads(done.stdout) == told
    assert model.read_bytes() == before
    assert not (trap / "imported").exists()


def test_files_of_other_kinds_are_packed_as_well(tmp_path: Path, called: Cli) -> None:
    (tmp_path / "m.onnx").write_bytes(b"many words " * 500)
    assert called("pack", "m.onnx", "--out", "p", cwd=tmp_path).returncode == 0
    assert called("unpack", "p", "--out", "back", cwd=tmp_path).returncode == 0
    assert (tmp_path / "back").read_bytes() == b"many words " * 500
    assert (tmp_path / "p").stat().st_size < 200


def test_mistakes_are_told_and_leave_nothing(model: Path, called: Cli) -> None:
    folder = model.parent
    (folder / "broken.cpk").write_bytes(packing.MAGIC + b"\0" * 60)
    (folder / "taken.tflite.cpk").write_bytes(packing.pack(b"something"))
    (folder / "taken.tflite").write_bytes(b"mine")
    (folder / "nameless").write_bytes(packing.pack(b"something"))
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for words, told in (
        (("pack", "absent"), "cannot read absent"),
        (("pack", "."), "cannot read ."),
        (("unpack", "absent.cpk"), "cannot read absent.cpk"),
        (("unpack", "nameless"), "does not end in .cpk"),
        (("unpack", "m.tflite"), "m.tflite is no packed file"),
        (("unpack", "m.tflite", "--out", "x"), "m.tflite is no packed file"),
        (("unpack", "broken.cpk"), "broken.cpk is a damaged packed file"),
        (("unpack", "taken.tflite.cpk"), "taken.tflite is already there"),
    ):
        done = called(*words, cwd=folder)
        assert (done.returncode, done.stdout, told in done.stderr) == (2, "", True), (words, done.stderr)
        assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_no_file_is_replaced_by_what_is_made_of_it(model: Path, called: Cli) -> None:
    folder = model.parent
    (folder / "m.cpk").write_bytes(packing.pack(b"something"))
    (folder / "folder").symlink_to(".")
    for verb, name in (("pack", "m.tflite"), ("unpack", "m.cpk")):
        before = (folder / name).read_bytes()
        (folder / f"link_{verb}").symlink_to(name)
        for file, out in ((name, name), (f"link_{verb}", name), (name, f"folder/{name}")):
            done = called(verb, file, "--out", out, cwd=folder)
            assert (done.returncode, done.stdout) == (2, ""), done.stderr
            assert f"{out} is the file that is read" in done.stderr
            assert (folder / name).read_bytes() == before


def test_a_file_that_is_there_is_replaced_where_it_is_named(model: Path, called: Cli) -> None:
    (model.parent / "p").write_bytes(b"old")
    assert called("pack", "m.tflite", "--out", "p", cwd=model.parent).returncode == 0
    assert packing.unpack((model.parent / "p").read_bytes()) == model.read_bytes()


def test_without_the_coder_one_is_told_what_to_install(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "constriction.py").write_text("raise ModuleNotFoundError(name='constriction')")
    file = File()
    weights = np.random.default_rng(0).integers(-127, 127, (400, 400))
    file.add("FULLY_CONNECTED", [file.input((1, 400)), file.constant(weights)], [file.tensor((1, 400))])
    (tmp_path / "m.tflite").write_bytes(file.content())
    done = cli("pack", "m.tflite", cwd=tmp_path, path=tmp_path / "without")
    assert (done.returncode, "Traceback" in done.stderr) == (3, False)
    assert "constriction is not installed" in done.stderr
    assert "compressor[pack]" in done.stderr


def test_the_size_in_passing_is_that_of_the_packed_file(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert files.packed_size(model) == len(packing.pack(model.read_bytes()))
    monkeypatch.setattr(files, "LARGEST_IN_PASSING", 100)
    assert files.packed_size(model) is None


def test_hostile_files_take_no_more_memory_than_their_size_allows(tmp_path: Path) -> None:
    """One gigabyte is what Python and numpy map; a file of a megabyte that says to hold half a gigabyte is refused."""
    path = tmp_path / "m.cpk"
    path.write_bytes(packing.MAGIC + bytes(32) + b"\xff\xff\xff\xff\x0f" + b"\2" + bytes(1 << 20))
    limited = 3 << 30

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limited, limited))

    command = [sys.executable, "-P", "-m", "compressor", "unpack", str(path)]
    environment = os.environ | {"PYTHONPATH": str(Path(packing.__file__).parents[2]), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, preexec_fn=limit
    )
    assert (done.returncode, "damaged packed file" in done.stderr) == (2, True), done.stderr
