"""Limits that a run has to keep: part of a recipe, of a report, and of the command line."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """Limits that a run has to keep; a limit that is absent is not judged."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    max_accuracy_drop: float | None = Field(
        None, description="points (shares) or dB (PSNR); percent of errors as well where max_error_rise is absent"
    )
    max_error_rise: float | None = Field(None, description="percent (errors: MSE, MAE, perplexity)")
    min_agreement: float | None = Field(None, ge=0, le=1, description="share of equal answers, 0 to 1")
    max_size_ratio: float | None = Field(None, gt=0, description="compressed bytes / float32 bytes")
    max_latency_ratio: float | None = Field(None, gt=0, description="compressed p50 / float32 p50")

    def of_drop(self, unit: str | None) -> tuple[str, float | None]:
        """Name and value of the limit that a drop in `unit` is judged by."""
        if unit == "percent" and self.max_error_rise is not None:
            return "max_error_rise", self.max_error_rise
        return "max_accuracy_drop", self.max_accuracy_drop

    def overridden_by(self, other: Limits) -> Limits:
        """These limits, each replaced by the other's where the other states one.

        Who states a drop alone means it for errors too: a recipe's `max_error_rise` must not judge in its place.
        """
        stated = other.model_dump(exclude_none=True)
        own = self.model_dump(exclude_none=True)
        if "max_accuracy_drop" in stated:
            own.pop("max_error_rise", None)
        return Limits(**own | stated)
