"""Android through NCNN: Tencent's inference engine for phones, on their ARM cores."""

from compressor.target import Device, Fact, Route, Target
from compressor.values import Precision

_NCNN = "https://github.com/Tencent/ncnn"
_INT8 = "https://github.com/Tencent/ncnn/wiki/quantized-int8-inference"

TARGET = Target(
    name="android_ncnn",
    summary="Android phones and tablets: NCNN on the ARM cores",
    routes=(Route("ncnn", (Precision.FLOAT32, Precision.FLOAT16, Precision.INT8), "ncnn"),),
    device=Device(
        runtime="ncnn on the phone",
        reason="no phone here; `unzip FILE` gives model.param and model.bin, which go into the app's assets and are "
        "loaded with ncnn::Net (docs/devices/android_ncnn.md). By default a phone computes in float16, and its answers "
        "differ from these by about 1e-3",
    ),
    refusals={
        Precision.DYNAMIC_INT8: "NCNN's int8 takes the scales of activations from calibration; use int8",
        Precision.INT16X8: "NCNN has no int16 arithmetic; use int8 or float16",
    },
    sources=(_NCNN, _INT8, "https://github.com/pnnx/pnnx"),
    facts={
        "number_formats": Fact(("float32", "float16", "int8"), _NCNN),
        "int8_layers": Fact(("Convolution", "ConvolutionDepthWise", "InnerProduct"), _INT8),
        "qemu_cpu": Fact(("cortex-a72", "cortex-a76"), "https://www.qemu.org/docs/master/system/arm/virt.html"),
        "batch": Fact("one sample: NCNN's blobs have no batch dimension", _NCNN),
    },
    placement="cpu",
)
