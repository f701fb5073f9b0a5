"""`compressor pack`: a model file in fewer bytes."""

from __future__ import annotations

import click

from compressor.options import debug_option, json_option, print_json


@click.command(name="pack")
@click.argument("file", type=click.Path())
@click.option("--out", type=click.Path(), metavar="PATH", help="Default is FILE with .cpk behind its name.")
@json_option
@debug_option
def COMMAND(file: str, out: str | None, as_json: bool, debug: bool) -> int:
    """Write FILE in fewer bytes, to be stored or sent; `compressor unpack` brings back the same bytes.

    The weights of a .tflite file are entropy coded, so that zeros and repeated values cost next to nothing. Every other
    file is compressed as any file is.

    \b
    Example:
      compressor pack model_int8.tflite
      compressor unpack model_int8.tflite.cpk --out again.tflite
    """
    from pathlib import Path

    from compressor.packing.files import pack_file

    done = pack_file(Path(file), Path(out) if out else None)
    if as_json:
        print_json(done.as_dict())
    else:
        share = done.written / max(done.bytes, 1)
        click.echo(f"{done.path}: {done.written:,} bytes, {share:.1%} of the {done.bytes:,} of {done.source}")
    return 0
