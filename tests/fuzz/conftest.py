"""How many files are spoiled, and with which seed."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
import seeds

# Shares of the whole: what native code reads is spoiled most.
SHARES = {
    "keras": 0.15,
    "h5": 0.15,
    "folder": 0.1,
    "onnx_model": 0.06,
    "tflite": 0.16,
    "onnx": 0.12,
    "ncnn": 0.06,
    "ort": 0.04,
    "cpk": 0.06,
    "npz": 0.08,
    "yaml": 0.08,
}
_MEMORY = 6 << 30


@pytest.fixture(scope="session")
def amount() -> dict[str, int]:
    """Files per kind: FUZZ_COUNT in all, 150 unless it says otherwise."""
    count = int(os.environ.get("FUZZ_COUNT", "150"))
    return {kind: max(1, round(count * share)) for kind, share in SHARES.items()}


@pytest.fixture(scope="session")
def seed() -> int:
    """FUZZ_SEED; the same seed spoils the same files in the same way."""
    return int(os.environ.get("FUZZ_SEED", "0"))


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """What runs here may not take the machine that it runs on: the product's own limit is all of it but a tenth."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    """The files that are spoiled, by kind."""
    kept = os.environ.get("FUZZ_SOUND")
    return seeds.load(Path(kept)) if kept else seeds.make(tmp_path_factory.mktemp("sound"))
