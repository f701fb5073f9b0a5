"""The files of a run, one after the other; where a precision is impossible, which others are not."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compressor import formats
from compressor.errors import CompressorError, Crashed, Refused
from compressor.plan import Job
from compressor.process import Worker
from compressor.values import Artifact, Failure, Granularity, Precision, Stage

# The cheap ones first: time may run out.
_TRIED = (Precision.DYNAMIC_INT8, Precision.FLOAT16, Precision.INT16X8, Precision.INT8)


@dataclass(frozen=True, slots=True)
class Writing:
    """What every file of a run is written with.

    Attributes:
        name: of the model, for file names.
        prepared: what `prepare` answered.
        folder: the run folder.
        timeout: seconds for one file, and for all trials of other precisions together.
    """

    worker: Worker
    name: str
    prepared: dict[str, Any]
    folder: Path
    timeout: float
    granularity: Granularity = Granularity.PER_CHANNEL

    def all(self, jobs: Iterable[Job]) -> dict[Job, Artifact | Failure]:
        """Every file or why it is not there; a baseline comes before what is compared with it."""
        made: dict[Job, Artifact | Failure] = {}
        for job in jobs:
            self._add(job, made)
        return made

    def _add(self, job: Job, made: dict[Job, Artifact | Failure]) -> Artifact | Failure:
        if job not in made:
            made[job] = self._made_of(job, made) if formats.load(job.format).made_of else self._write(job, made)
        return made[job]

    def _made_of(self, job: Job, made: dict[Job, Artifact | Failure]) -> Artifact | Failure:
        """A file that is made of another one, whose failure is its own."""
        first = self._add(Job(job.stage, formats.load(job.format).made_of, job.precision), made)
        if isinstance(first, Failure):
            return first
        path = self._path(job)
        arguments = self._arguments(job, path)
        arguments["source"]["model"] = str(first.path)
        try:
            record = self.worker.call(f"writing {path.name}", "compressor.write:write", arguments, self.timeout)
        except CompressorError as error:
            self._clear(job)
            return Failure("write", str(error))
        return self._artifact(job, record, first.notes)

    def _write(self, job: Job, made: dict[Job, Artifact | Failure]) -> Artifact | Failure:
        stage = f"{job.format} {job.precision} conversion"
        arguments = self._arguments(job, self._path(job))
        try:
            record = self.worker.call(stage, "compressor.write:write", arguments, self.timeout)
        except (Crashed, Refused) as error:
            self._clear(job)
            baseline = made.get(Job(Stage.FLOAT32, job.format, Precision.FLOAT32))
            if job.stage is Stage.FLOAT32 or not isinstance(baseline, Artifact):
                return Failure("write", str(error))
            return Failure("write", str(error), tuple(self._possible(job)))
        except CompressorError as error:
            self._clear(job)
            return Failure("write", str(error))
        return self._artifact(job, record)

    def _artifact(self, job: Job, record: dict[str, Any], notes: tuple[str, ...] = ()) -> Artifact:
        """The file that a record tells of; `notes` come before its own."""
        told = (*notes, *record.pop("notes"))
        path = self._path(job)
        return Artifact(path=path, format=job.format, precision=job.precision, stage=job.stage, notes=told, **record)

    def _possible(self, failed: Job) -> Iterable[Precision]:
        """Other precisions of the format, each tried: written, opened and run on one sample."""
        trials = self.folder / "trials"
        ends = time.monotonic() + self.timeout
        for precision in _TRIED:
            left = ends - time.monotonic()
            if precision is failed.precision or precision not in formats.load(failed.format).precisions or left < 1:
                continue
            job = Job(failed.stage, failed.format, precision)
            arguments = self._arguments(job, trials / self._path(job).name)
            try:
                self.worker.call(f"trying {job.format} {precision}", "compressor.write:check", arguments, left)
            except CompressorError:
                continue
            finally:
                shutil.rmtree(trials, ignore_errors=True)
            yield precision

    def _clear(self, job: Job) -> None:
        """Take away what a child that died was writing."""
        path = self._path(job)
        for begun in path.parent.glob(f".{path.stem}-*"):
            begun.unlink()

    def _path(self, job: Job) -> Path:
        suffix = "float32" if job.stage is Stage.FLOAT32 else f"compressed_{job.precision}"
        return self.folder / "artifacts" / job.format / f"{self.name}_{suffix}{formats.load(job.format).suffix}"

    def _arguments(self, job: Job, path: Path) -> dict[str, Any]:
        models = self.prepared["models"]
        source = {
            "name": self.name,
            "model": models[job.stage],
            "simulated": models["simulated"] if job.stage is Stage.COMPRESSED else None,
            "inputs": self.prepared["inputs"],
            "outputs": self.prepared["outputs"],
            "granularity": str(self.granularity),
        }
        return {
            "source": source,
            "format_name": job.format,
            "precision": str(job.precision),
            "calibration": str(self.folder / "calibration.npz"),
            "destination": str(path),
        }
