"""YAML stays as small as it looks."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from compressor import recipe
from compressor.bounded_yaml import BoundedLoader, read_text
from compressor.errors import BadInput


def laughs(lines: int, width: int = 9) -> str:
    """Every line is a list of the line before, `width` times."""
    text = "l0: &l0 [ha]\n"
    return text + "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * width)}]\n" for i in range(1, lines))


def load(text: str) -> object:
    return yaml.load(text, BoundedLoader)


@pytest.mark.parametrize(
    "where", ["precision: *l29", "summary: *l29", "steps: *l29", "limits: *l29", "<<: *l29", "? *l29"]
)
def test_aliases_that_unfold_are_refused_at_once(where: str, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(laughs(30) + where)
    started = time.monotonic()
    with pytest.raises(BadInput, match="is not a YAML file: it stands for more than 10000 values"):
        recipe.load(tmp_path / "r.yaml")
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("text", ["&a [*a]", "a: &a {b: [*a]}", "&a {<<: *a}", "- &a [1, &b [*a, *b]]"])
def test_a_value_that_holds_itself_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match="a value holds itself"):
        load(text)


def test_aliases_as_people_use_them_are_read() -> None:
    assert load("a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}") == {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1, "y": 2}}
    assert len(load(laughs(4))) == 4  # type: ignore[arg-type]


def test_the_most_values_are_ten_thousand() -> None:
    assert len(load("[" + "1," * 9_998 + "1]")) == 9_999  # type: ignore[arg-type]
    with pytest.raises(yaml.YAMLError, match="more than 10000 values"):
        load("[" + "1," * 9_999 + "1]")


def test_a_file_larger_than_people_write_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").symlink_to("/dev/zero")
    with pytest.raises(ValueError, match="more than 262144 bytes"):
        read_text(tmp_path / "r.yaml")
