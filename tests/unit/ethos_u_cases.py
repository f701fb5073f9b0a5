"""Single operators at the edges of what an Ethos-U takes, and what its rules say of them.

Each case adds one operator to a file: on its own it is held to the rules, and all of them in one file to Vela.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from single_operators import (
    Build,
    conv,
    dense,
    free,
    gather,
    largest,
    mean,
    of,
    parts,
    pool,
    resize,
    scaled,
    scatter,
    simple,
    strided,
    transposed,
    turned,
    with_,
)


class Case(NamedTuple):
    """What is said of an operator: "" where it is accelerated, else a part of the reason."""

    build: Build
    narrow: str
    wide: str


def both(build: Build, reason: str = "") -> Case:
    """The same on every generation."""
    return Case(build, reason, reason)


_HALF, _ALIGNED = {"halfPixelCenters": True}, {"alignCorners": True}
_PADDINGS = [[0, 0], [1, 1], [1, 1], [0, 0]]
_NOT_IN_TABLE = "not in its table"
_AVERAGE, _LARGEST, _DEPTHWISE = "AVERAGE_POOL_2D", "MAX_POOL_2D", "DEPTHWISE_CONV_2D"

CASES: dict[str, Case] = {
    # U1 to U5: tensors
    "int8": both(of("LOGISTIC", "INT8")),
    "uint8": both(of("LOGISTIC", "UINT8")),
    "int16": both(of("LOGISTIC", "INT16")),
    "int32 sum": both(of("ADD", "INT32", 2)),
    "int32 largest": Case(of("MAXIMUM", "INT32", 2), "is int32, which the Ethos-U55 does not take in MAXIMUM", ""),
    "int64 shape": Case(of("RESHAPE", "INT64"), "is int64, which the Ethos-U55 does not take", ""),
    "float input": both(simple("QUANTIZE", (1, 8), (1, 8), kinds=["FLOAT32", "INT8"]), "is float32"),
    "float output": both(simple("DEQUANTIZE", (1, 8), (1, 8), kinds=["INT8", "FLOAT32"]), _NOT_IN_TABLE),
    "free batch": both(free((-1, 4))),
    "free size": both(free((1, -1)), "known only at run time"),
    "no axis": both(simple("LOGISTIC", (), ()), "has no axis"),
    "no scale": both(simple("LOGISTIC", (1, 4), (1, 4), scales=(None, 0.1)), "has no scale or no zero point"),
    "no zero point": both(scaled("LOGISTIC", None), "has no scale or no zero point"),
    "no scale, none needed": both(
        simple("EXPAND_DIMS", (1, 4), (1,), (1, 1, 4), kinds=["INT8", "INT32", "INT8"], scales=[None] * 3)
    ),
    "scale per channel": both(scaled("LOGISTIC", 0, scales=[0.1] * 4), "has a scale per channel"),
    "int32 with zero point": both(scaled("ADD", 3, "INT32"), "the zero point of the tensor"),
    "int16 with zero point": Case(scaled("ADD", 3, "INT16"), "", "the zero point of the tensor"),
    "zero point beyond int8": Case(scaled("ADD", 200), "", "(int8) is 200"),
    "custom": both(simple("PosenetDecoderOp", (1, 4), (1, 4)), "a custom operator"),
    "unknown": both(of("SQRT", "INT8"), _NOT_IN_TABLE),
    # U6: weights
    "convolution": both(conv()),
    "convolution of int16": both(conv(kind="INT16", bias=np.zeros(8), bias_kind="INT64")),
    "weights of int16": both(conv(weight_kind="INT16"), "its weights are int16"),
    "weights that just fit": both(dense((1, 65536), (4, 65536), weight=127)),
    "weights too heavy": both(dense((1, 65537), (4, 65537), weight=127), "add up to 8323199, more than 8323072"),
    "weights too heavy but for int16": Case(
        conv(read=(1, 17, 16, 256), made=(1, 17, 16, 8), kernel=(17, 16), weight=127, kind="INT16"),
        "add up to 8843264, more than 8323072",
        "",
    ),
    "bias of int16": both(conv(bias=np.zeros(8), bias_kind="INT16"), "its bias is int16"),
    "bias computed": both(conv(bias=True), "its bias is computed"),
    "bias of 2^40 - 1": both(conv(bias=np.full(8, 2**40 - 1), bias_kind="INT64", kind="INT16")),
    "bias of 2^40": Case(conv(bias=np.full(8, 2**40), bias_kind="INT64", kind="INT16"), "its bias is more than", ""),
    "bias as a column": both(dense(bias=np.zeros((4, 1))), "its bias [4, 1] is not along the channels"),
    # U7: strides
    "stride 3": both(conv(stride=(3, 3), made=(1, 6, 6, 8))),
    "stride 4, nothing padded": both(conv(stride=(4, 4), made=(1, 4, 4, 8))),
    "stride 4, padded": Case(conv(stride=(1, 4), made=(1, 16, 4, 8)), "it moves by 1x4, more than 3", ""),
    "stride 4, dilated": Case(conv(stride=(4, 4), dilation=2, valid=True, made=(1, 3, 3, 8)), "it moves by 4x4", ""),
    "stride 5, one step": both(conv(read=(1, 1, 3, 8), kernel=(5, 2), stride=(2, 5), made=(1, 1, 1, 8))),
    "stride 5, one step and two": Case(
        conv(read=(1, 1, 8, 8), kernel=(5, 3), stride=(5, 5), made=(1, 1, 2, 8)), "it moves by 5x5", ""
    ),
    "depthwise stride 3": both(conv(_DEPTHWISE, stride=(3, 3), valid=True, made=(1, 5, 5, 4))),
    "depthwise stride 4": Case(conv(_DEPTHWISE, stride=(4, 4), valid=True, made=(1, 4, 4, 4)), "it moves by 4x4", ""),
    # U8: windows
    "average 8": both(pool(_AVERAGE, (1, 16, 16, 4), (1, 16, 16, 4), (8, 8))),
    "average 9": both(pool(_AVERAGE, (1, 16, 16, 4), (1, 16, 16, 4), (9, 1)), "it averages 9x1 with padding"),
    "average 16, nothing padded": both(pool(_AVERAGE, (1, 16, 16, 4), (1, 1, 1, 4), (16, 16), 16)),
    "average 256 rows": both(pool(_AVERAGE, (1, 256, 4, 1), (1, 1, 4, 1), (256, 1), valid=True)),
    "average 257 rows": both(pool(_AVERAGE, (1, 257, 4, 1), (1, 1, 4, 1), (257, 1), valid=True), "its window is 257x1"),
    "average 300 columns": both(pool(_AVERAGE, (1, 4, 300, 1), (1, 4, 1, 1), (1, 300), valid=True)),
    "average 65792": both(pool(_AVERAGE, (1, 256, 257, 1), (1, 1, 1, 1), (256, 257), valid=True), "256x257"),
    "largest of 9": both(pool(_LARGEST, (1, 16, 16, 4), (1, 16, 16, 4), (9, 9))),
    "largest of 257 rows": both(pool(_LARGEST, (1, 257, 4, 4), (1, 257, 4, 4), (257, 1)), "its window is 257x1"),
    # U9: softmax
    "softmax of 65536 rows": both(simple("SOFTMAX", (65536, 2), (65536, 2), beta=1.0)),
    "softmax of 65537 rows": both(simple("SOFTMAX", (65537, 2), (65537, 2), beta=1.0), "it has 65537 rows"),
    # U10: averages
    "mean": both(mean((1, 8, 8, 4), (1, 4), 1, 2)),
    "mean of channels": both(mean((1, 8, 8, 4), (1, 8, 8), -1), "it averages the channels"),
    "mean of channels of a column": both(mean((1, 8, 1, 4), (1, 8, 1), 3)),
    "mean of two": both(mean((2, 8, 8, 4), (2, 4), 1, 2), "is more than 1"),
    "mean of five axes": both(mean((1, 2, 8, 8, 4), (1, 2, 4), 2, 3), "is more than 1"),
    "mean of 4096": both(mean((1, 4096, 1, 4), (1, 1, 4), 1)),
    "mean of 4097": both(mean((1, 4097, 1, 4), (1, 1, 4), 1), "over more than 4096 values of one axis"),
    "mean of 65536 int16": both(mean((1, 256, 256, 1), (1, 1), 1, 2, kind="INT16")),
    "mean of 65792 int16": both(mean((1, 256, 257, 1), (1, 1), 1, 2, kind="INT16"), "averages 65792 values"),
    # U11: resizing
    "bilinear 2": both(resize((16, 16))),
    "bilinear 8": both(resize((64, 64))),
    "bilinear 16": Case(resize((128, 128)), "the factor has to be 2, 4 or 8", ""),
    "bilinear 3": both(resize((24, 24)), "it resizes 8x8 to 24x24"),
    "bilinear down": both(resize((4, 4)), "it resizes 8x8 to 4x4"),
    "bilinear 2 and 4": Case(resize((16, 32)), "it resizes 8x8 to 16x32", ""),
    "bilinear 4 of centres": Case(resize((32, 32), **_HALF), "the factor has to be 2 in both", ""),
    "bilinear 2 of centres": both(resize((16, 16), **_HALF)),
    "bilinear 2 of corners": both(resize((15, 15), **_ALIGNED)),
    "bilinear not 2 of corners": both(resize((16, 16), **_ALIGNED), "it resizes 8x8 to 16x16"),
    "bilinear from one": both(resize((33, 33), (1, 1))),
    "bilinear of a row": both(resize((1, 16), (1, 8))),
    "bilinear of a column across": Case(resize((8, 16), (8, 1)), "it resizes 8x1 to 8x16", ""),
    "nearest 3": Case(resize((24, 24), nearest=True), "it resizes 8x8 to 24x24", ""),
    "nearest 4 of centres": both(resize((32, 32), nearest=True, **_HALF)),
    "nearest, both ways": Case(
        resize((16, 16), nearest=True, **_HALF, **_ALIGNED), "it resizes", "aligns corners and has half-pixel"
    ),
    # U12: parameters
    "computed axes": both(simple("MEAN", (1, 8, 8, 4), (2,), (1, 4), kinds=["INT8", "INT32", "INT8"]), "is computed"),
    "padding": both(with_("PAD", (1, 4, 4, 1), (1, 6, 6, 1), _PADDINGS)),
    "mirrored": both(with_("MIRROR_PAD", (1, 4, 4, 1), (1, 6, 6, 1), _PADDINGS, mode=1)),
    "slices of every second": both(strided((1, 8, 8, 4), (1, 4, 4, 4), 1, 2, 2, 1)),
    "slices of every second channel": both(strided((1, 8, 8, 4), (1, 8, 8, 2), 1, 1, 1, 2), "skips along the batch"),
    "slices of every second of two axes": both(strided((1, 8), (1, 4), 1, 2), "skips along the batch"),
    "slices backwards": both(strided((1, 8, 8, 4), (1, 8, 8, 4), 1, -1, 1, 1), "it goes backwards"),
    "split": both(parts(4, 4)),
    "half of a split": both(parts(2, 4), "it makes 4 parts, and 2 are written"),
    "largest of equal scales": both(of("MAXIMUM", "INT8", 2)),
    "largest of other scales": both(simple("MAXIMUM", *[(1, 4)] * 3, scales=(0.1, 0.2, 0.1)), "different scales"),
    # U13: products of two computed matrices, and ARG_MAX
    "product": both(simple("BATCH_MATMUL", (1, 3, 4), (1, 4, 5), (1, 3, 5), adjX=False)),
    "product of int16": Case(
        simple("BATCH_MATMUL", (1, 3, 4), (1, 4, 5), (1, 3, 5), kinds=["INT16"] * 3, adjX=False), "of int16", ""
    ),
    "dense": both(dense()),
    "dense with computed weights": both(dense(stored=False)),
    "dense of uint8 with computed weights": Case(dense(stored=False, kind="UINT8"), "of two computed matrices", ""),
    "largest of 127": both(largest((1, 8, 8, 127), (1, 8, 8), 3)),
    "largest of 128": Case(largest((1, 8, 8, 128), (1, 8, 8), -1), "it chooses of 128", ""),
    "largest of rows": Case(largest((1, 8, 8, 4), (1, 8, 4), 1), "not along the last axis", ""),
    # U14: transposed convolutions
    "transposed 2": both(transposed((8, 8), (2, 2))),
    "transposed 3": Case(transposed((12, 12), (3, 3)), "it moves by 3x3", ""),
    "transposed, other size": both(transposed((7, 7), (2, 2)), "its output is 7x7 and not 8x8"),
    "transposed without padding": both(transposed((9, 9), (2, 2), valid=True)),
    "transposed row": both(transposed((1, 8), (1, 2), (1, 4), (1, 3))),
    "transposed picture by 2x1": Case(transposed((8, 4), (2, 1)), "it moves by 2x1", ""),
    # others
    "elu": both(of("ELU", "INT8")),
    "elu of int16": both(of("ELU", "INT16"), "has to stay int8"),
    "logarithm of uint8": both(of("LOG", "UINT8"), "has to stay int8 or int16"),
    "reversed": Case(with_("REVERSE_V2", (1, 4), (1, 4), [1]), "it reverses an axis", ""),
    "axes turned": both(turned((1, 2, 3, 4), 0, 3, 1, 2)),
    "many axes turned": both(turned((2, 2, 2, 2, 2), 4, 3, 2, 1, 0)),
    "long axis turned": Case(turned((1, 2, 65537, 2), 0, 2, 1, 3), "moves the axes", ""),
    "large sides turned": Case(turned((3, 300, 300, 2), 3, 0, 1, 2), "moves the axes", ""),
    "int32 turned": Case(turned((1, 2, 3, 4), 0, 3, 1, 2, kind="INT32"), "moves the axes", ""),
    "int32 rows turned": both(turned((1, 2, 3, 4), 0, 2, 1, 3, kind="INT32")),
    "tile": both(with_("TILE", (1, 4, 4, 2), (1, 8, 4, 2), [1, 2, 1, 1])),
    # the superset of the Ethos-U85
    "gather": Case(gather(0, (1, 3, 4)), _NOT_IN_TABLE, ""),
    "gather along columns": Case(gather(1, (20, 1, 3)), _NOT_IN_TABLE, "it takes along axis 1"),
    "cast": Case(
        simple("CAST", (1, 4), (1, 4), kinds=["INT8", "INT32"], inDataType=9, outDataType=2), _NOT_IN_TABLE, ""
    ),
    "division": Case(of("DIV", "INT8", 2), _NOT_IN_TABLE, ""),
    "scatter": Case(scatter(0, 2), _NOT_IN_TABLE, ""),
}

# Vela stops at these, so that none can stand in a file with others.
STOPS: dict[str, Case] = {
    "int32 logistic": Case(of("LOGISTIC", "INT32"), "is int32", "Vela stops at LOGISTIC with it"),
    "int16 hard swish": both(of("HARD_SWISH", "INT16"), "has to stay int8 or uint8"),
    "scale of 0": both(simple("LOGISTIC", (1, 4), (1, 4), scales=(0.1, 0.0)), "is not positive"),
    "selection": Case(simple("SELECT", *[(1, 4)] * 4, kinds=["BOOL", "INT8", "INT8", "INT8"]), _NOT_IN_TABLE, ""),
}
