"""Arm Ethos-U, the NPU beside a Cortex-M or Cortex-A: full-integer TFLite, compiled by Arm's Vela."""

from compressor.target import Device, Fact, Facts, Route, Target, Variant
from compressor.values import Precision

_VELA = "https://pypi.org/project/ethos-u-vela/5.2.0/"
_OPTIONS = "https://gitlab.arm.com/artificial-intelligence/ethos-u/ethos-u-vela/-/blob/main/OPTIONS.md"
_INI = (
    "https://gitlab.arm.com/artificial-intelligence/ethos-u/ethos-u-vela/-/blob/main/ethosu/config_files/Arm/vela.ini"
)
_U55 = "https://developer.arm.com/Processors/Ethos-U55"
_U65 = "https://developer.arm.com/Processors/Ethos-U65"
_U85 = "https://developer.arm.com/Processors/Ethos-U85"
_GCC = "https://gcc.gnu.org/onlinedocs/gcc/ARM-Options.html"
_FLOAT = "the Ethos-U computes in integers only; use a recipe with precision int8 or int16x8"
_SMALL, _FAST = 500_000_000, 1_000_000_000


def _configured(config: str, system: str, memory: str, clock_hz: int) -> Facts:
    return {
        "accelerator_config": Fact(config, _OPTIONS),
        "system_config": Fact(system, _INI),
        "memory_mode": Fact(memory, _INI),
        "clock_hz": Fact(clock_hz, _INI),
    }


def _variant(config: str, page: str, system: str, memory: str, clock_hz: int) -> Variant:
    """`config` is Vela's name, and ends with the products that the unit makes in one cycle."""
    macs = int(config.rpartition("-")[2])
    return Variant(
        name=config.replace("ethos-", "ethos_", 1),
        summary=f"Arm {config.replace('ethos-u', 'Ethos-U')}: {macs} products a cycle; estimated for {system}",
        facts={
            **_configured(config, system, memory, clock_hz),
            "macs_per_cycle": Fact(macs, page),
        },
    )


def _u55(macs: int) -> Variant:
    return _variant(f"ethos-u55-{macs}", _U55, "Ethos_U55_High_End_Embedded", "Shared_Sram", _SMALL)


def _u65(macs: int) -> Variant:
    return _variant(f"ethos-u65-{macs}", _U65, "Ethos_U65_High_End", "Dedicated_Sram", _FAST)


def _u85(macs: int) -> Variant:
    return _variant(f"ethos-u85-{macs}", _U85, "Ethos_U85_SYS_DRAM_Mid", "Dedicated_Sram", _FAST)


TARGET = Target(
    name="ethos_u",
    summary="Arm Ethos-U NPU: integer TFLite compiled by Vela, as an Ethos-U55-128 where no unit is named",
    # The unit's integer arithmetic is that of the reference kernels, not of XNNPACK.
    routes=(Route("tflite", (Precision.INT8, Precision.INT16X8), "litert_reference", "litert", "ethos_u"),),
    device=Device(
        runtime="ethos_u",
        reason="no Ethos-U here; compile with Vela and run the result with TensorFlow Lite Micro and Arm's driver",
    ),
    refusals={
        Precision.FLOAT32: _FLOAT,
        Precision.FLOAT16: _FLOAT,
        Precision.DYNAMIC_INT8: "its activations stay float; use a recipe with precision int8",
    },
    sources=(_VELA, _OPTIONS),
    facts={
        "number_formats": Fact(("int8", "uint8", "int16 activations with int8 weights"), _VELA),
        "compiler": Fact("Vela 5.2.0 (ethos-u-vela), any host", _VELA),
        "compiler_flags": Fact("-mcpu=cortex-m55 -mthumb -mfloat-abi=hard", _GCC),
        **_configured("ethos-u55-128", "Ethos_U55_High_End_Embedded", "Shared_Sram", _SMALL),
    },
    variants=(
        *(_u55(macs) for macs in (32, 64, 128, 256)),
        *(_u65(macs) for macs in (256, 512)),
        *(_u85(macs) for macs in (128, 256, 512, 1024, 2048)),
    ),
    placement="ethos_u",
)
