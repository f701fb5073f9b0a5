"""`compressor unpack`: the file that was packed, byte by byte."""

from __future__ import annotations

import click

from compressor.options import debug_option, json_option, print_json


@click.command(name="unpack")
@click.argument("file", type=click.Path())
@click.option("--out", type=click.Path(), metavar="PATH", help="Default is FILE without .cpk.")
@json_option
@debug_option
def COMMAND(file: str, out: str | None, as_json: bool, debug: bool) -> int:
    """Write the file that `compressor pack` packed into FILE: the same bytes, checked by their SHA-256.

    \b
    Example:
      compressor unpack model_int8.tflite.cpk
    """
    from pathlib import Path

    from compressor.packing.files import unpack_file

    done = unpack_file(Path(file), Path(out) if out else None)
    if as_json:
        print_json(done.as_dict())
    else:
        click.echo(f"{done.path}: {done.written:,} bytes, from {done.bytes:,} of {done.source}")
    return 0
