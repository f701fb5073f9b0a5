"""The verb `diagnose` as a function: a run or two files become comparisons of their tensors."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from compressor import diagnosis, model_files, runtimes
from compressor.data.spec_file import load_spec
from compressor.diagnosis import node_data
from compressor.diagnosis.ablation import Ablation, ablate
from compressor.diagnosis.comparison import compare
from compressor.diagnosis.part import told
from compressor.errors import BadInput, MissingTool
from compressor.measurement import evaluation, outputs
from compressor.names import read_data
from compressor.process import Worker
from compressor.progress import Listener, Progress, silent
from compressor.report.evidence import Divergence, LayersPart
from compressor.report.schema import Report
from compressor.report.schema import read as read_report
from compressor.run_folder import REPORT
from compressor.values import Array, Split, clean_name

_LOOKED_INTO = (".tflite", ".onnx")
_FORMATS = {".tflite": "tflite", ".onnx": "onnx"}
_MOST_SAMPLES = 2000
_TIMEOUT_S = 1800.0


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """One compressed file against its float32 file.

    Attributes:
        conversion: where the float32 file leaves the Keras model, if it does.
        conversion_note: why that was not looked at; None where it was.
    """

    float_file: Path
    file: Path
    layers: LayersPart
    ablation: Ablation | None = None
    conversion: Divergence | None = None
    conversion_note: str | None = None

    @property
    def faults(self) -> tuple[str, ...]:
        """Every sentence on what is out of order, the float32 file's first."""
        converted = () if self.conversion is None else (f"in the float32 file, {self.conversion.told}",)
        return *converted, *self.layers.faults

    def as_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "float_file": str(self.float_file),
            "file": str(self.file),
            "faults": list(self.faults),
            "conversion": None if self.conversion is None else self.conversion.model_dump(mode="json"),
            "conversion_note": self.conversion_note,
            "layers": self.layers.model_dump(mode="json"),
            "ablation": None if self.ablation is None else asdict(self.ablation),
        }


@dataclass(frozen=True, slots=True)
class _Pair:
    """What is compared: two files, the data, and the Keras model where it is known."""

    float_file: Path
    file: Path
    data: str
    keras: Path | None
    network: str | None = None


