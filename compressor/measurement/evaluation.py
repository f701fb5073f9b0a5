"""The evaluation set of an artifact, read for its inputs and prepared as a data spec says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from compressor import data_sources
from compressor.data.preparation import Preparation
from compressor.data.spec import DataSpec
from compressor.data.spec_file import load_spec
from compressor.data_sources import Wanted
from compressor.measurement import Reader, outputs
from compressor.values import Array, Dataset, Split, Stream, TensorSpec

# As a file states them, inputs of other integers are quantized: real numbers go in.
_WHOLE = ("int32", "int64", "uint32", "uint64", "bool")


def reader(read: Callable[[Wanted], Dataset], spec: DataSpec, trusted: bool) -> Reader:
    """Reads the evaluation set, whole where the source is not split, and subtracts and divides.

    Args:
        read: of a data source.
        trusted: code that the user names may be run.
    """

    def read_for(inputs: tuple[TensorSpec, ...]) -> Split | Stream:
        preparation = Preparation(spec, {each.name: _taken(each.dtype) for each in inputs})
        preparation.check()
        samples = read(Wanted(inputs, only_evaluation=True, trusted=trusted)).evaluation
        return _prepared(samples, inputs, preparation) if preparation.changes_values else samples

    return read_for


def first_samples(data: str, inputs: tuple[TensorSpec, ...], count: int, trusted: bool = False) -> dict[str, Array]:
    """The first samples of an evaluation set that is a file, as an artifact takes them.

    Raises:
        BadInput: the data cannot be read, or does not fit the artifact.
    """
    spec = load_spec(data)
    found = reader(lambda wanted: data_sources.find(spec.source).read(spec, wanted), spec, trusted)(inputs)
    first = outputs.named(next(iter(found.blocks(count))).inputs, inputs)
    return {name: array[:count] for name, array in first.items()}


def _prepared(samples: Split | Stream, inputs: tuple[TensorSpec, ...], preparation: Preparation) -> Stream:
    def blocks(size: int) -> Iterator[Split]:
        for block in samples.blocks(size):
            yield preparation(Split(outputs.named(block.inputs, inputs), block.labels))

    return Stream(samples.count, blocks)


def _taken(dtype: str) -> str:
    return dtype if dtype in _WHOLE or dtype.startswith("float") else "float32"
