"""What a run costs over the libraries' own calls for the same files: checks, parity, child processes, report.

Both sides start as fresh processes, turn about, on the same trained model; printed are the medians and their ratio.

Usage: python benchmarks/overhead.py [REPEATS]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(repeats: int) -> None:
    """Print seconds of both sides and the ratio of their medians."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # The first run trains the sample; afterwards its weights come from the cache.
        first = folder / "first"
        _seconds(_ours(first))
        raw, ours = [], []
        for turn in range(repeats):
            (folder / f"raw{turn}").mkdir()
            theirs = [HERE / "raw_calls.py", first / "keras" / "original.h5", first / "data.npz", folder / f"raw{turn}"]
            raw.append(_seconds(theirs))
            ours.append(_seconds(_ours(folder / f"ours{turn}")))
    print(f"raw library calls: median {statistics.median(raw):.2f} s of {[round(value, 2) for value in raw]}")
    print(f"compressor run:    median {statistics.median(ours):.2f} s of {[round(value, 2) for value in ours]}")
    print(f"overhead ratio:    {statistics.median(ours) / statistics.median(raw):.2f}")


def _ours(out: Path) -> list[str | Path]:
    return ["-m", "compressor", "run", "digits_cnn", "--recipe", "int8", "--target", "host", "--out", out]


def _seconds(words: list[str | Path]) -> float:
    started = time.monotonic()
    subprocess.run([sys.executable, *map(str, words)], check=True, capture_output=True)
    return time.monotonic() - started


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
