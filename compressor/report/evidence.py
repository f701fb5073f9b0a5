"""What a verdict rests on, beyond the rows: the parity matrix, layers, weights and answers of single samples."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from compressor.report.figures import Part

CellStage = Literal["float32", "compressed", "compiled", "emulated"]


class Divergence(Part):
    """Where answers begin to differ by more than they may.

    `stage`: `conversion` (Keras and the float32 file), `compression` (float32 and compressed file), `runtime` (the same
    file, other kernels), `state` (answers hang on the samples before). `layer` is Keras's name of it, as far as it is
    known; `told` is a sentence.
    """

    stage: Literal["conversion", "compression", "runtime", "state"]
    layer: str | None
    told: str


class ParityCell(Part):
    """One file on one runtime, against another stage or another runtime, over `samples` evaluation samples.

    `against` says what: `keras`, the `float32` file on the same runtime, or the `same file` on `against_runtime`.
    `host` is None for this machine, else the emulated core. `differing` and `max_lsb` are of integer outputs: how many
    of `values` differ, and by how many integer steps at most; None where an output is float. `limit` is the largest
    difference that is in order, in `limit_unit` (`lsb`, or `value`: that of any output); `within` is None where the
    pair has no tolerance of its own, being what a recipe's limits judge. `reason`: why there are no numbers.
    """

    network: str | None = None
    stage: CellStage
    format: str
    precision: str
    runtime: str
    host: str | None = None
    against: Literal["keras", "float32", "same file"]
    against_runtime: str
    samples: int = 0
    agreement: float | None = None
    max_abs_error: float | None = None
    mean_abs_error: float | None = None
    sqnr_db: float | None = None
    cosine: float | None = None
    values: int | None = None
    differing: int | None = None
    max_lsb: int | None = None
    limit: float | None = None
    limit_unit: Literal["lsb", "value"] | None = None
    within: bool | None = None
    diverges: Divergence | None = None
    reason: str | None = None


class LayerValue(Part):
    """One tensor of a compressed file against the same one of the float32 file.

    Errors are root mean squares of the difference over that of the float32 tensor. `introduced` is what this operator
    adds when it is given the float32 file's own values; `inherited` is what comes from the layers before. `gain` is the
    slope of the compressed values over the float ones, 1 when no scale is off. `range_use` is the share of the integer
    range that the samples fill, `saturated` the share of values that its ends cut off; both None for a float tensor.
    `bits` are of the operator's weights, else of the tensor. `index` is the operator's in the file, -1 for an input.
    `rank` is 1 for the layer that introduces most.
    """

    index: int
    layer: str
    op: str
    tensor: str
    bits: int
    error: float
    introduced: float | None = None
    inherited: float | None = None
    sqnr_db: float
    max_abs_error: float
    gain: float | None = None
    range_use: float | None = None
    saturated: float | None = None
    rank: int | None = None


class LayersPart(Part):
    """The layers of one compressed file, in the order they run in; `faults` are sentences on what is out of order."""

    network: str | None = None
    format: str
    precision: str
    runtime: str
    samples: int
    layers: list[LayerValue]
    faults: list[str] = Field(default_factory=list)


class WeightsPart(Part):
    """Weights of one kernel before (float32 file) and after (compressed file, as the real numbers they stand for).

    `edges` has one value more than `before` and `after` have counts. `distinct` counts different stored values per
    tensor; sparsity is the share of zeros. `distinct_per_scale`: the most different integers under one scale, where
    there are several (one for each channel): what clustering leaves few of.
    """

    network: str | None = None
    format: str
    precision: str
    layer: str
    tensor: str
    shape: list[int]
    bits: int
    sparsity_before: float
    sparsity_after: float
    distinct_before: int
    distinct_after: int
    distinct_per_scale: int | None = None
    edges: list[float]
    before: list[int]
    after: list[int]


class PromisePart(Part):
    """What a step promised of a layer, and what one written file has of it.

    `sparsity`: a share of zeros, at least; `distinct_values`: of one output channel, at most. Of a whole file:
    `float_operators`, the number of them, and `simulated_metric`, the metric of the model with int8 simulated. `kept`
    is None where the file does not tell, `reason` then says why.
    """

    network: str | None = None
    format: str
    precision: str
    step: str
    layer: str
    kind: Literal["sparsity", "distinct_values", "float_operators", "simulated_metric"]
    promised: float
    received: float | None = None
    kept: bool | None = None
    reason: str | None = None


class ConfusionPart(Part):
    """How often each labelled class (row) was answered with each class (column)."""

    classes: list[str]
    reference: list[list[int]]
    compressed: list[list[int]]


class SampleValue(Part):
    """A sample on which float32 and compressed file disagree. `image` is a PNG as a data address, of image inputs."""

    index: int
    label: str | None
    reference: str
    compressed: str
    reference_confidence: float | None = None
    compressed_confidence: float | None = None
    image: str | None = None
    text: str | None = None


class AnswersPart(Part):
    """The answers of one compressed file on one runtime against those of its float32 file.

    Counts are of answers: one for each sample, of sequences one for each position. `worse` and `better` count those
    that the compressed file alone got wrong or right, where there are labels and the metric is a share of right ones.
    `disagreeing` is how many differ; `samples` shows some of them, none of sequences.
    """

    network: str | None = None
    format: str
    precision: str
    runtime: str
    evaluated: int
    disagreeing: int
    worse: int | None = None
    better: int | None = None
    confusion: ConfusionPart | None = None
    samples: list[SampleValue] = Field(default_factory=list)
