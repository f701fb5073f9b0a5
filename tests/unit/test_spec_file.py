"""What a user says of the data: a place, a YAML file, settings - or all mistakes at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compressor.data.spec import DataSpec
from compressor.data.spec_file import load_spec
from compressor.errors import BadInput


def test_a_place_alone_is_a_spec() -> None:
    assert load_spec("a.npz") == DataSpec(source="a.npz")


SETTINGS: dict[str, tuple[str, Any]] = {
    "whole": ("divide=255", 255.0),
    "exponent": ("divide=1e-3", 0.001),
    "list": ("subtract=[123.7, 116.3, 103.5]", [123.7, 116.3, 103.5]),
    "size": ("size=[224, 160]", (224, 160)),
    "word": ("overlap=drop", "drop"),
    "dash": ("evaluation-share=0.5", 0.5),
    "switch": ("lowercase=false", False),
    "equals sign": ("target=a=b", "a=b"),
    "number of a column": ("target=-1", -1),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_a_setting_is_read_as_yaml(case: str) -> None:
    pair, value = SETTINGS[case]
    assert getattr(load_spec("a.npz", [pair]), pair.partition("=")[0].replace("-", "_")) == value


def test_settings_may_be_a_mapping() -> None:
    assert load_spec("a.npz", {"divide": 255, "size": [8, 9]}) == DataSpec(source="a.npz", divide=255, size=(8, 9))


def test_settings_go_before_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("source: a.npz\ndivide: 2\nsubtract: 1\n")
    found = load_spec(str(tmp_path / "data.yaml"), ["divide=255"])
    assert (found.divide, found.subtract) == (255, 1)


PLACES = {
    "a.npz": "{folder}/a.npz",
    "images": "{folder}/images",
    "sub/more": "{folder}/sub/more",
    "/data/a.npz": "/data/a.npz",
    "digits_cnn": "digits_cnn",
    "package.module:function": "package.module:function",
}


@pytest.mark.parametrize("source", PLACES)
def test_relative_paths_are_relative_to_the_file(source: str, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "data.yaml").write_text(f"source: {source}\nvocabulary: words.txt\n")
    found = load_spec(str(tmp_path / "data.yaml"))
    assert found.source == PLACES[source].format(folder=tmp_path)
    assert found.vocabulary == f"{tmp_path}/words.txt"


def test_all_mistakes_are_told_at_once() -> None:
    pairs = ["divide=0", "dived=2", "size", "size=big", "evaluation_share=2", "subtract=[1, x]", "color: [", "color=["]
    with pytest.raises(BadInput) as caught:
        load_spec("a.npz", [*pairs, "source=b.npz", "overlap=drop", "overlap=drop"])
    told = str(caught.value)
    for sentence in (
        "divide: must not be 0",
        "dived: is not known here; did you mean 'divide'?",
        "size: must be KEY=VALUE",
        "size: must be a",
        "evaluation_share: must be less than 1",
        "subtract",
        "color: while parsing",
        "source: is given by --data",
        "overlap: is given twice",
    ):
        assert f"\n  {sentence}" in told
    assert "Traceback" not in told


FILES = {
    "no mapping": ("[1, 2]", "is not a data spec"),
    "empty": ("", "an empty file"),
    "no source": ("divide: 2", "source: is required"),
    "a key twice": ("source: a\nsource: b", "source is given twice"),
    "code": ("source: !!python/name:os.system", "is not a YAML file"),
    "infinite": ("source: a\ndivide: .inf", "divide"),
    "nothing to divide by": ("source: a\ndivide: []", "divide: must hold a number"),
    "wrong words": ("source: a\nresize: squash", "resize: must be 'stretch', 'crop' or 'pad'"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_no_spec_is_bad_input(case: str, tmp_path: Path) -> None:
    content, told = FILES[case]
    (tmp_path / "data.yaml").write_text(content)
    with pytest.raises(BadInput, match=told):
        load_spec(str(tmp_path / "data.yaml"))


def test_a_file_that_is_not_there_is_bad_input() -> None:
    with pytest.raises(BadInput, match=r"cannot read the data spec absent\.yaml"):
        load_spec("absent.yaml")


def test_the_sum_of_a_spec_is_of_what_is_done_and_not_of_where() -> None:
    assert load_spec("a.npz").sha256 == load_spec("b.npz").sha256
    assert load_spec("a.npz", ["divide=2"]).sha256 != load_spec("a.npz").sha256
    here, there, other = (load_spec("a.txt", [f"vocabulary={path}"]).sha256 for path in ("v.txt", "b/v.txt", "w.txt"))
    assert here == there != other
