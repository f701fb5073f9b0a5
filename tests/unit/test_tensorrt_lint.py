"""Every TensorRT rule, broken by a small change to the text of a network that breaks none."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_dynamic, quantize_static

from compressor.errors import BadInput
from compressor.lint import Finding
from compressor.lint.tensorrt import RULES, Platform, Profile, lint
from compressor.lint.tensorrt.sparsity import two_of_four

# Conv, Relu, Conv on float weights, residual Add, MaxPool, Gemm, then MatMul with a bias Add.
CLEAN = """<ir_version: 9, opset_import: ["" : 17]>
clean (float[1,4,2,2] x) => (float[1,4] y)
<
  float s = {0.5}, float xs = {0.5}, int8 z = {0},
  int8[4,4,1,1] w1 = {-127,1,2,3,4,5,6,7,8,9,10,11,12,13,14,127},
  float[4] w1s = {0.5,0.5,0.5,0.5}, int8[4] w1z = {0,0,0,0},
  float[4,4,1,1] w2 = {-63.5,1,2,3,4,5,6,7,8,9,10,11,12,13,14,63.5},
  float[4] w2s = {0.5,0.5,0.5,0.5}, int8[4] w2z = {0,0,0,0},
  int8[4,4] w3 = {1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16},
  int8[4,4] w4 = {1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16},
  float[4] w34s = {0.5,0.5,0.5,0.5}, int8[4] w34z = {0,0,0,0},
  float[4] b1 = {1,2,3,4}, float[4] b2 = {1,2,3,4}, float[4] b3 = {1,2,3,4}, float[4] b4 = {1,2,3,4}
