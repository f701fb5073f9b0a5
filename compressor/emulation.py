"""The files of a run on emulated ARM cores, each compared with the same file and runtime on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from compressor import against_host, emulator, measured_files, rows
from compressor.emulator import running
from compressor.emulator.cpus import CPUS
from compressor.errors import BadInput, CompressorError, unknown
from compressor.measuring_process import Asked
from compressor.plan import Job, Plan, PlannedRow
from compressor.progress import Listener, Progress
from compressor.report.figures import AgainstHostValue
from compressor.target import Target
from compressor.values import Artifact, Failure, Precision, Stage

_FACT = "qemu_cpu"
# Bit-exact on every processor: what the integer kernels of a device can be held against.
_REFERENCE = "litert_reference"
_INTEGER = (Precision.INT8, Precision.INT16X8)


@dataclass(frozen=True, slots=True)
class Emulated:
    """One file on one runtime on one emulated core, and how it differs from this machine's answers."""

    planned: PlannedRow
    found: rows.Measured | Failure
    against: AgainstHostValue | None = None
    notes: tuple[str, ...] = ()


def check(targets: Sequence[Target]) -> None:
    """See that there is something to emulate and something to do it with, before anything is trained.

    Raises:
        BadInput: none of the targets has an ARM core that is emulated.
        MissingTool: the emulator is not set up.
    """
    wanted = {cpu for target in targets for cpu in cpus(target)}
    if not wanted:
        raise BadInput(
            "none of the targets has a core that can be emulated",
            expected="one of raspberry_pi, raspberry_pi4, raspberry_pi5, android_ncnn",
            received=", ".join(target.name for target in targets),
        )
    for cpu in wanted - CPUS.keys():
        raise unknown("emulated core", cpu, CPUS)
    emulator.require()


def cpus(target: Target) -> tuple[str, ...]:
    """The cores of a target, as QEMU names them."""
    fact = target.facts.get(_FACT)
    if fact is None:
        return ()
    return fact.value if isinstance(fact.value, tuple) else (str(fact.value),)


def run(
    plan: Plan,
    artifacts: Mapping[Job, Artifact | Failure],
    measured: Mapping[tuple[Job, str], rows.Measured | Failure],
    asked: Asked,
    listener: Listener,
) -> list[Emulated]:
    """Every file of every target that has a core to emulate; each file once per core.

    Args:
        measured: on this machine.
        asked: what is the same for every file; no number of samples is no emulation.
    """
    if asked.samples is None:
        return []
    cases = [(planned, cpu) for planned in _planned(plan) for cpu in cpus(planned.target)]
    wanted = {(planned.job, planned.runtime, cpu): planned for planned, cpu in cases}
    here, emulated = dict(measured), dict[tuple[Job, str, str], Emulated]()
    for done, ((job, runtime, cpu), planned) in enumerate(wanted.items()):
        artifact = artifacts[job]
        if isinstance(artifact, Failure):
            continue
        listener(Progress("emulate", done, len(wanted), f"{artifact.path.name} on {runtime}, {cpu}"))
        if (job, runtime) not in here:
            here[job, runtime] = measured_files.here(asked, artifact, runtime, timed=False)
        emulated[job, runtime, cpu] = _case(planned, artifact, asked, here[job, runtime], cpu)
    found = ((planned, emulated.get((planned.job, planned.runtime, cpu))) for planned, cpu in cases)
    return [replace(each, planned=planned) for planned, each in found if each is not None]


def _planned(plan: Plan) -> Iterable[PlannedRow]:
    """What is measured here, and integer TFLite files on the reference kernels besides."""
    for row in plan.rows:
        yield row
        exact = row.job.format == "tflite" and row.job.stage is Stage.COMPRESSED and row.job.precision in _INTEGER
        if exact and row.runtime != _REFERENCE:
            yield replace(row, runtime=_REFERENCE)


def _case(planned: PlannedRow, artifact: Artifact, asked: Asked, here: rows.Measured | Failure, cpu: str) -> Emulated:
    question, outputs = measured_files.about(asked, artifact, planned.runtime, cpu)
    try:
        found = rows.Measured(running.measure(question, cpu), outputs)
        if isinstance(here, Failure):
            return Emulated(planned, found, notes=("not compared with this machine, where it was not measured",))
        against, notes = against_host.compare(found, here, artifact, planned.runtime)
        return Emulated(planned, found, against, notes)
    except CompressorError as error:
        return Emulated(planned, Failure("emulate", str(error)))
