"""`compressor report`: the page of a run that was made earlier."""

from __future__ import annotations

from pathlib import Path

import click

from compressor.options import debug_option, json_option, print_json


@click.command(name="report")
@click.argument("run", type=click.Path())
@click.option("--out", type=click.Path(), help="The page to write; default is report.html beside report.json.")
@click.option("--open", "opened", is_flag=True, help="Show it in the browser.")
@json_option
@debug_option
def COMMAND(run: str, out: str | None, opened: bool, as_json: bool, debug: bool) -> int:
    """Make a page of RUN, a run folder or its report.json: one HTML file that needs no network.

    Prints the path of the page. Needs the packages of `pip install 'compressor[report]'`.

    \b
    Example:
      compressor report runs/digits_cnn-int8 --open
    """
    from compressor.verbs import report as report_verb

    path = report_verb.write_page(Path(run), Path(out) if out else None)
    if opened:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
    if as_json:
        print_json({"page": str(path)})
    else:
        click.echo(path)
    return 0
