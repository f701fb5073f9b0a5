"""What a vendor's compiler expects of a device that is not here: the values of an estimated row of the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compressor import environment, placement
from compressor.errors import CompressorError, MissingTool
from compressor.files import sha256
from compressor.inspection import Inspection, inspect
from compressor.report.figures import EstimateValue
from compressor.target import Target
from compressor.values import Artifact, Provenance

# A compiler that takes longer hangs.
_LONGEST_S = 600.0


def offered(target: Target) -> bool:
    """Whether the target's compiler makes estimates, be it installed or not."""
    return bool(target.placement) and placement.load(target.placement).estimates


def compiled_file(artifact: Artifact, target: Target) -> Path | None:
    """Where the target's compiler leaves what it made of an artifact; None where it leaves nothing."""
    rules = placement.load(target.placement) if target.placement else None
    if rules is None or not rules.writes:
        return None
    return artifact.path.with_name(f"{artifact.path.stem}_{target.name}_{rules.tool}{artifact.path.suffix}")


def said(artifact: Artifact, target: Target, timeout: float) -> list[str]:
    """What a compiler that makes no estimate said of an artifact, in sentences; none where it is not here."""
    keep = compiled_file(artifact, target)
    if keep is None or environment.program(placement.load(target.placement).tool) is None:
        return []
    try:
        told = inspect(artifact.path, target, "auto", min(timeout, _LONGEST_S), keep).compiler
    except CompressorError as error:
        return [str(error)]
    agrees = [f"{told['tool']} {told['version']} agrees with the rules here"] if told.get("agrees") else []
    return [*agrees, *told.get("differences", ())]


def row_values(artifact: Artifact, target: Target, folder: Path, timeout: float) -> dict[str, Any]:
    """Fields of the device's row; the compiled file goes beside the one it was made of.

    Args:
        folder: the run folder.
        timeout: seconds that the compiler may take.
    """
    assert target.device is not None
    tool, keep = placement.load(target.placement).tool, compiled_file(artifact, target)
    assert keep is not None
    try:
        found = inspect(artifact.path, target, "required", min(timeout, _LONGEST_S), keep)
    except MissingTool as error:
        return _skipped(f"{target.device.reason}; {' '.join(str(error).split())}")
    except CompressorError as error:
        return _skipped(str(error))
    if found.mistakes:
        return _skipped("; ".join(found.mistakes))
    differences = {"notes": found.compiler["differences"]}
    expected = found.compiler["estimate"]
    if expected is None:
        keep.unlink(missing_ok=True)
        count = len(found.operators)
        return _skipped(f"{tool} leaves all {count} operators to the CPU") | differences
    value = EstimateValue(
        **expected,
        accelerated_ops_share=_share(found),
        compiled_path=str(keep.relative_to(folder)),
        compiled_bytes=keep.stat().st_size,
        compiled_sha256=sha256(keep),
    )
    return {"provenance": Provenance.ESTIMATED.value, "reason": target.device.reason, "estimate": value} | differences


def _share(found: Inspection) -> float:
    """Of operators, by the compiler itself."""
    return float(found.compiler["accelerated_ops"]) / max(len(found.operators), 1)


def _skipped(reason: str) -> dict[str, Any]:
    return {"provenance": Provenance.SKIPPED.value, "reason": reason}