def diagnose(
    model: str | Path,
    artifact: str | Path | None = None,
    *,
    data: str | Path | None = None,
    preprocess: Sequence[str] | Mapping[str, Any] = (),
    trust: bool = False,
    samples: int = 32,
    runtime: str | None = None,
    keras: bool = True,
    nodes: str | Path | None = None,
    ablation: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[Diagnosed, ...]:
    """Compare the tensors inside of compressed files with those of their float32 files, and say what is out of order.

    Args:
        model: a run folder; or a float32 `.tflite` or `.onnx` file; or a Keras model, which is converted first.
        artifact: the compressed file; None takes every one of the run.
        data: whatever `run` takes; None takes the run's own.
        preprocess, trust: see `measure`.
        samples: how many evaluation samples are run, the first ones.
        runtime: of the compressed file; None for the first that opens it.
        keras: also compare the float32 file with the Keras model, in a process with TensorFlow.
        nodes: receives node data for Model Explorer; of one compressed file alone.
        ablation: seconds for trying the layers one by one; None leaves that out.

    Raises:
        BadInput: files or data that are wrong, or do not belong together.
        MissingTool: a runtime, or `onnx` for ONNX files, is not here; or TensorFlow, to convert a Keras model.
        StageFailed: TensorFlow crashed.

    Example:
        >>> (found,) = compressor.diagnose("runs/digits_cnn-int8", "artifacts/tflite/digits_cnn_compressed_int8.tflite")
        >>> found.faults
        ()
    """
    listener = on_progress or silent
    with _pairs(Path(model), artifact, data, preprocess, trust, samples, listener) as pairs:
        if nodes is not None and len(pairs) > 1:
            raise BadInput(
                "node data is of one file", received=f"{len(pairs)} compressed files", fix="name one of them"
            )
        asked = _Asked(preprocess, trust, samples, runtime, keras, None if nodes is None else Path(nodes), ablation)
        return tuple(_diagnosed(pair, asked, listener) for pair in pairs)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of every pair; see `diagnose`."""

    preprocess: Sequence[str] | Mapping[str, Any]
    trust: bool
    samples: int
    runtime: str | None
    keras: bool
    nodes: Path | None
    ablation: float | None


def _diagnosed(pair: _Pair, asked: _Asked, listener: Listener) -> Diagnosed:
    listener(Progress(f"layers of {pair.file.name}"))
    most = asked.samples if asked.ablation is None else max(_MOST_SAMPLES, asked.samples)
    read = _samples(pair, asked.preprocess, asked.trust, most)
    few = read.rows(slice(asked.samples))
    compared = compare(pair.float_file, pair.file, few.inputs, asked.runtime)
    part = told(compared, pair.file, asked.runtime).model_copy(update={"network": pair.network})
    if asked.nodes is not None:
        node_data.write(part, compared.file.name, asked.nodes)
    tried = None if asked.ablation is None else ablate(pair.float_file, compared, read, asked.ablation, listener)
    converted = _conversion(pair, few, listener) if asked.keras else _Conversion()
    return Diagnosed(pair.float_file, pair.file, part, tried, converted.found, converted.note)


@dataclass(frozen=True, slots=True)
class _Conversion:
    found: Divergence | None = None
    note: str | None = "it was not asked for"


def _conversion(pair: _Pair, samples: Split, listener: Listener) -> _Conversion:
    if pair.keras is None:
        return _Conversion(note="there is no Keras model to compare with")
    listener(Progress(f"Keras layers against {pair.float_file.name}"))
    try:
        return _Conversion(diagnosis.locate(pair.keras, pair.float_file, samples.inputs, "conversion"), None)
    except (MissingTool, BadInput) as error:
        return _Conversion(note=str(error).splitlines()[0])


def _samples(pair: _Pair, preprocess: Sequence[str] | Mapping[str, Any], trust: bool, count: int) -> Split:
    """The first evaluation samples, as the float32 file takes them."""
    session = runtimes.load(runtimes.for_file(pair.float_file)).open(pair.float_file, 1)
    spec = load_spec(pair.data, preprocess)
    read = evaluation.reader(lambda wanted: read_data(spec, wanted), spec, trust)(session.inputs)
    blocks = list(outputs.shortened(read, count).blocks(count))
    if not blocks:
        raise BadInput("the evaluation set is empty", expected="at least one sample")
    inputs = {name: np.concatenate([block.inputs[name] for block in blocks]) for name in blocks[0].inputs}
    labels = [block.labels for block in blocks if block.labels is not None]
    return Split(outputs.named(inputs, session.inputs), np.concatenate(labels) if labels else None)


@contextmanager
def _pairs(
    model: Path,
    artifact: str | Path | None,
    data: str | Path | None,
    preprocess: Sequence[str] | Mapping[str, Any],
    trust: bool,
    samples: int,
    listener: Listener,
) -> Iterator[list[_Pair]]:
    """The comparisons that are asked for; what is converted for them is gone afterwards."""
    if (model / REPORT).is_file():
        yield _of_run(model, artifact, data)
        return
    if artifact is None or data is None:
        lacking = "the compressed file" if artifact is None else "--data"
        raise BadInput(f"{model} is no run folder, and {lacking} is not given", expected="a run folder, or all of it")
    file = Path(artifact)
    if not file.is_file():
        raise BadInput(f"there is no artifact {file}", expected="the path of a .tflite or .onnx file")
    if model.suffix in _LOOKED_INTO:
        yield [_Pair(model, file, str(data), None)]
        return
    model_files.reader(model)
    with tempfile.TemporaryDirectory() as folder:
        pair = _Pair(file, file, str(data), model)
        read = _samples(pair, preprocess, trust, samples).inputs
        yield [replace(pair, float_file=_converted(model, file, read, Path(folder), listener))]


def _converted(model: Path, file: Path, inputs: Mapping[str, Array], folder: Path, listener: Listener) -> Path:
    """The float32 file of a Keras model, of the same format."""
    if file.suffix not in _FORMATS:
        raise BadInput(f"nothing is known of the tensors inside of {file.name}", expected="a .tflite or .onnx file")
    samples = folder / "samples.npz"
    np.savez(samples, **{clean_name(name): array for name, array in inputs.items()})  # type: ignore[arg-type]
    asked = {"file": str(model), "format_name": _FORMATS[file.suffix], "samples": str(samples), "folder": str(folder)}
    with Worker(folder / "log.txt", listener) as worker:
        made = worker.call("converting the model", "compressor.float_file:convert", asked, _TIMEOUT_S)
    return Path(made["path"])


def _of_run(folder: Path, artifact: str | Path | None, data: str | Path | None) -> list[_Pair]:
    """Every compressed file of a run that can be looked into, or the one that is asked for."""
    report = read_report(folder)
    wanted = None if artifact is None else _found(folder, Path(artifact)).resolve()
    pairs = {pair.file.resolve(): pair for pair in _all_of_run(folder, report, data)}
    if wanted is not None and wanted not in pairs and len({pair.data for pair in pairs.values()}) == 1:
        # A file of another place, of this run's model.
        like = next((pair for pair in pairs.values() if pair.file.suffix == wanted.suffix), None)
        pairs = {} if like is None else {wanted: replace(like, file=wanted)}
    chosen = [pair for file, pair in pairs.items() if wanted is None or file == wanted]
    if not chosen:
        raise BadInput(
            f"{folder} has no compressed file that can be looked into",
            expected="a .tflite or .onnx file beside its float32 file",
            received=str(artifact) if artifact is not None else "other formats, or files that were not written",
        )
    return chosen


def _all_of_run(folder: Path, report: Report, data: str | Path | None) -> Iterator[_Pair]:
    bases = {(row.network, row.format): row.path for row in report.rows if row.stage == "float32" and row.path}
    for row in report.rows:
        base = bases.get((row.network, row.format))
        if row.stage != "compressed" or row.path is None or base is None or Path(row.path).suffix not in _LOOKED_INTO:
            continue
        inner = folder / row.network if row.network else folder
        keras = inner / "keras" / "original.h5"
        used = str(inner / "data.npz") if data is None else str(data)
        yield _Pair(folder / base, folder / row.path, used, keras if keras.is_file() else None, row.network)


def _found(folder: Path, artifact: Path) -> Path:
    """A file by its path, or by its place in the run folder."""
    for path in (artifact, folder / artifact):
        if path.is_file():
            return path
    raise BadInput(f"there is no artifact {artifact}", expected=f"a path, or a place in {folder}")
