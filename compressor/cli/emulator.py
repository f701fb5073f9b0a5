"""`compressor emulator`: ARM cores on this machine, for `--emulate`."""

from __future__ import annotations

from typing import Any

import click

from compressor.options import debug_option, json_option, print_json


@click.group(name="emulator")
def COMMAND() -> None:
    """Set up ARM cores on this machine, on which `--emulate` runs files.

    A Debian system for aarch64 and the aarch64 wheels of the runtimes go into the cache folder; QEMU runs them. It
    takes Debian or a container of it, qemu-user-static, and no superuser.

    \b
    Example:
      apt-get install qemu-user-static
      compressor emulator install
      compressor measure model_int8.tflite --data data.npz --emulate cortex-a72
    """


@COMMAND.command(name="install")
@json_option
@debug_option
def install(as_json: bool, debug: bool) -> None:
    """Download, check and unpack; at once where it is there already. 90 MB are fetched, 300 MB kept.

    \b
    Example:
      compressor emulator install
    """
    from compressor import progress
    from compressor.emulator import install as setting_up

    with progress.bar() as listener:
        setting_up.install(listener)
    _show(_status(), as_json)


@COMMAND.command(name="status")
@json_option
@debug_option
def status(as_json: bool, debug: bool) -> int:
    """Say whether it is there, and what is in it; exit code 3 when it cannot be used.

    \b
    Example:
      compressor emulator status --json
    """
    found = _status()
    _show(found, as_json)
    return 0 if found["ready"] else 3


@COMMAND.command(name="remove")
@json_option
@debug_option
def remove(as_json: bool, debug: bool) -> None:
    """Remove it from the cache folder.

    \b
    Example:
      compressor emulator remove
    """
    from compressor.emulator import install as setting_up
    from compressor.emulator import place

    freed = setting_up.remove()
    if as_json:
        print_json({"folder": str(place()), "freed_bytes": freed})
    else:
        click.echo(f"{freed / 1e6:.0f} MB removed from {place()}" if freed else f"there was nothing in {place()}")


def _status() -> dict[str, Any]:
    from compressor import emulator
    from compressor.emulator.cpus import CPUS
    from compressor.emulator.install import size
    from compressor.errors import MissingTool

    found, lacking, version = emulator.find(), "", None
    try:
        version = emulator.qemu_version()
        emulator.require()
    except MissingTool as error:
        lacking = str(error)
    return {
        "ready": not lacking,
        "lacking": lacking or None,
        "folder": str(emulator.place()),
        "bytes": size(emulator.place()) if found else 0,
        "qemu": version,
        "python": found.python if found else None,
        "debian": found.manifest.get("debian") if found else None,
        "packages": found.manifest.get("packages", {}) if found else {},
        "wheels": found.manifest.get("wheels", {}) if found else {},
        "cpus": {name: cpu.summary for name, cpu in CPUS.items()},
    }


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    if not found["ready"]:
        click.echo(found["lacking"])
        return
    told = f"Python {found['python']} of Debian {found['debian']}, QEMU {found['qemu']}, {found['bytes'] / 1e6:.0f} MB"
    click.echo(f"ready in {found['folder']}: {told}")
    for name, summary in found["cpus"].items():
        click.echo(f"  {name:<14}{summary}")
