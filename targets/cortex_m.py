"""Microcontrollers with Cortex-M cores: TensorFlow Lite Micro, the model as a C array in flash."""

from compressor.target import Device, Fact, Route, Target, Variant
from compressor.values import Precision

_TFLM = "https://github.com/tensorflow/tflite-micro"
_RM0090 = "https://www.st.com/resource/en/reference_manual/dm00031020.pdf"
_RM0433 = "https://www.st.com/resource/en/reference_manual/dm00314099.pdf"
_AN547 = "https://developer.arm.com/documentation/dai0547/latest/"
_GCC = "https://gcc.gnu.org/onlinedocs/gcc/ARM-Options.html"
_KIB, _MIB = 1 << 10, 1 << 20

TARGET = Target(
    name="cortex_m",
    summary="Cortex-M microcontrollers: TensorFlow Lite Micro, model as a C array, with a CMake project",
    # The reference kernels of TFLM and of LiteRT are the same arithmetic.
    routes=(Route("tflm", (Precision.FLOAT32, Precision.INT8, Precision.INT16X8), "litert_reference"),),
    device=Device(
        runtime="tflm",
        reason="no board here; build the project in `bundles` as its README says, flash it and read its self-test",
    ),
    refusals={
        Precision.FLOAT16: "TensorFlow Lite Micro has no float16; use int8, int16x8 or float32",
        Precision.DYNAMIC_INT8: "TensorFlow Lite Micro computes int8 weights with integer activations only; use int8",
    },
    sources=(_TFLM,),
    facts={
        "number_formats": Fact(("int8", "int16 activations with int8 weights", "float32"), _TFLM),
        "kernels": Fact("reference kernels; CMSIS-NN was not run, so no word on its speed", _TFLM),
    },
    variants=(
        Variant(
            name="cortex_m4",
            summary="Cortex-M4F: STM32F407, 1 MiB of flash, 192 KiB of RAM, 128 KiB of it in one piece",
            facts={
                "board": Fact("STM32F407", _RM0090),
                "flash_bytes": Fact(1 * _MIB, _RM0090),
                "ram_bytes": Fact(192 * _KIB, _RM0090),
                "ram_block_bytes": Fact(128 * _KIB, _RM0090),
                "compiler_flags": Fact("-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16", _GCC),
            },
        ),
        Variant(
            name="cortex_m7",
            summary="Cortex-M7: STM32H743, 2 MiB of flash, 1 MiB of RAM, 512 KiB of it in one piece",
            facts={
                "board": Fact("STM32H743", _RM0433),
                "flash_bytes": Fact(2 * _MIB, _RM0433),
                "ram_bytes": Fact(1 * _MIB, _RM0433),
                "ram_block_bytes": Fact(512 * _KIB, _RM0433),
                "compiler_flags": Fact("-mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16", _GCC),
            },
        ),
        Variant(
            name="cortex_m55",
            summary="Cortex-M55: Corstone-300 on the MPS3 board (AN547), 8 MiB of flash, 2 MiB of RAM",
            facts={
                "board": Fact("MPS3 with AN547 (Corstone-300)", _AN547),
                "flash_bytes": Fact(8 * _MIB, _AN547, confirmed=False),
                "ram_bytes": Fact(2 * _MIB, _AN547, confirmed=False),
                "ram_block_bytes": Fact(2 * _MIB, _AN547, confirmed=False),
                "compiler_flags": Fact("-mcpu=cortex-m55 -mthumb -mfloat-abi=hard", _GCC),
            },
        ),
    ),
    placement="cortex_m",
)
