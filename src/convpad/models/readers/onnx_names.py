"""ONNX's operations by what they do to the places of values. An operation that is in no table is not read."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


UNCHANGED = _words("Dropout Identity Cast CastLike QuantizeLinear DequantizeLinear DynamicQuantizeLinear Optional")
"""Nodes whose output has the values of their input."""

POINTWISE = _words(
    "Abs Acos Acosh Add And Asin Asinh Atan Atanh BatchNormalization Bernoulli BitShift BitwiseAnd BitwiseNot "
    "BitwiseOr BitwiseXor Ceil Celu Clip Cos Cosh Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual "
    "GroupNormalization HardSigmoid HardSwish Hardmax ImageScaler InstanceNormalization IsInf IsNaN LRN "
    "LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization Max Mean "
    "MeanVarianceNormalization Min Mish Mod Mul Neg Not Or PRelu Pow RMSNormalization RandomNormalLike "
    "RandomUniformLike Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt "
    "Sub Sum Swish Tan Tanh ThresholdedRelu Where Xor"
)
"""Nodes that leave every value at its place. Normalisation is one of them: its sums are of whole axes."""

FIRST_INPUT = _words(
    "BatchNormalization InstanceNormalization GroupNormalization LayerNormalization RMSNormalization "
    "MeanVarianceNormalization LpNormalization LRN RandomNormalLike RandomUniformLike Clip"
)
"""Those whose other inputs are not of the shape of the first: one value for each channel, or for all."""

NONNEGATIVE = _words("Relu Sigmoid Softmax HardSigmoid Softplus Abs")
STAYS_NONNEGATIVE = _words("Add Sum GlobalAveragePool Mul")

REDUCTIONS = _words(
    "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum "
    "ReduceSumSquare GlobalAveragePool GlobalMaxPool GlobalLpPool ArgMax ArgMin"
)
"""Nodes that make one value of the values along some axes, or of all."""

MIXED = _words(
    "MatMul Gemm Einsum Attention CumSum CumProd TopK LSTM GRU RNN DepthToSpace SpaceToDepth MatMulInteger "
    "QLinearMatMul Det Compress OneHot Unique NonZero"
)
"""Nodes that move values in ways that are no padding and no window."""

REASONS = {
    "If": "its branches depend on the input",
    "Loop": "a loop",
    "Scan": "a loop",
    "SequenceMap": "a loop",
    "LpPool": "a pool that is not read",
    "DeformConv": "its places depend on the input",
    "GridSample": "it samples at places that depend on the input",
    "Col2Im": "columns as windows",
    "Resize": "it resamples, and repeats the edge",
    "Upsample": "it resamples",
    "DFT": "a transform of whole axes",
    "STFT": "a transform of whole axes",
    "ScatterND": "it writes at places that are not followed",
    "ScatterElements": "it writes at places that are not followed",
    "Scatter": "it writes at places that are not followed",
    "GatherND": "it reads at places that are not followed",
    "MaxUnpool": "its places depend on the input",
    "MaxRoiPool": "its windows depend on the input",
    "RoiAlign": "its windows depend on the input",
}
"""Reasons for nodes that are not read."""
