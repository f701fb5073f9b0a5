"""Files of a run measured on this machine, each in a process of its own, which never imports TensorFlow."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from compressor.errors import CompressorError
from compressor.measuring_process import Asked, answer
from compressor.plan import Job, Plan
from compressor.process import run_to_end
from compressor.rows import Measured
from compressor.values import Artifact, Failure, Stage


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


def baseline(
    plan: Plan,
    job: Job,
    runtime: str,
    artifacts: Mapping[Job, Artifact | Failure],
    measured: Mapping[tuple[Job, str], Measured | Failure],
) -> tuple[Artifact, str] | None:
    """The float32 file that a compressed one is timed against, on the same runtime.

    None for a float32 file, and where there is none that was measured there: what one runtime takes for a file says
    nothing of what another one takes for another.
    """
    if job.stage is Stage.FLOAT32:
        return None
    pairs = [(row.job, row.runtime) for row in plan.rows if row.job.stage is Stage.FLOAT32]
    for other, its in dict.fromkeys(pairs):
        found = artifacts[other]
        fits = other.format == job.format and its == runtime and isinstance(measured.get((other, its)), Measured)
        if fits and isinstance(found, Artifact):
            return found, its
    return None


def here(
    asked: Asked,
    artifact: Artifact,
    runtime: str,
    timed: bool = True,
    against: tuple[Artifact, str] | None = None,
) -> Measured | Failure:
    """What a measuring process answers on this machine, or why it does not.

    Args:
        against: the float32 file and its runtime, for the ratio of latencies.
    """
    if against is not None:
        started = time.monotonic()
        both = replace(asked, against=against[0].path, against_runtime=against[1])
        found = here(both, artifact, runtime, timed)
        # The other file may be what failed; after a long wait it is not worth another one.
        if isinstance(found, Measured) or time.monotonic() - started > asked.timeout / 2:
            return found
    question, outputs = about(asked, artifact, runtime)
    stage = f"measuring {artifact.path.name} on {runtime}"
    command = [sys.executable, "-P", "-m", "compressor", "measure", *question.words(timed)]
    try:
        return Measured(answer(stage, run_to_end(stage, command, asked.timeout)), outputs)
    except CompressorError as error:
        return Failure("measure", str(error))
