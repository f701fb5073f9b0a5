"""Whether a model fits the flash and RAM of a board."""

from __future__ import annotations

from dataclasses import dataclass

from compressor.target import Target
from compressor.tflm.arena import Arena, arena
from compressor.tflm.skeleton import MARGIN

# TFLM itself, the kernels of a usual network and start-up code; the stack of main. Estimates, as every message says.
_CODE, _STACK = 64 * 1024, 8 * 1024


@dataclass(frozen=True, slots=True)
class Need:
    """What a model asks of a board, in bytes.

    Attributes:
        model: the TFLite file, which stays in flash.
    """

    model: int
    arena: Arena

    @property
    def flash(self) -> int:
        """Model and code, estimated."""
        return self.model + _CODE

    @property
    def ram(self) -> int:
        """Arena with the program's margin, and stack, estimated."""
        return self.block + _STACK

    @property
    def block(self) -> int:
        """What the program keeps in one piece: the arena with its margin."""
        return self.arena.total + MARGIN


def need(content: bytes) -> Need:
    """What a `.tflite` file asks of a board.

    Raises:
        BadInput: tensors of a type that TFLM has no memory for.
    """
    return Need(len(content), arena(content))


def misfit(target: Target, wanted: Need) -> str | None:
    """Why a model does not fit a board, with all numbers; None when it does, or nothing is known of the board."""
    if "flash_bytes" not in target.facts or "ram_bytes" not in target.facts:
        return None
    flash, ram = int(target.number("flash_bytes")), int(target.number("ram_bytes"))
    # An arena is one piece of memory.
    block = int(target.number("ram_block_bytes")) if "ram_block_bytes" in target.facts else ram
    told = []
    if wanted.flash > flash:
        told.append(
            f"flash: about {wanted.flash} bytes needed (model {wanted.model}, code {_CODE} estimated), {flash} there"
        )
    if wanted.block > block or wanted.ram > ram:
        told.append(
            f"RAM: about {wanted.ram} bytes needed ({wanted.arena}; {MARGIN} to spare; stack {_STACK} estimated), "
            f"{ram} there, {block} of it in one piece"
        )
    if not told:
        return None
    advice = "a smaller model or input, int8, or a larger board"
    return f"the model does not fit {_board(target)}: {'; '.join(told)}\n  what to do: {advice}"


def _board(target: Target) -> str:
    return f"{target.name} ({target.facts['board'].value})" if "board" in target.facts else target.name
