"""A pytest plugin: a project's own tests assert on a run of compressor.

`pytest --compressor-run runs/digits_cnn-int8` gives the fixture `compressor_report`. It is loaded by every pytest that
finds this package, so that nothing is imported before a test asks for the fixture.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from compressor.asserted_report import AssertedReport

_OPTION, _INI = "--compressor-run", "compressor_run"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option, and the same as a setting."""
    told = "run folder or report.json for the fixture compressor_report"
    parser.getgroup("compressor").addoption(_OPTION, metavar="PATH", help=told)
    parser.addini(_INI, f"{told}; a relative path starts at the folder of this file")


@pytest.fixture(scope="session")
def compressor_report(pytestconfig: pytest.Config) -> AssertedReport:
    """The report that --compressor-run names; without it, tests that ask for it are skipped."""
    named = _named(pytestconfig)
    if named is None:
        pytest.skip(f"needs a run of compressor: give {_OPTION} PATH, or set {_INI} in the settings of pytest")
    from compressor.asserted_report import AssertedReport
    from compressor.errors import BadInput
    from compressor.report import schema

    try:
        return AssertedReport(schema.read(named))
    except BadInput as error:
        pytest.fail(str(error), pytrace=False)


def _named(config: pytest.Config) -> Path | None:
    given: str | None = config.getoption(_OPTION)
    if given:
        return config.invocation_params.dir / given
    setting = str(config.getini(_INI) or "")
    if not setting:
        return None
    # The folder of the settings, which are there, since one of them was read.
    return (config.inipath.parent if config.inipath else config.rootpath) / setting
