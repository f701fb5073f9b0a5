"""Figures in a report: what rows and models are told by."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


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


class LatencyValue(Part):
    """Milliseconds for one sample on the row's host."""

    p50: float
    p90: float
    p99: float
    threads: int
    runs: int


class PlacementValue(Part):
    """What of a file the target's accelerator would compute, by the rules of its compiler.

    `cpu_ops` are all others; the share is of multiply-accumulates, or of operators in a file that has none.
    `reasons`: why operators stay off, and what the rules warn of.
    """

    accelerator_ops: int
    cpu_ops: int
    accelerated_macs_share: float
    reasons: list[str]


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