>
{
  [x_q] x8 = QuantizeLinear (x, xs, z)
  [x_dq] xd = DequantizeLinear (x8, xs, z)
  [w1_dq] w1d = DequantizeLinear <axis = 0> (w1, w1s, w1z)
  [conv1] c1 = Conv (xd, w1d, b1)
  [relu1] r1 = Relu (c1)
  r1s = Constant <value_float = 0.5> ()
  [r1_q] r8 = QuantizeLinear (r1, r1s, z)
  [r1_dq] rd = DequantizeLinear (r8, r1s, z)
  [w2_q] w28 = QuantizeLinear <axis = 0> (w2, w2s, w2z)
  [w2_dq] w2d = DequantizeLinear <axis = 0> (w28, w2s, w2z)
  [conv2] c2 = Conv (rd, w2d, b2)
  [add] a = Add (c2, rd)
  [relu2] r2 = Relu (a)
  [r2_q] p8 = QuantizeLinear (r2, s, z)
  [r2_dq] pd = DequantizeLinear (p8, s, z)
  [pool] p = MaxPool <kernel_shape = [2, 2]> (pd)
  f = Flatten (p)
  [w3_dq] w3d = DequantizeLinear <axis = 0> (w3, w34s, w34z)
  [gemm] g = Gemm <transB = 1> (f, w3d, b3)
  [g_q] g8 = QuantizeLinear (g, s, z)
  [g_dq] gd = DequantizeLinear (g8, s, z)
  [w4_dq] w4d = DequantizeLinear <axis = 1> (w4, w34s, w34z)
  [matmul] m = MatMul (gd, w4d)
  [bias] y = Add (m, b4)
}
"""
PER_CHANNEL = "w1_dq w2_q w2_dq w3_dq w4_dq"
PER_TENSOR = "x_q x_dq r1_q r1_dq r2_q r2_dq g_q g_dq"

W1 = "[w1_dq] w1d = DequantizeLinear <axis = 0> (w1, w1s, w1z)"
W4 = "[w4_dq] w4d = DequantizeLinear <axis = 1> (w4, w34s, w34z)\n  [matmul] m = MatMul (gd, w4d)"
RELU1, ADD, BIAS = "[relu1] r1 = Relu (c1)", "[add] a = Add (c2, rd)", "[bias] y = Add (m, b4)"
CONV1 = "[conv1] c1 = Conv (xd, w1d, b1)"
INT32_BIAS = "[b_dq] b = DequantizeLinear (b1, s)\n  [conv1] c1 = Conv (xd, w1d, b)"
TRANSPOSED = W4.replace("[m", "t = Transpose <perm = [1, 0]> (w4d)\n  [m").replace("gd, w4d", "gd, t")
W1S = "float[4] w1s = {0.5,0.5,0.5,0.5}, int8[4] w1z = {0,0,0,0}"
X = "(x, xs, z)\n  [x_dq] xd = DequantizeLinear (x8, xs, z)"


POOL = "p = MaxPool <kernel_shape = [2, 2]> (pd)"
RELU2 = "[relu2] r2 = Relu (a)"
ACTIVATIONS = 'direction = "bidirectional", activations = ["Sigmoid", "Tanh", "Sigmoid", "?"]'
GRU = f"[relu2] r2, h = GRU <{ACTIVATIONS}> (a, w2, w2)"
FOREIGN = RELU2.replace("Relu", "com.microsoft.Gelu")
ABSENT = (
    *("Unique", "DFT", "SequenceConstruct", "SplitToSequence", "ConcatFromSequence", "OptionalGetElement"),
    *("Det", "MaxUnpool", "Compress", "Bernoulli", "NoSuchOp"),
)
FOLDED = "[new] axes = Concat <axis = 0> (i, i)\n  "
SPARSE = "{-127,1,2,3,4,5,6,7,8,9,10,11,12,13,14,127}"
W3 = "int8[4,4] w3 = {1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16}"


def behind(tensor: str, line: str) -> dict[str, str]:
    """The change that puts Q/DQ between a tensor and the line that reads it."""
    pair = f"[new_q] n8 = QuantizeLinear ({tensor}, s, z)\n  [new_dq] nd = DequantizeLinear (n8, s, z)\n  "
    return {line: pair + line.replace(f"({tensor}", "(nd").replace(f", {tensor})", ", nd)")}


# What is found, and the changes after which it is; every change replaces a text that occurs once.
CASES: list[tuple[list[str], dict[str, str]]] = [
    ([], {}),
    ([f"T1 error opset_import {PER_TENSOR} {PER_CHANNEL}"], {'"" : 17': '"" : 8'}),
    ([f"T1 error {PER_CHANNEL}"], {'"" : 17': '"" : 12'}),
    ([], {'"" : 17': '"" : 20'}),
    (["T1 warn opset_import"], {'"" : 17': '"" : 21'}),
    (["T1 error opset_import"], {'"" : 17': '"" : 25'}),
    (["T1 error x_q x_dq"], {"int8 z": "float8e4m3fn f = {0}, int8 z", X: X.replace(", z", ", f")}),
    (["T1 error x_q x_dq"], {"int8 z": "int4[1] f = {0}, int8 z", X: X.replace(", z", ", f")}),
    ([f"T3 error {PER_TENSOR}"], {"int8 z = {0}": "int8 z = {3}"}),
    (["T3 error w1_dq"], {"w1z = {0,0,0,0}": "w1z = {0,0,-1,0}"}),
    (["T3 error w2_q w2_dq"], {"int8[4] w2z = {0,0,0,0}": "int8[1] w2z = {0}"}),
    (["T3 error x_q"], {"(x, xs, z)": "(x, xs, t)", "[x_q]": "t = Cast <to = 3> (x)\n  [x_q]"}),
    ([f"T4 error {PER_TENSOR}"], {"int8 z": "uint8 z"}),
    (["T4 error x_q x_dq"], {X: X.replace(", z", "")}),
    ([], {"QuantizeLinear (x, xs, z)": "QuantizeLinear <output_dtype = 3> (x, xs)"}),
    ([], {"QuantizeLinear (x, xs, z)": "QuantizeLinear <output_dtype = 0> (x, xs, z)"}),
    (["T4 error x_dq"], {"float[1,4,2,2] x": "uint8[1,4,2,2] x", "(x8, xs, z)": "(x, xs)"}),
    (["T4 error relu2"], {RELU2: "u = Cast <to = 2> (a)\n  [relu2] r2 = Relu (u)"}),
    (["T4 error relu2"], {"2,2] x)": "2,2] x, uint8[4] u)", RELU2: "[relu2] r2 = Gather (u, b1)"}),
    ([], {"2,2] x)": "2,2] x, uint8[1,4,2,2] u)", RELU2: "[relu2] r2 = Cast <to = 1> (u)"}),
    (["T5 error x_q x_dq"], {"xs = {0.5}": "xs = {0}"}),
    (["T5 error x_q x_dq"], {"xs = {0.5}": "xs = {nan}"}),
    (["T5 error x_q x_dq"], {"xs = {0.5}": "xs = {inf}"}),
    (["T5 error x_q x_dq", "T3 error x_q x_dq"], {"float xs = {0.5}": "float[0] xs = {}"}),
    (["T5 error w1_dq"], {"w1s = {0.5,0.5,0.5,0.5}": "w1s = {0.5,0.5,0.5,-0.5}"}),
    (["T5 error x_q"], {"(x, xs, z)": "(x, x, z)"}),
    (["T6 error x_q x_dq"], {X: X.replace("xs, z", "w1s, w1z")}),
    (["T6 error w1_dq"], {W1S: "float[3] w1s = {1,1,1}, int8[3] w1z = {0,0,0}"}),
    (["T6 error w1_dq"], {"float[4] w1s": "float[2,2] w1s"}),
    (["T6 error w1_dq"], {W1: W1.replace("0", "4")}),
    (["T6 error w1_dq"], {W1: W1.replace("0", "-5")}),
    (["T6 error w1_dq"], {W1: W1.replace("0", "1")}),
    (["T6 error w1_dq"], {W1: W1.replace("<axis = 0>", "")}),
    (["T6 error w1_dq"], {CONV1: CONV1.replace("Conv", "ConvTranspose")}),
    ([], {CONV1: CONV1.replace("Conv", "ConvTranspose"), W1: W1.replace("0", "1")}),
    (["T6 error w3_dq"], {"transB = 1": "transB = 0"}),
    (["T6 error w4_dq"], {W4: W4.replace("1", "0")}),
    ([], {W4: W4.replace("1", "-1")}),
    (["T6 error w4_dq"], {W4: TRANSPOSED}),
    ([], {W4: TRANSPOSED.replace("axis = 1", "axis = 0")}),
    (["T7 warn new_dq"], behind("b1", CONV1)),
    (["T7 warn new_dq"], behind("b4", BIAS)),
    (["T7 warn b_dq", "T4 error b_dq"], {CONV1: INT32_BIAS, "float[4] b1": "int32[4] b1"}),
    (["T8 warn conv1"], {CONV1: CONV1.replace("w1d", "w2")}),
    (["T8 warn conv1"], {CONV1: CONV1.replace("xd", "x")}),
    ([], {CONV1: CONV1.replace("xd, w1d", "x, w2")}),
    (["T8 warn new_dq"], behind("c1", RELU1)),
    (["T8 warn new_dq"], {RELU1: behind("c1", RELU1)[RELU1].replace("Relu", "Clip")}),
    (["T8 warn new_dq"], behind("m", BIAS)),
    (["T8 warn add"], {ADD: ADD.replace("rd", "r1")}),
    (["T8 info add"], behind("c2", ADD)),
    (["T8 warn w1_dq"], {"{-127,": "{-128,"}),
    (["T8 warn w2_dq"], {"{-63.5,": "{-64,"}),
    (["T9 error x"], {"float[1,4,2,2] x": "float[n,4,2,2] x"}),
    (["T9 error x"], {"float[1,4,2,2] x": "float[] x"}),
    (["T9 error u"], {"2,2] x)": "2,2] x, double[1] u)"}),
    (["T9 error b1"], {"float[4] b1": "double[4] b1"}),
    (["T9 error relu1"], {RELU1: "[relu1] r1 = Cast <to = 11> (c1)"}),
    (["T9 error relu1"], {RELU1: "[relu1] r1 = ConstantOfShape <value = double[1] {1}> (c1)"}),
    (["T10 error pool"], {POOL: POOL.replace("2, 2", "2")}),
    ([], {POOL: POOL.replace("2, 2", "2, 2, 2")}),
    (["T10 error pool"], {POOL: POOL.replace("]>", "], dilations = [2, 1]>")}),
    (["T10 error pool"], {POOL: POOL.replace("p =", "p, places =")}),
    ([], {POOL: POOL.replace("]>", "], dilations = [1, 1]>")}),
    (["T10 error relu2"], {RELU2: "[relu2] r2, h = LSTM <layout = 1> (a, w2, w2)"}),
    (["T10 error relu2"], {RELU2: "[relu2] r2, h = LSTM <input_forget = 1> (a, w2, w2)"}),
    (["T10 error relu2"], {RELU2: GRU.replace("?", "Relu")}),
    ([], {RELU2: GRU.replace("?", "Tanh")}),
    (["T10 error relu2"], {RELU2: "k = Constant <value = int64[1] {3840}> ()\n  [relu2] r2, i = TopK (a, k)"}),
    ([], {RELU2: "k = Constant <value = int64[1] {3839}> ()\n  [relu2] r2, i = TopK (a, k)"}),
    (["T10 error relu2"], {RELU2: '[relu2] r2 = Resize <mode = "cubic"> (a)'}),
    ([], {RELU2: '[relu2] r2 = Resize <mode = "linear"> (a)'}),
    (["T10 error relu2"], {RELU2: "[relu2] r2 = Squeeze (a, c1)"}),
    (["T10 error relu2"], {RELU2: "[relu2] r2 = Slice (a, b1, b1, c1)"}),
    ([], {RELU2: "[relu2] r2 = Pad (a, c1)"}),
    (["T10 error relu2"], {RELU2: "[relu2] r2 = Pad (a, c1, , c1)"}),
    (["T10 error relu2"], {RELU2: "[relu2] r2 = ReduceMean (a, c1)"}),
    ([], {RELU2: "[relu2] r2 = ReduceMean (a, b1)"}),
    ([], {RELU2: "[relu2] r2 = ReverseSequence (a, b1)"}),
    ([], {RELU2: "i = Constant <value_ints = [2]> ()\n  " + FOLDED + "[relu2] r2 = ReduceMean (a, axes)"}),
    ([], {RELU2: "i = Shape (x)\n  " + FOLDED + "[relu2] r2 = ReduceMean (a, axes)"}),
    (["T10 error relu2"], {RELU2: "i = Shape (u)\n  " + FOLDED + "[relu2] r2 = ReduceMean (a, axes)"}),
    *[
        (lines, {RELU2: f"[relu2] r2 = Resize <{attribute}> (a)"})
        for lines, attribute in [
            (["T10 error relu2"], 'coordinate_transformation_mode = "tf_crop_and_resize"'),
            ([], 'coordinate_transformation_mode = "align_corners"'),
            (["T10 error relu2"], 'nearest_mode = "simple"'),
            ([], 'nearest_mode = "ceil"'),
            (["T10 error relu2"], "antialias = 1"),
            (["T10 error relu2"], 'keep_aspect_ratio_policy = "not_larger"'),
        ]
    ],
    (["T10 warn relu2"], {RELU2: RELU2.replace("Relu", "trt.EfficientNMS_TRT"), '"" : 17]': '"" : 17, "trt" : 1]'}),
    ([], {RELU2: "[relu2] r2 = Squeeze (a, b1)"}),
    *[(["T10 error relu2"], {RELU2: RELU2.replace("Relu", op)}) for op in ABSENT],
    (
        ["T10 error relu2"],
        {RELU2: FOREIGN, '"" : 17]': '"" : 17, "com.microsoft" : 1]'},
    ),
    (["T11 info conv1"], {SPARSE: "{1,0,0,2,0,3,4,0,0,0,0,5,-6,0,7,0}"}),
    (["T11 info conv1"], {SPARSE: "{1,2,3,0,0,4,0,0,0,0,5,0,0,0,0,0}"}),
    (["T11 info gemm"], {W3: "int8[4,4] w3 = {1,0,0,2,0,3,4,0,0,0,0,5,-6,0,7,0}"}),
    # Along the other axis three of four are zero, and one column has four values.
    (["T11 info gemm"], {W3: "int8[4,4] w3 = {1,1,1,0,0,0,0,0,0,0,0,0,0,0,0,0}"}),
]


def saved(folder: Path, changes: dict[str, str]) -> Path:
    text = CLEAN
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    onnx.save(onnx.parser.parse_model(text), folder / "model.onnx")
    return folder / "model.onnx"


def found(path: Path, **options: Any) -> set[str]:
    return {f"{item.rule} {item.severity} {item.where}" for item in lint(path, Platform(**options))}


def test_the_unchanged_network_is_valid_onnx(tmp_path: Path) -> None:
    onnx.checker.check_model(saved(tmp_path, {}), full_check=True)


@pytest.mark.parametrize(("lines", "changes"), CASES, ids=[" ".join(lines) or "clean" for lines, _ in CASES])
def test_a_change_breaks_this_alone(tmp_path: Path, lines: list[str], changes: dict[str, str]) -> None:
    split = [line.split() for line in lines]
    expected = {f"{rule} {severity} {where}" for rule, severity, *places in split for where in places}
    assert found(saved(tmp_path, changes)) == expected


@pytest.mark.parametrize(
    "op", ["QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "DynamicQuantizeLinear"]
)
def test_integer_operators_are_refused(tmp_path: Path, op: str) -> None:
    assert found(saved(tmp_path, {"[relu2] r2 = Relu": f"[relu2] r2 = {op}"})) == {"T2 error relu2"}


@pytest.mark.parametrize(
    ("major", "opset", "severity"), [(8, 13, ""), (8, 14, "warn"), (8, 18, "error"), (9, 20, "error")]
)
def test_the_newest_opset_of_a_version(tmp_path: Path, major: int, opset: int, severity: str) -> None:
    path = saved(tmp_path, {'"" : 17': f'"" : {opset}'})
    assert found(path, trt_major=major) == ({f"T1 {severity} opset_import"} if severity else set())


def test_four_bits_are_for_weights_alone_and_for_recent_versions(tmp_path: Path) -> None:
    zeros = "int8[4] w34z = {0,0,0,0}"
    int4 = {
        "int8[4,4] w3": "int4[4,4] w3",
        zeros: f"{zeros}, int4[4] t = {{0,0,0,0}}",
        "w3, w34s, w34z": "w3, w34s, t",
    }
    path = saved(tmp_path, {**int4, "(pd)": "(r2)", '"" : 17': '"" : 25'})
    # onnx's text parser leaves zeros between values of four bits.
    assert found(path, trt_major=11) == {"T11 info gemm"}
    assert "T4 error w3_dq" in found(path, trt_major=8)


@pytest.mark.parametrize(
    ("smallest", "typical", "largest", "expected"),
    [
        ((1, 4, 2, 2), (2, 4, 2, 2), (8, 4, 2, 2), set()),
        ((2, 4, 2, 2), (1, 4, 2, 2), (8, 4, 2, 2), {"T9 error x"}),
        ((1, 4, 2, 2), (9, 4, 2, 2), (8, 4, 2, 2), {"T9 error x"}),
        ((1, 4, 2, 2), (1, 4, 2, 2), (1, 4, 2, 3), {"T9 error x"}),
        ((1, 4, 1, 2), (1, 4, 2, 2), (1, 4, 2, 2), {"T9 error x"}),
        ((1, 4, 2), (1, 4, 2), (1, 4, 2), {"T9 error x"}),
    ],
)
def test_a_profile_must_fit_its_input(
    tmp_path: Path, smallest: Any, typical: Any, largest: Any, expected: set[str]
) -> None:
    path = saved(tmp_path, {"float[1,4,2,2] x": "float[n,4,2,2] x"})
    assert found(path, profiles={"x": Profile(smallest, typical, largest)}) == expected


def test_the_bodies_of_if_are_looked_into_and_see_the_names_around_them(tmp_path: Path) -> None:
    inner = "then_branch = t () => (float o) { [inner] o = DequantizeLinear <axis = 4> (w1, w1s, w1z) }"
    outer = "else_branch = e () => (float o) { w = Identity (w1d)\n o = Conv (x, w) }"
    path = saved(tmp_path, {RELU1: f"chosen = If <{inner}, {outer}> (x)\n  {RELU1}"})
    assert found(path) == {"T6 error inner", "T8 warn o"}


def test_local_functions_are_looked_into(tmp_path: Path) -> None:
    body = "{ o, s, t = DynamicQuantizeLinear (i) }"
    call = f'(m, b4)\n  w = local.f (y)\n}}\n<domain: "local", opset_import: ["" : 17]>\nf (i) => (o) {body}'
    path = saved(tmp_path, {'"" : 17]': '"" : 17, "local" : 1]', "(m, b4)\n}": call})
    assert {line[:8] for line in found(path)} == {"T2 error"}


def test_the_message_says_what_was_expected_and_received(tmp_path: Path) -> None:
    message = (
        "the scales of this weight do not follow the output channels of Conv; "
        "expected axis 0, received 1; quantize along the output channels"
    )
    assert lint(saved(tmp_path, {W1: W1.replace("0", "1")})) == (Finding("T6", "error", "w1_dq", message),)


def test_an_unknown_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no rules for TensorRT 7; expected one of"):
        lint(saved(tmp_path, {}), Platform(trt_major=7))


def test_a_corrupted_file_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"\x00not a model")
    with pytest.raises(BadInput, match="is no ONNX model"):
        lint(tmp_path / "model.onnx")


class Samples(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self) -> None:
        self.samples = iter(np.random.default_rng(0).normal(1, 1, (4, 1, 4, 2, 2)).astype(np.float32))

    def get_next(self) -> dict[str, Any] | None:
        sample = next(self.samples, None)
        return None if sample is None else {"x": sample}


@pytest.fixture
def float_file(tmp_path: Path) -> Path:
    """The clean network as it would be before quantization."""
    text = re.sub(r".*(Quantize|Dequantize)Linear.*\n", "", CLEAN).replace("int8[4,4", "float[4,4")
    text = re.sub(r"\bw(\d)d\b", r"w\1", text)
    for dequantized, plain in {"xd": "x", "rd": "r1", "pd": "r2", "gd": "g"}.items():
        text = re.sub(rf"\b{dequantized}\b", plain, text)
    onnx.save(onnx.parser.parse_model(text), tmp_path / "float.onnx")
    return tmp_path / "float.onnx"


def test_onnxruntime_static_defaults_are_asymmetric(float_file: Path) -> None:
    assert found(float_file) == set()
    quantized = float_file.with_name("static.onnx")
    quantize_static(float_file, quantized, Samples(), quant_format=QuantFormat.QDQ)
    assert {"T3", "T4", "T7"} <= {line[:2] for line in found(quantized)}


def test_onnxruntime_dynamic_quantization_has_integer_operators(float_file: Path) -> None:
    quantized = float_file.with_name("dynamic.onnx")
    quantize_dynamic(float_file, quantized)
    assert {line[:2] for line in found(quantized)} == {"T2"}


def test_onnxruntime_static_quantization_of_layer_inputs_is_clean(float_file: Path) -> None:
    quantized, layers = float_file.with_name("static.onnx"), ["Conv", "Gemm", "MatMul"]
    symmetric = {"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False}
    options = {**symmetric, "OpTypesToExcludeOutputQuantization": layers}
    quantize_static(
        float_file, quantized, Samples(), op_types_to_quantize=layers, per_channel=True, extra_options=options
    )
    assert found(quantized) == set()


def test_the_pattern_is_along_the_inputs_of_a_layer_and_not_across() -> None:
    along = np.tile([1.0, 0, 0, 2], (4, 1))
    assert two_of_four(along, 1)
    assert not two_of_four(along, 0)
    assert not two_of_four(along[:, :3], 1)
    convolution = np.zeros((5, 8, 3, 3))
    convolution[:, ::2] = 1
    assert two_of_four(convolution, 1)
    convolution[4, 1, 2, 0] = 1
    assert not two_of_four(convolution, 1)


def test_depthwise_convolutions_are_no_layers_for_sparsity(tmp_path: Path) -> None:
    depthwise = {
        f"int8[4,4,1,1] w1 = {SPARSE}": "int8[4,1,2,2] w1 = {0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1}",
    }
    path = saved(tmp_path, {**depthwise, CONV1: CONV1.replace("Conv", 'Conv <group = 4, auto_pad = "SAME_UPPER">')})
    assert found(path) == set()


def test_sparsity_needs_ampere(tmp_path: Path) -> None:
    path = saved(tmp_path, {SPARSE: "{1,0,0,2,0,3,4,0,0,0,0,5,-6,0,7,0}"})
    told = {capability: lint(path, Platform(compute_capability=capability))[0].message for capability in (7.5, 8.7)}
    assert "compute capability 8 or later, received 7.5" in told[7.5]
    assert "build with --sparsity=enable" in told[8.7]


@pytest.mark.parametrize(
    ("precision", "expected"), [("int8", set()), ("float32", set()), ("float16", {"T12 error precision"})]
)
def test_tensorrt_11_takes_precision_from_the_file(tmp_path: Path, precision: str, expected: set[str]) -> None:
    path = saved(tmp_path, {'"" : 17': '"" : 25'})
    assert found(path, trt_major=11, precision=precision) == expected
    assert found(saved(tmp_path, {}), trt_major=10, precision=precision) == set()


def test_tensorrt_11_casts_nothing_by_itself(tmp_path: Path) -> None:
    half = "h = Cast <to = 10> (c2)\n  [add] a = Add (h, rd)"
    path = saved(tmp_path, {ADD: half})
    assert found(path, trt_major=11, precision="float16") == {"T12 error add"}
    assert not {line for line in found(path, trt_major=10) if "T12" in line}


# h is half, c2 and rd are not.
TYPED = {
    "Reshape (h, n)": "n = Shape (rd)",
    "Tile (h, n)": "n = Shape (rd)",
    "Expand (h, n)": "n = Shape (rd)",
    "Gather (h, n)": "n = ArgMax (rd)",
    "Where (n, h, h)": "n = Greater (rd, c2)",
    "Where (n, h, h2)": "n = IsNaN (rd)\n  h2 = Cast <to = 10> (c2)",
    "Pad (h, n, h)": "n = Size (rd)",
    "Mul (h, n)": "n = CastLike (rd, h)",
    "Resize (h, , s)": "n = Identity (rd)",
}


@pytest.mark.parametrize("line", TYPED)
def test_sizes_indices_and_conditions_have_types_of_their_own(tmp_path: Path, line: str) -> None:
    half = f"h = Cast <to = 10> (c2)\n  {TYPED[line]}\n  o = {line}\n  {ADD}"
    assert not {each for each in found(saved(tmp_path, {ADD: half}), trt_major=11) if "T12" in each}


@pytest.mark.parametrize("line", ["Where (n, h, rd)", "Pad (h, z8, rd)", "Mul (h, rd)"])
def test_data_of_two_types_is_mixed_still(tmp_path: Path, line: str) -> None:
    half = f"h = Cast <to = 10> (c2)\n  n = Greater (rd, c2)\n  z8 = Shape (rd)\n  [odd] o = {line}\n  {ADD}"
    assert "T12 error odd" in found(saved(tmp_path, {ADD: half}), trt_major=11)


@pytest.mark.parametrize(("opset", "expected"), [(21, {"T12 error opset_import"}), (22, set())])
def test_bfloat16_came_late_to_all_operators(tmp_path: Path, opset: int, expected: set[str]) -> None:
    path = saved(tmp_path, {BIAS: "h = Add (m, b4)\n  [bias] y = Cast <to = 16> (h)", '"" : 17': f'"" : {opset}'})
    assert {line for line in found(path, trt_major=11) if "T12" in line} == expected


FORMATS = {
    "float8": (
        {'"" : 17': '"" : 19', "int8 z": "float8e4m3fn f = {0}, int8 z", X: X.replace(", z", ", f")},
        8.9,
        "x_q",
    ),
    "bfloat16": ({RELU1: "[relu1] h = Cast <to = 16> (c1)\n  r1 = Cast <to = 1> (h)"}, 8.0, "h"),
    "int8": ({}, 7.2, "x_q"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_number_format_needs_a_gpu_that_has_it(tmp_path: Path, name: str) -> None:
    changes, oldest, where = FORMATS[name]
    path = saved(tmp_path, changes)
    for capability, expected in ((oldest, set()), (oldest - 0.1, {f"T13 error {where}"})):
        assert {line for line in found(path, compute_capability=capability) if "T13" in line} == expected


SPOILED = {
    "an axis that is a list": {W1: W1.replace("axis = 0", "axis = [0]")},
    "too short a permutation": {W4: TRANSPOSED.replace("[1, 0]", "[0]")},
    "a scale of words": {"xs = {0.5}": 'unused = {0.5}, string xs = {"half"}'},
    "a kernel that is a number": {POOL: POOL.replace("[2, 2]", "2")},
}


@pytest.mark.parametrize("case", SPOILED)
def test_what_cannot_be_is_bad_input(tmp_path: Path, case: str) -> None:
    with pytest.raises(BadInput, match="holds attributes or constants that cannot be"):
        lint(saved(tmp_path, SPOILED[case]))


def test_an_engine_is_not_a_model(tmp_path: Path) -> None:
    assert {(each.rule, each.severity) for each in lint(tmp_path / "model.plan")} == {("T14", "error")}


def test_every_rule_is_broken_by_some_test() -> None:
    told = Path(__file__).read_text()
    assert {rule for rule, *_ in RULES} == {f"T{number}" for number in range(1, 14)}
    assert all(f"{rule} {severity}" in told for rule, severity, _ in RULES)
