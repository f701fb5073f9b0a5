"""The shape of `report.json`. Names here are a promise to everyone who reads the file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from compressor.errors import BadInput
from compressor.files import write_text
from compressor.limits import Limits
from compressor.report.evidence import AnswersPart, LayersPart, ParityCell, PromisePart, WeightsPart
from compressor.report.figures import (
    AgainstHostValue,
    EstimateValue,
    Interval,
    LatencyRatioValue,
    LatencyValue,
    MemoryValue,
    MetricValue,
    OperatorTime,
    OutcomesValue,
    Part,
    PlacementValue,
    Tensor,
)
from compressor.report.verdict import Answer as Answer
from compressor.report.verdict import Judgement as Judgement
from compressor.report.verdict import Verdict as Verdict
from compressor.report.verdict import Violation as Violation
from compressor.sentences import sentences

SCHEMA_VERSION: Literal["1.1"] = "1.1"

# Lists of numbers and operators of a graph have a line each, not one for every value: indents would be most of the
# file. No string of JSON holds a line end.
_ONE_LINE = (
    re.compile(r"\[\n\s+[-+\d.eE,\s]+?\n\s+\]"),
    re.compile(r'\{\n\s+"index": \d+,\n\s+"op": [^{}]*?\n\s+\}'),
)


class DataPart(Part):
    """The data set; counts are samples, `sha256` is of the run's `data.npz`.

    Of several networks, counts are sums, and `sha256` is of the lines that the networks' own make.
    `spec` is what was done to the samples, `spec_sha256` its hash; `notes` say how the sets came about.
    """

    name: str
    source: str
    train: int
    calibration: int
    evaluation: int
    sha256: str
    classes: list[str] = Field(default_factory=list)
    spec: dict[str, Any] = Field(default_factory=dict)
    spec_sha256: str | None = None
    notes: list[str] = Field(default_factory=list)


class NetworkPart(Part):
    """One of the networks of a model that consists of several; its files and its own report are in `folder`.

    `data` is its own: `sha256` is of `data.npz` in that folder.
    """

    name: str
    folder: str
    parameters: int
    parameters_compressed: int
    inputs: list[Tensor]
    outputs: list[Tensor]
    metric: MetricValue | None
    metric_reason: str | None = None
    data: DataPart


class ModelPart(Part):
    """The model as it came in; `metric` is Keras's own on the evaluation set, None without labels.

    `metric_reason`: why it is this metric, as part of a sentence.
    `bridge_difference`: largest difference of any output between a Keras 3 model and the tf_keras model made of it.
    `networks`: of a model that consists of several; it then has all their inputs and outputs, and no metric of its own.
    """

    name: str
    kind: Literal["sample", "file"]
    source: str
    sha256: str | None
    parameters: int
    parameters_compressed: int
    inputs: list[Tensor]
    outputs: list[Tensor]
    metric: MetricValue | None
    metric_reason: str | None = None
    trained: dict[str, Any] | None
    bridge_difference: float | None = None
    networks: list[NetworkPart] = Field(default_factory=list)


class RecipePart(Part):
    """The recipe with every default spelled out, and what its steps did."""

    name: str
    summary: str
    steps: list[dict[str, Any]]
    precision: str
    granularity: str = "per_channel"
    limits: Limits
    steps_done: list[dict[str, Any]]


class EnvironmentPart(Part):
    """Where and with what the run was made."""

    host: str
    python: str
    seed: int
    gpus: list[str]
    versions: dict[str, str]


class Row(Part):
    """One artifact on one runtime, on behalf of one target.

    `bytes_packed` are those that `compressor pack` makes of it; None of a file that is not packed in passing.

    `drop`, `agreement`, `max_abs_error`, `sqnr_db` and `psnr_db` compare a float32 row with Keras (conversion parity)
    and a compressed row with the float32 row (compression parity). `psnr_db` is there when the metric is one of
    images. `failed_stage` tells a failure from a row that was never to be had here. `network` is None for a model
    that is one. `possible_precisions` is there where the converter writes float32 but not this precision: others of the
    same format that the target takes and that were tried with success. `placement` is there for targets with rules of
    placement. `bundle` is the folder to copy to the device, in the run folder. `against_host` is there for an emulated
    row, whose metric is over as many samples; `estimate` for an estimated one: of a device that is not here, whose
    compiler is. `drop_by` says how `drop_interval` was had: McNemar's pairs or bootstrap; `outcomes` are what it was
    had from. `operator_times` are there where the compressed file is slower than the float32 one and the runtime has a
    profile.
    """

    network: str | None = None
    target: str
    format: str
    precision: str
    stage: Literal["float32", "compressed"]
    runtime: str
    host: str | None
    provenance: Literal["measured", "emulated", "estimated", "skipped"]
    reason: str | None = None
    failed_stage: str | None = None
    possible_precisions: list[str] | None = None
    path: str | None
    bytes: int | None
    bytes_deflated: int | None
    bytes_packed: int | None = None
    sha256: str | None
    bundle: str | None = None
    metric: MetricValue | None = None
    drop: float | None = None
    drop_unit: Literal["points", "percent", "dB"] | None = None
    drop_interval: Interval | None = None
    drop_by: str | None = None
    outcomes: OutcomesValue | None = None
    agreement: float | None = None
    agreement_interval: Interval | None = None
    max_abs_error: float | None = None
    mean_abs_error: float | None = None
    sqnr_db: float | None = None
    cosine: float | None = None
    psnr_db: float | None = None
    latency_ms: LatencyValue | None = None
    latency_ratio: LatencyRatioValue | None = None
    operator_times: list[OperatorTime] = Field(default_factory=list)
    peak_rss_bytes: int | None = None
    memory: MemoryValue | None = None
    placement: PlacementValue | None = None
    against_host: AgainstHostValue | None = None
    estimate: EstimateValue | None = None
    notes: list[str] = Field(default_factory=list)

    @property
    def impossible(self) -> bool:
        """The converter writes this model, but not in this precision."""
        return self.possible_precisions is not None

    @property
    def title(self) -> str:
        """The row in a few words."""
        return f"{place(self.target, self.network)}: {self.stage} {self.format} {self.precision} on {self.runtime}"

    def violation(self, limit: str, position: int, expected: str, received: str, message: str) -> Violation:
        """A limit that this row breaks; `position` is the row's in the report."""
        return Violation(
            limit=limit,
            network=self.network,
            target=self.target,
            format=self.format,
            precision=self.precision,
            runtime=self.runtime,
            row=position,
            expected=expected,
            received=received,
            message=message,
        )


