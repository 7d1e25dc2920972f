"""What is known of TFLite operators: their codes, what the Edge TPU compiler and XNNPACK's delegate take.

Edge TPU: the list that Google published at coral.ai/docs/edgetpu/models-intro/#supported-operations; the limits of each
are in `edge_bg.network.inspect.edgetpu`.
XNNPACK: the checks of LiteRT's delegate (tflite/delegates/xnnpack/xnnpack_delegate.cc, August 2026).
"""

from __future__ import annotations

from typing import Final


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


NAMES: Final[dict[int, str]] = {
    0: "ADD", 1: "AVERAGE_POOL_2D", 2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 5: "DEPTH_TO_SPACE",
    6: "DEQUANTIZE", 8: "FLOOR", 9: "FULLY_CONNECTED", 11: "L2_NORMALIZATION", 14: "LOGISTIC", 16: "LSTM",
    17: "MAX_POOL_2D", 18: "MUL", 19: "RELU", 20: "RELU_N1_TO_1", 21: "RELU6", 22: "RESHAPE", 23: "RESIZE_BILINEAR",
    25: "SOFTMAX", 26: "SPACE_TO_DEPTH", 28: "TANH", 32: "CUSTOM", 34: "PAD", 36: "GATHER", 37: "BATCH_TO_SPACE_ND",
    38: "SPACE_TO_BATCH_ND", 39: "TRANSPOSE", 40: "MEAN", 41: "SUB", 42: "DIV", 43: "SQUEEZE", 45: "STRIDED_SLICE",
    47: "EXP", 49: "SPLIT", 53: "CAST", 54: "PRELU", 55: "MAXIMUM", 56: "ARG_MAX", 57: "MINIMUM", 58: "LESS",
    59: "NEG", 60: "PADV2", 61: "GREATER", 64: "SELECT", 65: "SLICE", 67: "TRANSPOSE_CONV", 69: "TILE",
    70: "EXPAND_DIMS", 71: "EQUAL", 74: "SUM", 75: "SQRT", 76: "RSQRT", 77: "SHAPE", 78: "POW", 79: "ARG_MIN",
    81: "REDUCE_PROD", 82: "REDUCE_MAX", 83: "PACK", 85: "ONE_HOT", 88: "UNPACK", 89: "REDUCE_MIN", 92: "SQUARE",
    97: "RESIZE_NEAREST_NEIGHBOR", 98: "LEAKY_RELU", 99: "SQUARED_DIFFERENCE", 100: "MIRROR_PAD", 101: "ABS",
    104: "CEIL", 111: "ELU", 114: "QUANTIZE", 116: "ROUND", 117: "HARD_SWISH", 126: "BATCH_MATMUL", 150: "GELU",
}  # fmt: skip

CONVOLUTIONS: Final = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED"})

EDGETPU: Final = _names(
    "ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXPAND_DIMS FULLY_CONNECTED L2_NORMALIZATION LOGISTIC "
    "LSTM MAXIMUM MAX_POOL_2D MEAN MINIMUM MUL PACK PAD PRELU QUANTIZE REDUCE_MAX REDUCE_MIN RELU RELU6 RELU_N1_TO_1 "
    "RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SLICE SOFTMAX SPACE_TO_DEPTH SPLIT SQUEEZE STRIDED_SLICE "
    "SUB SUM SQUARED_DIFFERENCE TANH TRANSPOSE TRANSPOSE_CONV"
)
EDGETPU_INSTEAD: Final = {
    "HARD_SWISH": "write it as ADD with RELU6 and MUL (google-coral/edgetpu#353)",
    "DEPTH_TO_SPACE": "use TRANSPOSE_CONV",
    "ARG_MAX": "take the arg max on the CPU: make it the last operator",
    "LEAKY_RELU": "use PRELU with a constant",
}
EDGETPU_NEWEST: Final = {"TRANSPOSE_CONV": 3}  # version 4 is refused (google-coral/edgetpu#845)

_MOVES: Final = (
    "CONCATENATION DEPTH_TO_SPACE EXPAND_DIMS MAX_POOL_2D PAD RESHAPE RESIZE_BILINEAR SLICE SPACE_TO_DEPTH SPLIT "
    "STRIDED_SLICE TRANSPOSE"
)
XNNPACK_INTEGER: Final = _names(
    f"{_MOVES} ADD MUL SUB CONV_2D DEPTHWISE_CONV_2D DEQUANTIZE ELU FULLY_CONNECTED LEAKY_RELU LOGISTIC MEAN QUANTIZE "
    "REDUCE_MAX REDUCE_MIN SUM TANH TRANSPOSE_CONV"
)
XNNPACK_FLOAT: Final = XNNPACK_INTEGER | _names(
    "ABS AVERAGE_POOL_2D BATCH_MATMUL CEIL DIV EXP FLOOR GELU HARD_SWISH MAXIMUM MINIMUM NEG PRELU RELU RELU6 "
    "RELU_N1_TO_1 ROUND RSQRT SOFTMAX SQRT SQUARE SQUARED_DIFFERENCE"
)
XNNPACK_JOINED: Final = 5  # the most tensors that one CONCATENATION may join
XNNPACK_CUSTOM: Final = frozenset({"Convolution2DTransposeBias", "MaxPoolingWithArgmax2D", "MaxUnpooling2D"})
