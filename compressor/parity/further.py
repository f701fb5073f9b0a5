"""Files of a run on the runtimes that no row asked for: few samples, in a bounded time, two processes at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from compressor import measured_files, roundings, runtimes
from compressor.measuring_process import Asked
from compressor.plan import Job
from compressor.progress import Listener, Progress
from compressor.rows import Measured
from compressor.tolerances import REFERENCE
from compressor.values import Artifact, Failure

Answers = Mapping[tuple[Job, str], Measured | Failure]

MOST_SAMPLES = 500
_LEAST_SAMPLES = 8
_AT_ONCE = 2
# Seconds that one file may take on one runtime, by multiply-accumulates in a second: the reference kernels are plain
# loops. What is slower all the same is stopped.
_SECONDS = 4.0
_MACS_PER_S = {REFERENCE: 3e8}
_MACS_PER_S_OF_OTHERS = 2e9
_LONGEST_S = 60.0


def opening(artifact: Artifact) -> tuple[str, ...]:
    """The runtimes at hand that open a file."""
    known = ((name, runtimes.load(name)) for name in runtimes.names())
    return tuple(name for name, found in known if artifact.path.suffix in found.suffixes and found.installed)


def measured(
    artifacts: Mapping[Job, Artifact | Failure], rows: Answers, asked: Asked, listener: Listener
) -> dict[tuple[Job, str], Measured | Failure]:
    """The answers of every file on every runtime at hand that `rows` lack."""
    missing = list(_missing(artifacts, rows))
    done: dict[tuple[Job, str], Measured | Failure] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(lambda case: _measured(asked, case[1], case[2]), missing)
        for (job, artifact, runtime), each in zip(missing, found, strict=True):
            done[job, runtime] = each
            listener(Progress("compare", len(done), len(missing), f"{artifact.path.name} on {runtime}"))
    return done


def _missing(artifacts: Mapping[Job, Artifact | Failure], rows: Answers) -> Iterable[tuple[Job, Artifact, str]]:
    for job, artifact in artifacts.items():
        # A file that no row is about is there because another one is made of it.
        if isinstance(artifact, Artifact) and any(job == known for known, _ in rows):
            yield from ((job, artifact, name) for name in opening(artifact) if (job, name) not in rows)


def _measured(asked: Asked, artifact: Artifact, runtime: str) -> Measured | Failure:
    question = replace(asked, samples=samples(artifact, runtime), timeout=min(asked.timeout, _LONGEST_S))
    return measured_files.here(question, artifact, runtime, timed=False)


def samples(artifact: Artifact, runtime: str) -> int:
    """How many samples a runtime is asked: by the work in the file, so that it is the same number every time."""
    speed = _MACS_PER_S.get(runtime, _MACS_PER_S_OF_OTHERS)
    macs = roundings.work(artifact.path)
    return max(_LEAST_SAMPLES, min(MOST_SAMPLES, int(_SECONDS * speed / max(macs, 1))))
