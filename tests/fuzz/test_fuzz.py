"""Spoiled files of every kind: each ends in a sentence, in time, and leaves nothing behind.

FUZZ_COUNT says how many (`make fuzz`: 1000), FUZZ_SEED which; FUZZ_KEEP names a folder for those that did not end well,
FUZZ_LOG a file for every end. FUZZ_SOUND names a folder of sound files made before.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import commands
import ends
import mutate_bytes
import mutate_data
import mutate_keras
import mutate_ncnn
import mutate_onnx
import mutate_packed
import mutate_saved_model
import mutate_tflite
import pytest
from ends import End

import compressor
from compressor import data_sources
from compressor.data.spec import DataSpec
from compressor.data_sources import Wanted
from compressor.errors import BadInput, CompressorError
from compressor.process import Worker
from compressor.values import TensorSpec

pytestmark = pytest.mark.tensorflow
_MUTATORS: dict[str, Callable[[random.Random, bytes], tuple[bytes, str]]] = {
    "keras": mutate_keras.archive,
    "h5": mutate_keras.hdf5,
    "folder": mutate_saved_model.mutate,
    "onnx_model": mutate_onnx.mutate,
    "tflite": mutate_tflite.mutate,
    "onnx": mutate_onnx.mutate,
    "ncnn": mutate_ncnn.mutate,
    "ort": mutate_bytes.mutate,
    "cpk": mutate_packed.mutate,
    "npz": mutate_data.npz,
    "yaml": mutate_data.recipe,
}
# One in so many goes through a command line that starts from nothing, as a user's does.
_WHOLE_COMMAND = 20
_WHOLE_RUN = 50
_LOADING_S = 120.0


class Spoiler:
    """Spoiled files, each in a folder of its own, and what became of them."""

    def __init__(self, folder: Path, sound: dict[str, list[bytes]], seed: int) -> None:
        self._folder, self._sound, self._seed = folder, sound, seed
        self.ends: list[End] = []

    def files(self, kind: str, count: int) -> Iterator[tuple[Path, str]]:
        """`count` spoiled files of a kind, and what was changed in each."""
        suffix = kind.partition("_")[0]
        for number in range(count):
            rng = random.Random(f"{self._seed} {kind} {number}")
            content, change = _MUTATORS[kind](rng, rng.choice(self._sound[suffix]))
            path = self._folder / f"{kind}-{number}" / ("m" if kind == "folder" else f"m.{suffix}")
            path.parent.mkdir()
            if kind == "folder":
                with zipfile.ZipFile(io.BytesIO(content)) as file:
                    file.extractall(path)
            else:
                path.write_bytes(content)
            yield path, change

    def ended(self, path: Path, change: str, how: str, seconds: float, told: str = "") -> None:
        """Note an end; files beside the spoiled one must not be there."""
        left = sorted(each.name for each in path.parent.iterdir() if each != path)
        end = End(path.parent.name, change, f"left {left}" if left else how, seconds, told)
        self.ends.append(end)
        if "FUZZ_LOG" in os.environ:
            with Path(os.environ["FUZZ_LOG"]).open("a") as file:
                file.write(f"{end}\n")
        if not end.clean and "FUZZ_KEEP" in os.environ:
            kept = Path(os.environ["FUZZ_KEEP"]) / f"{self._seed}-{path.parent.name}{path.suffix}"
            kept.parent.mkdir(parents=True, exist_ok=True)
            path.rename(kept)
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    def check(self) -> None:
        """Show the table, and fail when an end is not clean."""
        sys.stdout.write(f"\n{ends.table(self.ends)}\n")
        bad = [end for end in self.ends if not end.clean]
        assert not bad, "\n".join(f"{end.file} {end.how} {end.seconds:.1f} s [{end.change}]\n{end.told}" for end in bad)


@pytest.fixture
def spoiler(tmp_path: Path, sound: dict[str, list[bytes]], seed: int) -> Spoiler:
    folder = tmp_path / "spoiled"
    folder.mkdir()
    return Spoiler(folder, sound, seed)


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go, and where everything runs; nothing may stay there, or where archives point to."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.chdir(folder)
    yield folder
    assert list(folder.iterdir()) == []
    assert not Path(mutate_keras.OUTSIDE).exists()


def test_model_files(spoiler: Spoiler, amount: dict[str, int], sound: dict[str, list[bytes]], tmp_path: Path) -> None:
    good = tmp_path / "good.keras"
    good.write_bytes(sound["keras"][0])
    with Worker(tmp_path / "log.txt") as worker:
        warm = False
        for kind in ("keras", "h5", "folder", "onnx_model"):
            for path, change in spoiler.files(kind, amount[kind]):
                if not warm:
                    _load(worker, good, _LOADING_S)
                started = time.monotonic()
                how, told = "read", ""
                try:
                    _load(worker, path, ends.GIVEN_S)
                except CompressorError as error:
                    how, told = ends.of_message(error.exit_code, str(error)), str(error)
                warm = how not in ("dead child", "stopped")
                spoiler.ended(path, change, how, time.monotonic() - started, told)
    spoiler.check()


def test_whole_runs(spoiler: Spoiler, amount: dict[str, int], sound: dict[str, list[bytes]], tmp_path: Path) -> None:
    (tmp_path / "data.npz").write_bytes(sound["npz"][0])
    words = ("--data", "../../data.npz", "--out", "out", "--recipe", "float32")
    with commands.started(0) as running:
        for kind in ("keras", "h5"):
            # Each takes seconds: one of a kind every day, more by `make fuzz`.
            for path, change in spoiler.files(kind, max(1, amount[kind] // _WHOLE_RUN)):
                code, told, _ = running.run_from_nothing(["run", path.name, *words], path.parent, _LOADING_S)
                if (path.parent / "out" / "report.json").exists() and code in (0, 1):
                    shutil.rmtree(path.parent / "out")
                spoiler.ended(path, change, ends.of_command(code, told), 0, told)
    spoiler.check()


def _load(worker: Worker, path: Path, timeout: float) -> None:
    worker.call("reading the model", "compressor.model_files:facts", {"path": str(path)}, timeout)


def test_artifacts(spoiler: Spoiler, amount: dict[str, int], sound: dict[str, list[bytes]], tmp_path: Path) -> None:
    (tmp_path / "data.npz").write_bytes(sound["npz"][0])
    words = ("--data", "../../data.npz", "--outputs", "out.npz")
    files = [each for kind in ("tflite", "onnx", "ncnn", "ort") for each in spoiler.files(kind, amount[kind])]
    _command_each(spoiler, [(path, change, ["measure", path.name, *words]) for path, change in files])
    spoiler.check()


def test_packed_files(spoiler: Spoiler, amount: dict[str, int]) -> None:
    files = list(spoiler.files("cpk", amount["cpk"]))
    _command_each(spoiler, [(path, change, ["unpack", path.name, "--out", "out.npz"]) for path, change in files])
    spoiler.check()


def test_data_files(spoiler: Spoiler, amount: dict[str, int], sound: dict[str, list[bytes]], tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(sound["tflite"][0])
    files = list(spoiler.files("npz", amount["npz"]))
    wanted = Wanted((TensorSpec("image", (None, 8, 8, 1), "float32"),))
    for path, _ in files:
        with contextlib.suppress(BadInput):
            dataset = data_sources.load("npz").read(DataSpec(source=str(path)), wanted)
            evaluation = dataset.evaluation
            assert sum(block.count for block in evaluation.blocks(7)) == evaluation.count
    words = ["measure", "../../m.tflite", "--data", "m.npz", "--outputs", "out.npz"]
    _command_each(spoiler, [(path, change, words) for path, change in files])
    spoiler.check()


def test_recipes(spoiler: Spoiler, amount: dict[str, int]) -> None:
    files = list(spoiler.files("yaml", amount["yaml"]))
    for path, _ in files:
        with contextlib.suppress(BadInput):
            compressor.check(path)
    _command_each(spoiler, [(path, change, ["check", "--recipe", path.name]) for path, change in files])
    spoiler.check()


def _command_each(spoiler: Spoiler, jobs: list[tuple[Path, str, list[str]]]) -> None:
    """Run a command for each file, in its folder."""
    with commands.started(commands.AT_ONCE) as running, ThreadPoolExecutor(commands.AT_ONCE) as pool:

        def run(numbered: tuple[int, tuple[Path, str, list[str]]]) -> None:
            number, (path, change, words) = numbered
            whole = number % _WHOLE_COMMAND == 0
            limited = [*words, "--timeout", str(ends.GIVEN_S)] if words[0] == "measure" else words
            chosen = running.run_from_nothing if whole else running.run
            code, told, seconds = chosen(limited, path.parent, ends.TIME_LIMIT_S + 5)
            if code == 0:
                (path.parent / "out.npz").unlink(missing_ok=True)
            spoiler.ended(path, change, ends.of_command(code, told), seconds, told)

        for _ in pool.map(run, enumerate(jobs)):
            pass
