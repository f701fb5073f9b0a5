"""A folder to take to a device: model, program, self-test, and what is known of them; also as one archive."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compressor import bundles, ends, same_bytes
from compressor.bundles import SAMPLES, Bundle, Contents
from compressor.data.npz import NpzFile
from compressor.ends import End, Ends
from compressor.measurement import evaluation
from compressor.target import Target
from compressor.values import Array, Artifact, TensorSpec


@dataclass(frozen=True, slots=True)
class Proof:
    """What was measured of an artifact on this host, in place of the device.

    Attributes:
        answer: of `compressor measure --json`.
        answers: `.npz` with the outputs of every evaluation sample, as real numbers.
        data: the run's `data.npz`, whose samples those are.
        compared: figures of the row: drop, agreement and the like.
        estimate: what the vendor's compiler expects of the device, where it was here.
        compiled: what it made of the artifact.
        why_not_compiled: the reason of the device's row.
    """

    answer: Mapping[str, Any]
    answers: Path
    data: Path
    compared: Mapping[str, Any]
    estimate: Mapping[str, Any] | None = None
    compiled: Path | None = None
    why_not_compiled: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """How the artifact came about: the model's name, its classes, and what the manifest says of the making."""

    model: str
    classes: tuple[str, ...]
    made: Mapping[str, Any]


def leave(folder: Path, kind: str, target: Target, artifact: Artifact, proof: Proof, origin: Origin) -> Path:
    """Write a bundle; the same run gives the same bytes.

    Args:
        folder: of the bundle, and beside it `NAME.tar.gz`; what is there goes.
        kind: of bundle, see `compressor.bundles`.

    Returns:
        The bundle's folder.

    Raises:
        StageFailed: something that belongs into it could not be made; there is no folder then.
    """
    shutil.rmtree(folder, ignore_errors=True)
    files = _files(bundles.load(kind), target, artifact, proof, origin)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
        if name.endswith(".sh"):
            (folder / name).chmod(0o755)
    same_bytes.tar_gz(folder)
    return folder


def _files(bundle: Bundle, target: Target, artifact: Artifact, proof: Proof, origin: Origin) -> dict[str, bytes]:
    contents = _contents(bundle, target, artifact, proof, origin)
    files = dict(bundle.files(contents))
    if bundle.arrays:
        files["self_test.npz"] = same_bytes.npz(_self_test(contents))
    manifest = _manifest(bundle, contents, proof, origin, files)
    lines = (*bundle.readme(contents), _last_line(contents, proof))
    return files | {
        "manifest.json": (json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode(),
        "README.md": "".join(f"{line}\n" for line in lines).encode(),
    }


def _contents(bundle: Bundle, target: Target, artifact: Artifact, proof: Proof, origin: Origin) -> Contents:
    specs = _specs(proof.answer["inputs"]), _specs(proof.answer["outputs"])
    if bundle.tflite is None:
        inputs, results = map(ends.plain, specs)
    else:
        inputs, results = ends.of_tflite(bundle.tflite(artifact.path), *specs)
    return Contents(
        model=origin.model,
        target=target,
        artifact=artifact,
        inputs=inputs,
        outputs=results,
        asked=_samples(inputs, proof),
        told=_answers(results, proof),
        tolerance=bundle.tolerance(artifact),
        compiled=proof.compiled,
        why_not_compiled=proof.why_not_compiled,
    )


def _manifest(
    bundle: Bundle, contents: Contents, proof: Proof, origin: Origin, files: Mapping[str, bytes]
) -> dict[str, Any]:
    target, artifact, tolerance = contents.target, contents.artifact, contents.tolerance
    return {
        "model": origin.model,
        "target": target.name,
        "facts": {name: fact.value for name, fact in target.facts.items()},
        "artifact": {
            "file": f"artifacts/{artifact.format}/{artifact.path.name}",
            "format": artifact.format,
            "precision": str(artifact.precision),
            "bytes": artifact.bytes,
            "sha256": artifact.sha256,
        },
        "made": dict(origin.made),
        "inputs": [_end(each) for each in contents.inputs],
        "outputs": [_end(each) for each in contents.outputs],
        "labels": list(origin.classes),
        "preprocessing": _preprocessing(proof.data),
        "self_test": {
            "samples": len(contents.asked[0]),
            "integer_tolerance": tolerance.steps,
            "float_tolerance": tolerance.relative,
            "expected_from": proof.answer["runtime"],
        },
        "measured": {name: proof.answer[name] for name in ("metric", "runtime", "host")} | dict(proof.compared),
        **({"estimated": dict(proof.estimate)} if proof.estimate else {}),
        "notes": list(artifact.notes),
        "ran_on_device": target.device is None,
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
        **bundle.manifest(contents),
    }


def _last_line(contents: Contents, proof: Proof) -> str:
    """What is known of its answers."""
    metric = proof.answer["metric"]
    told = f"{metric['name']} {metric['value']:.4g}" if metric else "no labels, so no metric"
    where = "this device" if contents.target.device is None else "a host in place of the device"
    return f"Measured on {where}, with {proof.answer['runtime']}: {told}; manifest.json has inputs, outputs and hashes."


def _samples(inputs: Ends, proof: Proof) -> tuple[Array, ...]:
    first = evaluation.first_samples(str(proof.data), tuple(each.spec for each in inputs), SAMPLES)
    return tuple(each.stored(first[each.spec.name]) for each in inputs)


def _answers(results: Ends, proof: Proof) -> tuple[Array, ...]:
    with np.load(proof.answers, allow_pickle=False) as arrays:
        return tuple(each.stored(arrays[each.spec.name][:SAMPLES]) for each in results)


def _self_test(contents: Contents) -> dict[str, Array]:
    asked = {f"input.{end.spec.name}": array for end, array in zip(contents.inputs, contents.asked, strict=True)}
    return asked | {
        f"output.{end.spec.name}": array for end, array in zip(contents.outputs, contents.told, strict=True)
    }


def _specs(told: list[dict[str, Any]]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(each["name"], tuple(each["shape"]), each["dtype"]) for each in told)


def _end(each: End) -> dict[str, Any]:
    quantization = {"scale": each.scale, "zero_point": each.zero_point} if each.scale else {}
    return {"name": each.spec.name, "shape": list(each.spec.shape), "dtype": each.spec.dtype, **quantization}


def _preprocessing(data: Path) -> dict[str, Any]:
    preparation = NpzFile(data).preparation()
    spec = None if preparation is None else preparation.spec
    return {} if spec is None else spec.model_dump(mode="json", exclude={"source"}, exclude_defaults=True)
