"""Raspberry Pi 4 and 5 (64-bit OS): LiteRT with XNNPACK on Cortex-A cores."""

from compressor.target import Device, Fact, Route, Target, Variant
from compressor.values import Precision

_PROCESSORS = "https://www.raspberrypi.com/documentation/computers/processors.html"
_QEMU = "https://www.qemu.org/docs/master/system/arm/virt.html"
_A72 = "https://developer.arm.com/Processors/Cortex-A72"
_A76 = "https://developer.arm.com/Processors/Cortex-A76"

TARGET = Target(
    name="raspberry_pi",
    summary="Raspberry Pi 4/5, 64-bit: LiteRT with XNNPACK",
    routes=(Route("tflite", tuple(Precision), "litert"),),
    device=Device(
        runtime="litert on the board",
        reason="no board here; install this package there (no TensorFlow needed), and run "
        "`compressor measure FILE --data data.npz --host user@board`: latency counts only from the board itself",
    ),
    sources=("https://ai.google.dev/edge/litert/microcontrollers/python",),
    facts={
        "number_formats": Fact(("float32", "float16", "int8", "uint8", "int16"), "https://ai.google.dev/edge/litert"),
        "os": Fact(
            "64-bit only: LiteRT and ONNX Runtime have no 32-bit ARM wheels", "https://pypi.org/project/ai-edge-litert/"
        ),
        "also_reads": Fact(".onnx", "https://pypi.org/project/onnxruntime/"),
        "qemu_cpu": Fact(("cortex-a72", "cortex-a76"), _QEMU),
    },
    variants=(
        Variant(
            name="raspberry_pi4",
            summary="Raspberry Pi 4: four Cortex-A72 without int8 dot product",
            facts={
                "cpu": Fact("BCM2711, four Cortex-A72", _PROCESSORS),
                "instruction_set": Fact("armv8.0-a: no dot product, no float16 arithmetic", _A72, confirmed=False),
                "qemu_cpu": Fact("cortex-a72", _QEMU),
            },
        ),
        Variant(
            name="raspberry_pi5",
            summary="Raspberry Pi 5: four Cortex-A76 with int8 dot product and float16 arithmetic",
            facts={
                "cpu": Fact("BCM2712, four Cortex-A76", _PROCESSORS),
                "instruction_set": Fact("armv8.2-a: dot product, float16 arithmetic; no i8mm", _A76, confirmed=False),
                "qemu_cpu": Fact("cortex-a76", _QEMU),
            },
        ),
    ),
    placement="cpu",
)
