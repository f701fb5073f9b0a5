"""Real runs on tiny models, each made once per session."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tools_here import ROOT, require

import compressor
from compressor import names, recipe, registry
from compressor.emulator import QEMU_NAMES, install
from compressor.report import schema
from compressor.report.schema import Report

pytestmark = pytest.mark.tensorflow
# Before the tests get a cache of their own.
USERS_CACHE = os.environ.get("COMPRESSOR_CACHE")

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained weights of this session, and of no other."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["COMPRESSOR_CACHE"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def arm_cores(cache: Path) -> Path:
    """Emulated ARM cores. They are set up once for all tests of this machine, where `make emulator` puts them too."""
    require(*QEMU_NAMES)
    with pytest.MonkeyPatch.context() as patched:
        if USERS_CACHE is None:
            patched.delenv("COMPRESSOR_CACHE")
        else:
            patched.setenv("COMPRESSOR_CACHE", USERS_CACHE)
        folder = install.install().folder
    (cache / "emulator").symlink_to(folder.resolve())
    return folder


@pytest.fixture(scope="session")
def command() -> Command:
    """Run the command line in a process of its own."""

    def run(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "compressor", *map(str, arguments)]
        return subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=600, check=False, **options)

    return run


@pytest.fixture(scope="session")
def digits_npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits data set as a user would bring it: all six arrays."""
    data = names.load_sample("digits_cnn").dataset()
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    arrays = {}
    for name, split in (("train", data.train), ("calibration", data.calibration), ("evaluation", data.evaluation)):
        assert split is not None
        arrays[f"x_{name}"], arrays[f"y_{name}"] = split.inputs["image"], split.labels
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Report]]:
    """Run a shipped recipe on `digits_cnn` for every target that takes it; each recipe once for all test processes."""
    done: dict[str, tuple[Path, Report]] = {}
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    runs = folder / "digits_runs"
    runs.mkdir(exist_ok=True)

    def run(name: str) -> tuple[Path, Report]:
        if name not in done:
            with (runs / f"{name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                done[name] = runs / name, _digits_report(name, runs / name)
        return done[name]

    return run


def _digits_report(name: str, out: Path) -> Report:
    """The report of a run that is there, or is made now. The report is the last of a run's files."""
    if (out / "report.json").exists():
        return schema.read(out / "report.json")
    precision = recipe.load(name).precision
    targets = [each for each in names.load_targets(registry.names("targets")) if each.routes_for(precision)]
    return compressor.run("digits_cnn", name, [target.name for target in targets], out=out)


@pytest.fixture(scope="session")
def read_report() -> Callable[[Path], dict]:
    """The `report.json` of a run folder."""
    return lambda folder: json.loads((folder / "report.json").read_text())
