"""Limits that a run has to keep: part of a recipe, of a report, of a file, and of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Treatment = Literal["fail", "pass"]
_OF_DROP = ("max_accuracy_drop", "max_error_rise")


@dataclass(frozen=True, slots=True)
class Policy:
    """What a verdict that is neither passed nor failed does to the run."""

    undecided: Treatment = "pass"
    implausible: Treatment = "fail"


class TargetLimits(BaseModel):
    """Limits of one target, or of all; a limit that is absent is not judged."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    max_accuracy_drop: float | None = Field(
        None, description="points (shares) or dB (PSNR); percent of errors as well where max_error_rise is absent"
    )
    max_error_rise: float | None = Field(None, description="percent (errors: MSE, MAE, perplexity)")
    min_agreement: float | None = Field(None, ge=0, le=1, description="share of equal answers, 0 to 1")
    max_abs_error: float | None = Field(None, ge=0, description="largest difference of any value of any output")
    min_sqnr_db: float | None = Field(None, description="signal-to-quantization-noise ratio in dB")
    max_size_ratio: float | None = Field(None, gt=0, description="compressed bytes / float32 bytes")
    max_bytes: int | None = Field(None, gt=0, description="bytes of the compressed file")
    max_deflated_ratio: float | None = Field(None, gt=0, description="the same ratio of both files after deflate")
    max_packed_ratio: float | None = Field(None, gt=0, description="the same ratio of both files packed")
    max_latency_ratio: float | None = Field(None, gt=0, description="compressed p50 / float32 p50")
    max_ram_bytes: int | None = Field(None, gt=0, description="bytes of memory that running the file takes")
    max_flash_bytes: int | None = Field(None, gt=0, description="bytes of flash that the file takes on the device")
    min_accelerated_share: float | None = Field(
        None, ge=0, le=1, description="share of multiply-accumulates on the target's accelerator, 0 to 1"
    )

    def of_drop(self, unit: str | None) -> tuple[str, float | None]:
        """Name and value of the limit that a drop in `unit` is judged by."""
        if unit == "percent" and self.max_error_rise is not None:
            return "max_error_rise", self.max_error_rise
        return "max_accuracy_drop", self.max_accuracy_drop

    @property
    def stated(self) -> dict[str, Any]:
        """The limits that are there, by name; those of single targets left out."""
        return self.model_dump(exclude_none=True, include=set(TargetLimits.model_fields))


class Limits(TargetLimits):
    """Limits that a run has to keep; `targets` holds others for single targets, by their very names."""

    targets: dict[str, TargetLimits] | None = Field(None, description="limits of single targets, before the general")

    def of_target(self, target: str) -> TargetLimits:
        """What the rows of a target are judged by: its own limits, and the general ones where it has none."""
        own = (self.targets or {}).get(target, TargetLimits())
        return TargetLimits(**_merged(self.stated, own.stated))

    def overridden_by(self, other: Limits) -> Limits:
        """These limits, each replaced by the other's where the other states one.

        Who states a drop alone means it for errors too: a recipe's `max_error_rise` must not judge in its place.
        Who states a limit for all targets means all: those that single targets had before fall.
        """
        before = {name: _without(limits.stated, other.stated) for name, limits in (self.targets or {}).items()}
        stated = {name: limits.stated for name, limits in (other.targets or {}).items()}
        targets = {name: _merged(before.get(name, {}), stated.get(name, {})) for name in (*before, *stated)}
        kept = {name: limits for name, limits in targets.items() if limits}
        return Limits(**_merged(self.stated, other.stated), targets=kept or None)  # type: ignore[arg-type]


def _merged(own: dict[str, Any], stated: dict[str, Any]) -> dict[str, Any]:
    return _without(own, stated) | stated


def _without(own: dict[str, Any], stated: dict[str, Any]) -> dict[str, Any]:
    replaced = {*stated, *(_OF_DROP if "max_accuracy_drop" in stated else ())}
    return {name: value for name, value in own.items() if name not in replaced}
