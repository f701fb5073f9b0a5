"""Files of a run measured on this machine, each in a process of its own, which never imports TensorFlow."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from compressor.errors import CompressorError
from compressor.measuring_process import Asked, answer
from compressor.process import run_to_end
from compressor.rows import Measured
from compressor.values import Artifact, Failure


def about(asked: Asked, artifact: Artifact, runtime: str, where: str = "") -> tuple[Asked, Path]:
    """The question about one file on one runtime, and where its outputs go.

    Args:
        asked: the same for every file of the run; `outputs` is the folder for those of all.
        where: the processor, when it is not this machine's.
    """
    assert asked.outputs is not None
    parts = (artifact.stage, artifact.format, artifact.precision, runtime, where)
    outputs = asked.outputs / f"{'-'.join(filter(None, parts))}.npz"
    return replace(asked, artifact=artifact.path, runtime=runtime, outputs=outputs), outputs


def here(asked: Asked, artifact: Artifact, runtime: str, timed: bool = True) -> Measured | Failure:
    """What a measuring process answers on this machine, or why it does not."""
    question, outputs = about(asked, artifact, runtime)
    stage = f"measuring {artifact.path.name} on {runtime}"
    command = [sys.executable, "-P", "-m", "compressor", "measure", *question.words(timed)]
    try:
        return Measured(answer(stage, run_to_end(stage, command, asked.timeout)), outputs)
    except CompressorError as error:
        return Failure("measure", str(error))
