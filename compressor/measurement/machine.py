"""The machine that numbers are measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
# What Linux calls instructions that multiply and add bytes in one go (arch/x86/include/asm/cpufeatures.h,
# Documentation/arch/arm64/elf_hwcaps.rst).
_BYTE_PRODUCTS = {"avx512_vnni": "AVX-512 VNNI", "avx_vnni": "AVX-VNNI", "asimddp": "dot products", "i8mm": "I8MM"}


def host() -> str:
    """The machine a number was measured on: architecture, system, processor, cores in reach."""
    return f"{platform.machine()} {platform.system()}, {_processor()}, {cores()} cores"


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def byte_products() -> tuple[str, ...] | None:
    """Instructions for products of bytes that the processor has; None where the system does not tell."""
    for key in ("flags", "Features"):
        flags = _told(key)
        if flags is not None:
            return tuple(name for flag, name in _BYTE_PRODUCTS.items() if flag in flags.split())
    return None


def _processor() -> str:
    return " ".join((_told("model name") or platform.processor() or "unknown processor").split())


def _told(key: str) -> str | None:
    """What the system says of the first processor."""
    try:
        for line in _CPUINFO.read_text().splitlines():
            if line.partition(":")[0].strip() == key:
                return line.partition(":")[2]
    except OSError:
        pass
    return None
