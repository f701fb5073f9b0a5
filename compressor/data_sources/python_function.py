"""Data sets that a function of the user makes: for everything that no file format here covers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compressor import trusted_code
from compressor.data.columns import check_dtypes, column_of
from compressor.data.layout import Layout
from compressor.data.source_checks import only_settings
from compressor.data.spec import DataSpec
from compressor.data_sources import DataSource, Wanted
from compressor.errors import BadInput
from compressor.values import Dataset

_EXPECTED = "a mapping of arrays named as in an .npz, or (x, y), or ((x_train, y_train), (x_test, y_test))"
_KERAS_NAMES = ("x_train", "y_train", "x_test", "y_test")


def claims(source: str) -> bool:
    """True for `package.module:function`, unless a file is called that."""
    return trusted_code.is_address(source) and not Path(source).exists()


def look(spec: DataSpec, trains: bool, trusted: bool) -> None:
    """See that the code may be run; nothing is imported yet.

    Raises:
        BadInput: it may not, or a setting is for another kind of data.
    """
    only_settings(spec, ("classes",), "arrays from a function")
    trusted_code.check_trusted(spec.source, trusted)


def read(spec: DataSpec, wanted: Wanted) -> Dataset:
    """What the function returns, called without arguments; arrays that lie on disk are streamed from there.

    Raises:
        BadInput: the code may not be run, there is no such function, or it returns something else.
        StageFailed: it raises an error.
    """
    look(spec, wanted.trains, wanted.trusted)
    function = trusted_code.load(spec.source, wanted.trusted)
    if not callable(function):
        raise BadInput(f"{spec.source} is no function", received=type(function).__name__)
    with trusted_code.failures_told(spec.source), trusted_code.current_folder_importable():
        returned = function()
    columns = {}
    for name, value in _named(spec.source, returned).items():
        try:
            columns[name] = column_of(value)
        except (ValueError, TypeError):
            raise BadInput(
                f"{spec.source} returns no array for {name}", expected=_EXPECTED, received=type(value).__name__
            ) from None
    told = f"what {spec.source} returns"
    check_dtypes(told, {name: column.dtype for name, column in columns.items()})
    layout = Layout(told, columns)
    return layout.dataset(spec.source.rpartition(":")[2], spec, wanted.trains, wanted.only_evaluation)


def _named(source: str, returned: Any) -> dict[str, Any]:
    if isinstance(returned, Mapping) and all(isinstance(name, str) for name in returned):
        return dict(returned)
    if isinstance(returned, (tuple, list)) and len(returned) == 2:
        if all(isinstance(pair, tuple) and len(pair) == 2 for pair in returned):
            return dict(zip(_KERAS_NAMES, (*returned[0], *returned[1]), strict=True))
        return dict(zip("xy", returned, strict=True))
    raise BadInput(f"{source} returns no data set", expected=_EXPECTED, received=type(returned).__name__)


DATA_SOURCE = DataSource(
    summary="what a Python function of yours returns, run with --trust only",
    example="package.module:function",
    claims=claims,
    look=look,
    read=read,
)
