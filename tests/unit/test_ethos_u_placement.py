"""What Vela would put on an Ethos-U, rule by rule on single operators; tests/pipeline asks Vela itself."""

from __future__ import annotations

import contextlib

import pytest
from ethos_u_cases import CASES, STOPS, Case
from hypothesis import given
from hypothesis import strategies as st
from single_operators import conv, of, simple
from tflite_files import float_lstm_with_int8_weights
from tiny_tflite import File

from compressor import names
from compressor.errors import BadInput
from compressor.ethosu import npu, operators
from compressor.placement import ethos_u
from compressor.placing import Decision, Placing
from compressor.target import Target
from compressor.tflite_view import parse

NARROW, WIDE = names.load_targets(["ethos_u55-128", "ethos_u85-256"])
UNITS = pytest.mark.parametrize("target", [NARROW, WIDE], ids=lambda target: target.name)


def placed(file: File, target: Target = NARROW) -> Placing:
    return ethos_u.place(parse(file.content()), target)


def only(case: Case, target: Target) -> Decision:
    file = File()
    case.build(file)
    (decision,) = placed(file, target).decisions
    return decision


@UNITS
@pytest.mark.parametrize("name", CASES | STOPS)
def test_every_operator_is_held_to_the_limits_of_its_generation(name: str, target: Target) -> None:
    case = (CASES | STOPS)[name]
    decision, reason = only(case, target), case.wide if target is WIDE else case.narrow
    if not reason:
        assert decision == Decision("accelerator", f"the Ethos-{'U85' if target is WIDE else 'U55'} computes it")
    else:
        assert decision.where == "cpu"
        assert reason in decision.reason
        assert decision.change


def test_the_tables_are_as_long_as_the_rule_book() -> None:
    narrow, wide = (set(operators.names(npu.of(f"ethos-{each}"))) for each in ("u55-32", "u85-2048"))
    assert (len(narrow), len(wide)) == (55, 74)
    assert narrow < wide
    assert operators.names(npu.of("ethos-u65-512")) == operators.names(npu.of("ethos-u55-32"))


KINDS = {"+": "LOGISTIC", "-": "SQRT"}


@given(st.text("+-", min_size=1, max_size=12))
def test_an_operator_is_accelerated_wherever_it_stands(kinds: str) -> None:
    file, last = File(), 0
    last = file.input((1, 4))
    for kind in kinds:
        made = file.tensor((1, 4))
        file.add(KINDS[kind], [last], [made])
        last = made
    found = placed(file)
    assert "".join("+" if each.where == "accelerator" else "-" for each in found.decisions) == kinds
    assert any("all" in warning and "stay on the CPU" in warning for warning in found.warnings) == ("+" not in kinds)


@given(st.integers(1, 12), st.integers(1, 20))
def test_a_stride_above_three_needs_windows_that_fit(kernel: int, stride: int) -> None:
    file = File()
    made = -(-16 // stride)
    conv(made=(1, made, made, 8), kernel=(kernel, kernel), stride=(stride, stride))(file)
    fits = (made - 1) * stride + kernel <= 16
    assert (placed(file).decisions[0].where == "accelerator") == (stride <= 3 or fits or made == 1)
    assert placed(file, WIDE).decisions[0].where == "accelerator"


def test_an_operator_of_tensorflow_itself_runs_nowhere() -> None:
    file = File()
    simple("FlexErf", (1, 4), (1, 4))(file)
    assert placed(file).decisions[0].where == "unsupported"


def test_a_float_model_is_a_mistake() -> None:
    file = File()
    of("LOGISTIC", "FLOAT32")(file)
    (told,) = placed(file).mistakes
    assert "it computes in float32: Vela would leave all of it to the CPU" in told


def test_a_dynamic_input_is_a_mistake_and_a_free_batch_is_none() -> None:
    for signature, count in (((1, -1, -1, 3), 1), ((-1, 1, 1, 3), 0)):
        file = File()
        file.add("LOGISTIC", [file.input((1, 1, 1, 3), signature=signature, name="p")], [file.tensor((1, 1, 1, 3))])
        assert len(placed(file).mistakes) == count


def test_an_lstm_in_float_is_a_mistake_since_vela_stops_at_it() -> None:
    found = ethos_u.place(parse(float_lstm_with_int8_weights()), NARROW)
    assert any("at which Vela stops" in told or "computes in float32" in told for told in found.mistakes)


@pytest.mark.parametrize(
    ("changed", "told"),
    [(1, "coupled with the forget gate"), (9, "peepholes"), (16, "a projection"), (20, "normalized gates")],
)
def test_an_lstm_is_plain(changed: int, told: str) -> None:
    file = File()
    weights = [file.constant([[1] * 3] * 4) for _ in range(8)]
    places = [
        file.input((1, 5, 3)),
        *weights,
        *[-1] * 3,
        *[file.constant([0] * 4, "INT32") for _ in range(4)],
        *[-1] * 8,
    ]
    plain = list(places)
    places[changed] = -1 if changed == 1 else weights[0]
    for inputs in (plain, places):
        file.add("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [file.tensor((1, 5, 4))])
    first, second = placed(file).decisions
    assert first.where == "accelerator"
    assert (second.where, told in second.reason) == ("cpu", True)


def test_truth_values_are_warned_of_where_the_unit_has_none() -> None:
    file = File()
    STOPS["selection"].build(file)
    assert any("truth values" in warning for warning in placed(file).warnings)
    assert not placed(file, WIDE).warnings


def test_float_ends_are_warned_of() -> None:
    file = File()
    quantized = file.tensor((1, 8))
    file.add("QUANTIZE", [file.input((1, 8), "FLOAT32", name="pixels")], [quantized])
    file.add("LOGISTIC", [quantized], [file.tensor((1, 8))])
    found = placed(file)
    assert [each.where for each in found.decisions] == ["cpu", "accelerator"]
    assert found.warnings[0].startswith("pixels: float at the ends")


def test_a_compiled_file_is_told_from_one_to_compile() -> None:
    file = File()
    simple("ethos-u", (1, 4), (1, 4))(file)
    assert "compiled for an Ethos-U already" in placed(file).mistakes[0]


@given(st.data())
def test_a_spoiled_file_is_placed_or_bad_input(data: st.DataObject) -> None:
    file = File()
    CASES[data.draw(st.sampled_from(sorted(set(CASES) - {"weights too heavy", "weights that just fit"})))].build(file)
    content = bytearray(file.content())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(8, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadInput):
        ethos_u.place(parse(bytes(content)), data.draw(st.sampled_from([NARROW, WIDE])))
