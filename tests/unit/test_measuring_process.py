"""What is asked of a measuring process on another processor, and what is made of its end."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from compressor.errors import BadInput, MissingTool, StageFailed
from compressor.measuring_process import Asked, answer, taken_along

JSON = '{"runtime": "litert", "host": "h", "samples": 2, "metric": null}'


def ended(code: int, out: str = "", err: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], code, out, err)


def test_every_setting_becomes_a_word() -> None:
    asked = Asked(
        *(Path("m.onnx"), "d.npz", ("divide=255", "size=[1, 2]"), True, "onnxruntime", "accuracy", "y", Path("o.npz")),
        samples=5,
        threads=4,
        timeout=60,
    )
    told = " ".join(asked.words(timed=False))
    assert told.startswith("--data d.npz --json --threads 4 --timeout 60 ")
    assert "--preprocess divide=255 --preprocess size=[1, 2] --runtime onnxruntime --metric accuracy" in told
    assert told.endswith("--judged y --outputs o.npz --samples 5 --trust --no-latency -- m.onnx")
    assert Asked(Path("m"), "d").words(timed=True) == (
        *("--data", "d", "--json", "--threads", "1", "--timeout", "1800.0"),
        *("--", "m"),
    )


def test_the_other_file_is_asked_for_only_where_latency_is() -> None:
    asked = Asked(Path("m"), "d", against=Path("f"), against_runtime="litert")
    assert " ".join(asked.words(timed=True)).endswith("--against f --against-runtime litert -- m")
    assert "--against" not in asked.words(timed=False)
    there = asked.on_board("artifact/m", "data.yaml", "", "against/f")
    assert " ".join(there.words(timed=True)).endswith("--against against/f --against-runtime litert -- artifact/m")


@pytest.mark.parametrize(("code", "kind"), [(1, StageFailed), (2, BadInput), (3, MissingTool)])
def test_an_exit_code_keeps_its_meaning_and_its_words(code: int, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        answer("measuring", ended(code, "", "… evaluate\nINFO: x\nerror: cannot do\n  received: an error: here\n"))
    assert type(caught.value) is kind
    assert str(caught.value) == "measuring: cannot do\n  received: an error: here"


@pytest.mark.parametrize(
    ("done", "told"),
    [
        (ended(7, "", "Illegal\ninstruction"), "measuring ended with exit code 7: Illegal instruction"),
        (ended(1, "", "Traceback"), "measuring ended with exit code 1: Traceback"),
        (ended(0, "hello"), "measuring answered garbage\n  received: 'hello'"),
        (ended(0, "[1]"), "measuring answered garbage"),
        (ended(0, '{"host": "h"}'), "measuring answered garbage"),
    ],
)
def test_anything_else_is_a_failure(done: subprocess.CompletedProcess[str], told: str) -> None:
    with pytest.raises(StageFailed) as caught:
        answer("measuring", done)
    assert str(caught.value).startswith(told)


def test_an_answer_is_taken_as_it_is() -> None:
    assert answer("measuring", ended(0, JSON))["samples"] == 2


def test_only_files_can_be_taken_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").touch()
    (tmp_path / "d.npz").touch()
    (tmp_path / "d.yaml").write_text("source: d.npz\ndivide: 2.0\n")
    for data in ("d.npz", "d.yaml"):
        assert taken_along(Asked(tmp_path / "m.onnx", str(tmp_path / data))).source == str(tmp_path / "d.npz")
    assert taken_along(Asked(tmp_path / "m.onnx", str(tmp_path / "d.yaml"), ("subtract=1.0",))).divide == 2
    with pytest.raises(BadInput, match="there is no data file digits_cnn"):
        taken_along(Asked(tmp_path / "m.onnx", "digits_cnn"))
    with pytest.raises(BadInput, match="there is no artifact"):
        taken_along(Asked(tmp_path / "n.onnx", str(tmp_path / "d.npz")))
