"""How much worse than an earlier run a new one may be."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RegressionLimits(BaseModel):
    """Each limit is the most that may be lost against the earlier run."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    max_size_growth: float = Field(1.0, ge=0, description="percent, of raw, deflated and packed bytes")
    max_accuracy_fall: float = Field(0.2, ge=0, description="points, of metrics that are shares")
    max_error_growth: float = Field(1.0, ge=0, description="percent, of metrics that are errors")
    max_db_fall: float = Field(0.5, ge=0, description="dB, of metrics in dB")
    max_agreement_fall: float = Field(0.5, ge=0, description="points, of equal answers")
    max_latency_growth: float = Field(10.0, ge=0, description="percent, of compressed / float32, beyond noise")
    max_memory_growth: float = Field(5.0, ge=0, description="percent")
    max_accelerated_share_fall: float = Field(0.0, ge=0, description="points, of multiply-accumulates")

    def of_metric(self, unit: str) -> tuple[str, float]:
        """Name and value of the limit of a metric whose drop is in `unit` ("points", "percent", "dB")."""
        name = {"percent": "max_error_growth", "dB": "max_db_fall"}.get(unit, "max_accuracy_fall")
        return name, float(getattr(self, name))
