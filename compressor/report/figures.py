"""Figures in a report: what rows and models are told by."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """Strict, unchangeable, of finite numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Tensor(Part):
    """An input or output; a free dimension is null."""

    name: str
    shape: list[int | None]
    dtype: str


class MetricValue(Part):
    """Name and value of the metric."""

    name: str
    value: float


class Interval(Part):
    """A 95 % confidence interval, in the unit of what it belongs to."""

    low: float
    high: float


class OutcomesValue(Part):
    """Of `samples`, how many the row answers worse or better than what it is compared with.

    `worse` and `better` are there where each sample is right or wrong; None where a sample has a score.
    """

    samples: int
    worse: int | None = None
    better: int | None = None


class LatencyValue(Part):
    """Milliseconds for one sample on the row's host.

    `p50_interval` is of the median. `quantiles`: the durations at 0, 2.5, 5 … 100 % of the runs, 41 of them.
    """

    p50: float
    p90: float
    p99: float
    threads: int
    runs: int
    p50_interval: Interval | None = None
    quantiles: list[float] = Field(default_factory=list)


class LatencyRatioValue(Part):
    """Compressed p50 / float32 p50, both files run turn about in one process on the same cores.

    `noise` is how far the same float32 file is from itself, run turn about the same way (A/A): the upper end of the
    95 % interval of |ratio - 1|. A difference within it is none.
    """

    ratio: float
    interval: Interval
    noise: float
    rounds: int
    threads: int


class MemoryValue(Part):
    """Bytes that running a file takes.

    `over_baseline_bytes`: the largest resident memory of the measuring process, less what it had with the runtime
    loaded and no file opened (`baseline_bytes`). `arena_bytes`: what the planner of TensorFlow Lite Micro asks for on a
    32-bit core, estimated; `flash_bytes` and `ram_bytes`: of a microcontroller, by the same estimate. None where they
    do not apply.
    """

    baseline_bytes: int | None = None
    over_baseline_bytes: int | None = None
    arena_bytes: int | None = None
    flash_bytes: int | None = None
    ram_bytes: int | None = None


class OperatorTime(Part):
    """What one operator took of a run by the runtime's own profile: mean milliseconds, and its share of all."""

    op: str
    name: str
    layer: str
    ms: float
    share: float


class PlacedOperator(Part):
    """One operator of a file: where it runs on the target, why, and the operators whose answers it reads."""

    index: int
    op: str
    layer: str
    where: str
    reason: str
    macs: int
    reads: list[int]


class PlacementValue(Part):
    """What of a file the target's accelerator would compute, by the rules of its compiler.

    `cpu_ops` are all others; the share is of multiply-accumulates, or of operators in a file that has none.
    `reasons`: why operators stay off, and what the rules warn of. `operators`: all of them, in the first row of each
    compressed file and target; empty where there are more than 400.
    """

    accelerator_ops: int
    cpu_ops: int
    accelerated_macs_share: float
    reasons: list[str]
    operators: list[PlacedOperator] = Field(default_factory=list)


class AgainstHostValue(Part):
    """Answers of an emulated processor against those of `environment.host`: same file, runtime and samples.

    `samples` is how many of the first evaluation samples were run, `values` how many numbers they answered with.
    `max_lsb`: the largest difference in steps of the outputs' integers; None where an output is float.
    """

    samples: int
    values: int
    differing_values: int
    max_abs_error: float
    max_lsb: int | None


class EstimateValue(Part):
    """What a vendor's compiler expects of one inference on the device; neither measured nor a latency.

    `accelerated_ops_share` is of the file's operators, whatever the compiler makes of them. `compiled_path` is the file
    that it wrote, in the run folder.
    """

    by: str
    cycles: int
    clock_hz: int
    inference_ms: float
    inferences_per_second: float
    sram_bytes: int
    dram_bytes: int
    flash_bytes: int
    accelerated_ops_share: float
    compiled_path: str | None = None
    compiled_bytes: int | None = None
    compiled_sha256: str | None = None