class Report(Part):
    """Everything about one run. Reports of version 1.0 lack what came later, and are read all the same."""

    schema_version: Literal["1.0", "1.1"] = SCHEMA_VERSION
    model: ModelPart
    recipe: RecipePart
    environment: EnvironmentPart
    data: DataPart
    rows: list[Row]
    verdict: Verdict
    warnings: list[str] = Field(default_factory=list)
    parity: list[ParityCell] = Field(default_factory=list)
    layers: list[LayersPart] = Field(default_factory=list)
    weights: list[WeightsPart] = Field(default_factory=list)
    promises: list[PromisePart] = Field(default_factory=list)
    answers: list[AnswersPart] = Field(default_factory=list)

    @property
    def is_judged_singly(self) -> bool:
        """Whether the verdict has a judgement of every limit on every row: it has none in version 1.0."""
        return bool(self.verdict.judgements) or self.schema_version != "1.0"

    def data_of(self, network: str | None) -> DataPart:
        """The data of a network; of a model that is one, its own."""
        return next((each.data for each in self.model.networks if each.name == network), self.data)

    @property
    def exit_code(self) -> int:
        """0 passed, 1 a limit is broken or a row failed."""
        return 0 if self.verdict.passed else 1


def place(target: str, network: str | None) -> str:
    """Where rows belong: their target, and their network where there are several."""
    return target if network is None else f"{target}: {network}"


def write(report: Report, path: Path) -> None:
    """Write a whole `report.json` or none."""
    text = json.dumps(report.model_dump(mode="json"), indent=2)
    for pattern in _ONE_LINE:
        text = pattern.sub(_in_one_line, text)
    write_text(path, text + "\n")


def _in_one_line(found: re.Match[str]) -> str:
    first, *inner, last = (line.strip() for line in found[0].splitlines())
    return first + " ".join(inner) + last


def read(path: Path) -> Report:
    """Read a `report.json`, or the one in a run folder.

    Raises:
        BadInput: no such file, or not a report of this schema.
    """
    path = path / "report.json" if path.is_dir() else path
    try:
        return Report.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInput(f"cannot read the report {path}: {error.strerror}") from None
    except ValidationError as error:
        told = "".join(f"\n  {sentence}" for sentence in sentences(error, Report)[:10])
        raise BadInput(f"{path} is not a report of schema {SCHEMA_VERSION}:{told}") from None


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `report.json`."""
    return Report.model_json_schema()


if __name__ == "__main__":
    import sys

    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
