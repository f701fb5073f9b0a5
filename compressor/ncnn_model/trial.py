"""A network's first run on NCNN, in a process of its own: what is wrong with it can end that process.

`python -m compressor.ncnn_model.trial FILE SAMPLES RESULTS` runs a `.ncnn` file on samples, an `.npz` of arrays by
input name, and leaves its outputs by name.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from compressor import process
from compressor.errors import CompressorError, Refused
from compressor.ncnn_model.session import open_session
from compressor.values import Array

_TIMEOUT_S = 300.0


def run(file: Path, samples: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs of all samples by name.

    Raises:
        Refused: NCNN does not load the network, ends its process, or takes too long.
    """
    given, results = file.with_suffix(".samples.npz"), file.with_suffix(".results.npz")
    np.savez(given, **samples)  # type: ignore[arg-type]
    command: list[str | Path] = [sys.executable, "-P", "-m", __name__, file, given, results]
    try:
        done = process.run_to_end("NCNN", command, _TIMEOUT_S)
    except CompressorError as error:
        raise Refused(f"NCNN does not run what pnnx made of this network: {error}") from None
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[-400:]
        raise Refused(f"NCNN does not run what pnnx made of this network: {said}")
    with np.load(results, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def main(file: str, samples: str, results: str) -> None:
    """The child's side."""
    session = open_session(Path(file), 1)
    with np.load(samples, allow_pickle=False) as arrays:
        given = {name: arrays[name] for name in arrays.files}
    answers = []
    for row in range(len(next(iter(given.values())))):
        session.load({name: array[row : row + 1] for name, array in given.items()})
        session.invoke()
        answers.append(session.results())
    np.savez(results, **{name: np.concatenate([each[name] for each in answers]) for name in answers[0]})  # type: ignore[arg-type]


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except CompressorError as error:
        sys.exit(str(error))
