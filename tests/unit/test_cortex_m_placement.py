"""`inspect` for a Cortex-M: on the core, or not at all."""

from __future__ import annotations

from tflite_files import TfliteFile, float_lstm_with_int8_weights, relu_chain

from compressor import names, placement
from compressor.tflite_view import parse


def placed(content: bytes) -> list[tuple[str, str]]:
    (target,) = names.load_targets(["cortex_m4"])
    found = placement.load(target.placement).place(parse(content), target)
    return [(each.where, each.reason) for each in found.decisions]


def test_known_operators_run_on_the_core() -> None:
    assert placed(relu_chain(4, 4, 4)) == [("cpu", "TensorFlow Lite Micro has a kernel for it")] * 2


def test_others_do_not_run_at_all() -> None:
    made = TfliteFile()
    x, y = made.tensor("x", 1, 4), made.tensor("y", 1, 4)
    made.operator("MyOwn", [x], [y])
    assert placed(made.content([x], [y])) == [("unsupported", "TFLM has no kernel for it")]


def test_a_float_lstm_with_int8_weights_does_not_run() -> None:
    ((where, reason),) = placed(float_lstm_with_int8_weights())
    assert where == "unsupported"
    assert "hybrid" in reason
