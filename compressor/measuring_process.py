"""`compressor measure` on another processor, emulated or reached over ssh: what is asked, and what it answered."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compressor.data.spec import DataSpec
from compressor.data.spec_file import load_spec
from compressor.errors import BadInput, CompressorError, MissingTool, StageFailed

_ERRORS: dict[int, type[CompressorError]] = {e.exit_code: e for e in (BadInput, MissingTool, StageFailed)}
_MARK = "\nerror: "


@dataclass(frozen=True, slots=True)
class Asked:
    """A measurement; see the options of `compressor measure`.

    Attributes:
        samples: how many of the first evaluation samples are taken; None for all.
        timeout: seconds, for all of it.
        against: the file that latency is compared with, on `against_runtime`.
    """

    artifact: Path
    data: str
    preprocess: tuple[str, ...] = ()
    trust: bool = False
    runtime: str | None = None
    metric: str | None = None
    judged: str | None = None
    outputs: Path | None = None
    samples: int | None = None
    threads: int = 1
    timeout: float = 1800.0
    against: Path | None = None
    against_runtime: str | None = None

    def words(self, timed: bool) -> tuple[str, ...]:
        """The words after `compressor measure`."""
        return (
            *("--data", self.data, "--json"),
            *("--threads", str(self.threads), "--timeout", str(self.timeout)),
            *(word for setting in self.preprocess for word in ("--preprocess", setting)),
            *(("--runtime", self.runtime) if self.runtime else ()),
            *(("--metric", self.metric) if self.metric else ()),
            *(("--judged", self.judged) if self.judged else ()),
            *(("--outputs", str(self.outputs)) if self.outputs else ()),
            *(("--samples", str(self.samples)) if self.samples else ()),
            *(("--trust",) if self.trust else ()),
            *(() if timed else ("--no-latency",)),
            *(("--against", str(self.against)) if self.against and timed else ()),
            *(("--against-runtime", self.against_runtime) if self.against and self.against_runtime and timed else ()),
            # A name may begin like an option.
            *("--", str(self.artifact)),
        )

    def on_board(self, artifact: str, data: str, outputs: str, against: str) -> Asked:
        """The same of files that lie elsewhere, prepared by what `data` says."""
        kept = Path(outputs) if self.outputs else None
        other = Path(against) if self.against else None
        return replace(self, artifact=Path(artifact), data=data, preprocess=(), outputs=kept, against=other)


def taken_along(asked: Asked) -> DataSpec:
    """What is said of the data, all of which are files.

    Raises:
        BadInput: there is no artifact; or the data are no file or folder, which alone can be taken elsewhere.
    """
    for artifact in filter(None, (asked.artifact, asked.against)):
        if not artifact.is_file():
            raise BadInput(f"there is no artifact {artifact}", expected="the path of a .tflite or .onnx file")
    spec = load_spec(asked.data, asked.preprocess)
    if not Path(spec.source).exists():
        raise BadInput(
            f"there is no data file {spec.source}",
            expected="a file or a folder, which can be read on another processor",
            fix="the run folder of `compressor run` has a data.npz",
        )
    return spec


def answer(stage: str, done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The JSON that a measuring process printed.

    Raises:
        BadInput, MissingTool, StageFailed: as its exit code says, in its own words.
        StageFailed: it printed something else.
    """
    if done.returncode != 0:
        raise failure(stage, done.returncode, done.stderr)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not {"runtime", "host", "samples", "metric"} <= found.keys():
        raise StageFailed(f"{stage} answered garbage", received=repr(done.stdout[:80]))
    return found


def failure(stage: str, code: int, told: str) -> CompressorError:
    """What a measuring process said before it ended with an exit code."""
    _, mark, message = f"\n{told}".partition(_MARK)
    kind = _ERRORS.get(code, StageFailed)
    if not mark or code not in _ERRORS:
        return StageFailed(f"{stage} ended with exit code {code}: {' '.join(told.split())[-600:]}")
    rebuilt = kind("")
    rebuilt.args = (f"{stage}: {message.strip()}",)
    return rebuilt
