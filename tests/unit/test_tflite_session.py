"""What LiteRT says against a file it has opened is told as bad input, whichever call it comes from."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from compressor.errors import BadInput
from compressor.tflite_view.session import Kernels, TfliteSession

_END = {"name": "x", "index": 0, "shape": np.array([1, 2]), "dtype": np.float32, "quantization": (0.0, 0)}
_TOLD = "Input tensor 23\n lacks data"


class Interpreter:
    """Does nothing, or refuses one call."""

    refuses = ""

    def __init__(self, **_: Any) -> None:
        self.allocate_tensors()

    def get_input_details(self) -> list[dict[str, Any]]:
        return [_END]

    get_output_details = get_input_details

    def get_signature_list(self) -> dict[str, Any]:
        return {}

    def get_tensor(self, index: int) -> Any:
        self._refuse("get_tensor")
        return np.zeros((1, 2), np.float32)

    def _refuse(self, call: str) -> None:
        if self.refuses == call:
            raise RuntimeError(_TOLD)

    def allocate_tensors(self) -> None:
        self._refuse("allocate_tensors")

    def reset_all_variables(self) -> None:
        self._refuse("reset_all_variables")

    def set_tensor(self, index: int, value: Any) -> None:
        self._refuse("set_tensor")

    def invoke(self) -> None:
        self._refuse("invoke")


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Opens a file with an interpreter that refuses a call, and runs a sample."""
    module: Any = ModuleType("interpreter")
    module.Interpreter, module.OpResolverType = Interpreter, Enum("OpResolverType", "BUILTIN BUILTIN_REF")
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", module)
    (tmp_path / "m.tflite").write_bytes(b"")

    def run(call: str) -> dict[str, Any]:
        monkeypatch.setattr(Interpreter, "refuses", call)
        session = TfliteSession(tmp_path / "m.tflite", 1, Kernels.DEFAULT)
        session.load({"x": np.ones((1, 2), np.float32)})
        session.invoke()
        return session.results()

    return run


def test_a_file_that_runs_is_not_refused(refusing: Any) -> None:
    assert refusing("")["x"].tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("allocate_tensors", r"LiteRT cannot run .*m\.tflite"),
        ("reset_all_variables", "LiteRT cannot take a single sample"),
        ("set_tensor", "LiteRT cannot take a single sample"),
        ("invoke", "LiteRT cannot run the file on a single sample"),
        ("get_tensor", "LiteRT cannot tell the file's outputs"),
    ],
)
def test_a_refusal_is_bad_input_with_the_runtimes_words(call: str, told: str, refusing: Any) -> None:
    with pytest.raises(BadInput, match=rf"{told}\n  received: Input tensor 23 lacks data$"):
        refusing(call)
