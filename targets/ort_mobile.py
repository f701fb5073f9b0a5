"""ONNX Runtime in minimal builds: phones and small ARM boards, with the operators of one model alone."""

from compressor.target import Device, Fact, Route, Target
from compressor.values import Precision

_BUILDS = "https://onnxruntime.ai/docs/build/custom.html"
_ORT = "https://onnxruntime.ai/docs/performance/model-optimizations/ort-format-models.html"

TARGET = Target(
    name="ort_mobile",
    summary="phones and small ARM boards: ONNX Runtime in a minimal build, ORT format",
    routes=(Route("ort", tuple(Precision), "onnxruntime"),),
    device=Device(
        runtime="onnxruntime on the device",
        reason="no phone here; the bundle has the model and required_operators.config, with which ONNX Runtime is "
        "built small enough for an app, as its README says",
    ),
    sources=(_ORT, _BUILDS),
    facts={
        "number_formats": Fact(("float32", "float16", "int8", "uint8"), _ORT),
        "optimized_for": Fact("arm, fixed: not for NNAPI or CoreML, which compile parts themselves", _ORT),
    },
    placement="cpu",
)
