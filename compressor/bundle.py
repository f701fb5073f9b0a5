"""A folder to take to a microcontroller: model, program, self-test, and what is known of them; also as one archive."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from compressor import data_sources
from compressor.data.npz import NpzFile
from compressor.data.spec_file import load_spec
from compressor.files import whole_file
from compressor.measurement import evaluation, outputs
from compressor.target import Target
from compressor.tflite_edit.graph import Graph
from compressor.tflm import c_array, fit, operators, self_test, skeleton
from compressor.tflm.self_test import SAMPLES, End
from compressor.values import Array, Artifact, Split, Stream, TensorSpec

FOLDER = "bundles"
_ANY_CORE = "-mcpu=cortex-m4 -mthumb"


@dataclass(frozen=True, slots=True)
class Proof:
    """What was measured of an artifact on this host, in place of the device.

    Attributes:
        answer: of `compressor measure --json`.
        answers: `.npz` with the outputs of every evaluation sample, as real numbers.
        data: the run's `data.npz`, whose samples those are.
    """

    answer: Mapping[str, Any]
    answers: Path
    data: Path


def leave(run: Path, model: str, target: Target, artifact: Artifact, proof: Proof) -> Path:
    """Write the bundle of a target into the run folder; the same run gives the same bytes.

    Args:
        run: the run folder; the bundle is `bundles/TARGET` in it, beside `bundles/TARGET.tar.gz`.
        artifact: a file of the format `tflm`.

    Returns:
        The bundle's folder.
    """
    folder = run / FOLDER / target.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in _files(run, model, target, artifact, proof).items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    _pack(folder)
    return folder


def _files(run: Path, model: str, target: Target, artifact: Artifact, proof: Proof) -> dict[str, str]:
    content = c_array.content(artifact.path)
    graph, needed = Graph(content), fit.need(content)
    inputs = self_test.ends(graph, graph.inputs, _specs(proof.answer["inputs"]))
    results = self_test.ends(graph, graph.outputs, _specs(proof.answer["outputs"]))
    asked, told = _samples(inputs, proof), _answers(results, proof)
    files = {
        "CMakeLists.txt": skeleton.cmake_lists(_flags(target)),
        "arm-none-eabi.cmake": skeleton.TOOLCHAIN,
        "main.cc": skeleton.main_source(
            operators.resolver_calls(content), needed.arena.head, needed.arena.total - needed.arena.head
        ),
        "model.cc": c_array.source(content),
        "model.h": c_array.header(),
        "self_test.cc": self_test.source(asked, told),
        "self_test.h": self_test.header(len(inputs), len(results), len(asked[0])),
    }
    manifest = {
        "model": model,
        "target": target.name,
        "facts": {name: fact.value for name, fact in target.facts.items()},
        "made_from": {"path": str(artifact.path.relative_to(run)), "precision": str(artifact.precision)},
        "tflite": {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()},
        "inputs": [_end(each) for each in inputs],
        "outputs": [_end(each) for each in results],
        "preprocessing": _preprocessing(proof.data),
        "operators": list(operators.names(content)),
        "arena": asdict(needed.arena) | {"total": needed.arena.total, "provenance": "estimated but for the head"},
        "self_test": {
            "samples": len(asked[0]),
            "integer_tolerance": self_test.INTEGER_TOLERANCE,
            "float_tolerance": self_test.FLOAT_TOLERANCE,
            "expected_from": proof.answer["runtime"],
        },
        "measured": {name: proof.answer[name] for name in ("metric", "runtime", "host")},
        "notes": list(artifact.notes),
        "ran_on_device": False,
        "sha256": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sorted(files.items())},
    }
    told_manifest = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    return files | {"manifest.json": told_manifest, "README.md": _readme(model, target, needed)}


def _readme(model: str, target: Target, needed: fit.Need) -> str:
    arena = needed.arena
    return (
        f"{model} for {target.name} with TensorFlow Lite Micro; not run on a device, see manifest.json.\n"
        "1. In a checkout of tflite-micro: "
        "`python3 tensorflow/lite/micro/tools/project_generation/create_tflm_tree.py TREE`\n"
        "2. `cmake -B build -DCMAKE_TOOLCHAIN_FILE=arm-none-eabi.cmake -DTFLM_TREE=TREE "
        "-DBOARD_SOURCES=startup.c -DBOARD_LINK_FLAGS=-Tboard.ld && cmake --build build`\n"
        "3. Flash `build/model`: it prints the arena's use and how many values of the self-test differ (0 wanted).\n"
        f"4. Model {needed.model} bytes of flash; arena {arena.total} bytes estimated, {arena.head} of them exact.\n"
    )


def _samples(inputs: tuple[End, ...], proof: Proof) -> list[Array]:
    specs = tuple(each.spec for each in inputs)
    wanted = load_spec(str(proof.data))
    reader = evaluation.reader(lambda what: data_sources.find(wanted.source).read(wanted, what), wanted, False)
    found: Split | Stream = reader(specs)
    first = outputs.named(next(iter(found.blocks(SAMPLES))).inputs, specs)
    return [each.stored(first[each.spec.name]) for each in inputs]


def _answers(results: tuple[End, ...], proof: Proof) -> list[Array]:
    with np.load(proof.answers, allow_pickle=False) as arrays:
        return [each.stored(arrays[each.spec.name][:SAMPLES]) for each in results]


def _specs(told: list[dict[str, Any]]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(each["name"], tuple(each["shape"]), each["dtype"]) for each in told)


def _end(each: End) -> dict[str, Any]:
    quantization = {"scale": each.scale, "zero_point": each.zero_point} if each.scale else {}
    return {"name": each.spec.name, "shape": list(each.spec.shape), "dtype": each.spec.dtype, **quantization}


def _preprocessing(data: Path) -> dict[str, Any]:
    preparation = NpzFile(data).preparation()
    spec = None if preparation is None else preparation.spec
    return {} if spec is None else spec.model_dump(mode="json", exclude={"source"}, exclude_defaults=True)


def _flags(target: Target) -> str:
    return str(target.facts["compiler_flags"].value) if "compiler_flags" in target.facts else _ANY_CORE


def _pack(folder: Path) -> None:
    """One archive of the folder: no times, no owners, names in order."""
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(folder.iterdir()):
            entry = tarfile.TarInfo(f"{folder.name}/{path.name}")
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as file:
                archive.addfile(entry, file)
    with whole_file(folder.parent / f"{folder.name}.tar.gz") as temporary:
        temporary.write_bytes(gzip.compress(packed.getvalue(), mtime=0))
