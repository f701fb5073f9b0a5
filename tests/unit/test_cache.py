"""The cache folder is the same wherever a program works."""

from __future__ import annotations

from pathlib import Path

import pytest

from compressor import cache


@pytest.mark.parametrize(("variable", "below"), [("COMPRESSOR_CACHE", ""), ("XDG_CACHE_HOME", "compressor")])
def test_a_relative_folder_is_told_absolutely(
    variable: str, below: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COMPRESSOR_CACHE", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for given, meant in (("kept", tmp_path / "kept"), ("~/kept", tmp_path / "home" / "kept"), ("/kept", Path("/kept"))):
        monkeypatch.setenv(variable, given)
        assert cache.folder("emulator") == meant / below / "emulator"


def test_without_settings_it_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMPRESSOR_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.folder("x") == tmp_path / ".cache" / "compressor" / "x"
