"""The ARM cores that are emulated, and the `/proc/cpuinfo` that goes with each."""

from __future__ import annotations

from dataclasses import dataclass

_V8_0 = "fp asimd aes pmull sha1 sha2 crc32 cpuid"
_V8_2 = f"{_V8_0} atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp ssbs"


@dataclass(frozen=True, slots=True)
class Cpu:
    """A core as QEMU names it.

    Attributes:
        implementer, part, revision: of its main ID register (MIDR_EL1), as Linux prints them.
        features: words of Linux for what it has.
    """

    summary: str
    implementer: int
    part: int
    revision: int
    features: str

    def cpuinfo(self, cores: int) -> str:
        """What Linux would say of so many of these cores."""
        return "".join(
            f"processor\t: {number}\nBogoMIPS\t: 100.00\nFeatures\t: {self.features}\n"
            f"CPU implementer\t: {self.implementer:#04x}\nCPU architecture: 8\nCPU variant\t: 0x0\n"
            f"CPU part\t: {self.part:#05x}\nCPU revision\t: {self.revision}\n\n"
            for number in range(cores)
        )


# Part numbers: Arm's technical reference manuals, MIDR_EL1; `max` is QEMU's own.
CPUS = {
    "cortex-a53": Cpu("armv8.0-a, small core", 0x41, 0xD03, 4, _V8_0),
    "cortex-a72": Cpu("armv8.0-a: Raspberry Pi 4", 0x41, 0xD08, 3, _V8_0),
    "cortex-a76": Cpu("armv8.2-a with dot product and float16: Raspberry Pi 5", 0x41, 0xD0B, 1, _V8_2),
    "neoverse-n1": Cpu("armv8.2-a with dot product and float16: servers", 0x41, 0xD0C, 1, _V8_2),
    "max": Cpu("everything that QEMU knows, i8mm and SVE among it", 0x00, 0x051, 0, f"{_V8_2} i8mm bf16 sve sve2"),
}
