"""Operators that TensorRT's parser has an importer for: those of operators.md of onnx-tensorrt 10.15 with a Y.

Earlier releases lack some of them: the list says what no release takes, not what every release does.
"""

_ARITHMETIC = (
    *("Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Clip", "Cos", "Cosh", "CumSum"),
    *("Div", "Equal", "Erf", "Exp", "Floor", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual"),
    *("Log", "Max", "Mean", "Min", "Mod", "Mul", "Neg", "Not", "Or", "Pow", "Reciprocal", "Round", "Sign", "Sin"),
    *("Sinh", "Sqrt", "Sub", "Sum", "Tan", "Where", "Xor"),
)
_ACTIVATIONS = (
    *("Celu", "Elu", "Gelu", "HardSigmoid", "HardSwish", "Hardmax", "LeakyRelu", "LogSoftmax", "Mish", "PRelu"),
    *("ParametricSoftplus", "Relu", "ScaledTanh", "Selu", "Shrink", "Sigmoid", "Softmax", "Softplus", "Softsign"),
    *("Tanh", "ThresholdedRelu"),
)
_LAYERS = (
    *("Attention", "AveragePool", "BatchNormalization", "Conv", "ConvTranspose", "DeformConv", "Dropout", "Einsum"),
    *("GRU", "Gemm", "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool", "GroupNormalization", "ImageScaler"),
    *("InstanceNormalization", "LRN", "LSTM", "LayerNormalization", "LpNormalization", "LpPool", "MatMul", "MaxPool"),
    *("MeanVarianceNormalization", "NonMaxSuppression", "RMSNormalization", "RNN", "RoiAlign", "RotaryEmbedding"),
    *("STFT", "TopK"),
)
_REDUCTIONS = (
    *("ArgMax", "ArgMin", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean"),
    *("ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"),
)
_MOVES = (
    *("Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "GridSample", "Identity"),
    *("NonZero", "OneHot", "Pad", "Reshape", "Resize", "ReverseSequence", "Scatter", "ScatterElements", "ScatterND"),
    *("Shape", "Size", "Slice", "SpaceToDepth", "Split", "Squeeze", "TensorScatter", "Tile", "Transpose", "Trilu"),
    *("Unsqueeze", "Upsample"),
)
_OTHERS = (
    *("BlackmanWindow", "Cast", "CastLike", "Constant", "ConstantOfShape", "DequantizeLinear", "EyeLike"),
    *("HammingWindow", "HannWindow", "If", "Loop", "QuantizeLinear", "RandomNormal", "RandomNormalLike"),
    *("RandomUniform", "RandomUniformLike", "Range", "Scan"),
)
REDUCTIONS = frozenset(name for name in _REDUCTIONS if name.startswith("Reduce"))
SUPPORTED = frozenset((*_ARITHMETIC, *_ACTIVATIONS, *_LAYERS, *_REDUCTIONS, *_MOVES, *_OTHERS))
