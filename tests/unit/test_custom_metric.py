"""A metric of the user's own: trusted or refused, and held to one finite number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compressor import metrics
from compressor.errors import BadInput

LABELS, OUTPUTS = np.array([0, 1, 1]), np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a module with a function `judge` into the current folder; gives the function's address."""
    monkeypatch.chdir(tmp_path)
    # The folder's name is that of one test alone: no module is found twice.
    name = f"own_{tmp_path.name}"

    def write(body: str, after: str = "") -> str:
        (tmp_path / f"{name}.py").write_text(f"def judge(labels, outputs):\n    {body}\n{after}\n")
        return f"{name}:judge"

    return write


def test_a_function_is_a_metric(write: Write) -> None:
    metric = metrics.load(write("return (outputs.argmax(-1) == labels).mean()"), trusted=True)
    assert metric.value(LABELS, OUTPUTS) == pytest.approx(2 / 3)
    assert (metric.unit, metric.higher_is_better, metric.order) == ("percent", True, None)
    assert metric.drop(0.4, 0.5) == pytest.approx(20.0)


def test_its_attributes_say_unit_and_direction(write: Write) -> None:
    metric = metrics.load(write("return 1", "judge.unit = 'dB'\njudge.higher_is_better = False"), trusted=True)
    assert metric.drop(4.0, 3.0) == 1.0


@pytest.mark.parametrize("attribute", ["unit = 'parts'", "unit = 7", "unit = []", "higher_is_better = 'yes'"])
def test_a_wrong_attribute_is_refused(attribute: str, write: Write) -> None:
    with pytest.raises(BadInput, match=f"judge.{attribute.split()[0]} is wrong"):
        metrics.load(write("return 1", f"judge.{attribute}"), trusted=True)


def test_code_is_not_run_unasked(write: Write, tmp_path: Path) -> None:
    address = write("return 1", "open('was_here', 'w').close()")
    with pytest.raises(BadInput, match="--trust"):
        metrics.load(address)
    assert not (tmp_path / "was_here").exists()


def test_what_is_no_function_is_refused(write: Write) -> None:
    address = write("return 1", "judge = 0.5")
    with pytest.raises(BadInput, match="is no function"):
        metrics.load(address, trusted=True)


@pytest.mark.parametrize(
    "answer", ["None", "'0.5'", "float('nan')", "float('inf')", "outputs", "[0.5]", "1j", "True", "object()"]
)
def test_what_is_not_one_finite_number_is_refused(answer: str, write: Write) -> None:
    metric = metrics.load(write(f"return {answer}"), trusted=True)
    with pytest.raises(BadInput, match="judge answers no number"):
        metric.value(LABELS, OUTPUTS)


@pytest.mark.parametrize("answer", ["7", "0.5", "labels[1]", "outputs.mean()", "outputs.sum().astype('float32')"])
def test_any_kind_of_number_is_taken(answer: str, write: Write) -> None:
    found = metrics.load(write(f"return {answer}"), trusted=True).value(LABELS, OUTPUTS)
    assert type(found) is float


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("raise KeyError('where')", "KeyError: 'where'"),
        ("return 1 / 0", "ZeroDivisionError"),
        ("exit(0)", "SystemExit"),
    ],
)
def test_a_function_that_fails_is_named_with_its_exception(body: str, named: str, write: Write) -> None:
    metric = metrics.load(write(body), trusted=True)
    with pytest.raises(BadInput, match=f"judge failed: {named}"):
        metric.value(LABELS, OUTPUTS)


def test_a_function_can_spoil_neither_the_arrays_nor_standard_output(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    own = write("print('hello'); outputs[:] = 0; labels[:] = 0; return 1", "print('here')")
    metric = metrics.load(own, trusted=True)
    before = OUTPUTS.copy(), LABELS.copy()
    metric.value(LABELS, OUTPUTS)
    assert np.array_equal(OUTPUTS, before[0])
    assert np.array_equal(LABELS, before[1])
    assert capsys.readouterr() == ("", "here\nhello\n")


def test_it_is_chosen_by_name_when_there_are_labels(write: Write) -> None:
    address = write("return 1")
    assert metrics.named(address, LABELS, OUTPUTS, trusted=True) == metrics.Choice(address, "named by the user")
    with pytest.raises(BadInput, match="needs labels"):
        metrics.named(address, None, OUTPUTS, trusted=True)
    with pytest.raises(BadInput, match="--trust"):
        metrics.named(address, LABELS, OUTPUTS)


@pytest.mark.parametrize(("scale", "same"), [(1.0, True), (9.0, False)], ids=["classes", "values"])
def test_answers_agree_as_the_outputs_look(scale: float, same: bool, write: Write) -> None:
    reference: Any = np.array([[0.6, 0.4], [0.1, 0.9]]) * scale
    outputs = reference + np.array([-0.05, 0.05]) * scale
    assert metrics.load(write("return 1"), trusted=True).same(outputs, reference).all() == same
