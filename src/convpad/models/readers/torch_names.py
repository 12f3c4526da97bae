"""PyTorch's operations by what they do to the places of values. An operation that is in no table is not read."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


UNCHANGED = words(
    "dropout alpha_dropout feature_dropout feature_alpha_dropout native_dropout alias clone detach "
    "contiguous identity _to_copy to lift_fresh lift_fresh_copy lift type_as requires_grad _conj positive "
    "float half double _fake_quantize_learnable_per_tensor_affine fake_quantize_per_tensor_affine "
    "fake_quantize_per_channel_affine _reshape_alias_copy view_as_real_copy"
)
"""Operations whose output has the values of their input."""

POINTWISE = words(
    "abs absolute acos acosh add addcdiv addcmul angle arccos arcsin arctan asin asinh atan atan2 atanh "
    "bernoulli bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor ceil "
    "celu clamp clamp_max clamp_min clip conj copysign cos cosh deg2rad digamma div divide elu eq erf "
    "erfc erfinv exp exp2 expm1 float_power floor floor_divide fmax fmin fmod frac ge gelu greater "
    "greater_equal gt hardshrink hardsigmoid hardswish hardtanh heaviside hypot isfinite isinf isnan le "
    "leaky_relu lerp less less_equal lgamma log log10 log1p log2 log_sigmoid logaddexp logical_and "
    "logical_not logical_or logical_xor logit lt masked_fill maximum minimum mish mul multiply nan_to_num "
    "ne neg negative not_equal pow prelu _prelu_kernel rad2deg reciprocal relu relu6 remainder round "
    "rrelu rsqrt rsub selu sgn sigmoid sign signbit silu sin sinc sinh softplus softshrink softsign sqrt "
    "square sub subtract tan tanh tanhshrink threshold true_divide trunc where xlogy softmax _softmax "
    "log_softmax _log_softmax _safe_softmax batch_norm native_batch_norm _native_batch_norm_legit "
    "_native_batch_norm_legit_no_training _batch_norm_with_update cudnn_batch_norm instance_norm "
    "group_norm native_group_norm layer_norm native_layer_norm rms_norm _fused_rms_norm channel_shuffle "
    "native_channel_shuffle _fused_dropout _native_batch_norm_legit_functional "
    "rand_like randn_like"
)
"""Operations that leave every value at its place. Normalisation is one of them: its sums are of whole axes."""

FIRST_INPUT = words(
    "batch_norm native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training "
    "_native_batch_norm_legit_functional _batch_norm_with_update cudnn_batch_norm instance_norm group_norm "
    "native_group_norm layer_norm native_layer_norm rms_norm _fused_rms_norm prelu _prelu_kernel"
)
"""Those whose other inputs are not of the shape of the first: one value for each channel."""

NONNEGATIVE = words("relu relu6 sigmoid softmax _softmax hardsigmoid softplus abs square")
CLAMPS = words("hardtanh clamp clamp_min clip")
STAYS_NONNEGATIVE = words("add mul mean adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d")

REDUCTIONS = words(
    "sum mean amax amin max min prod std var std_mean var_mean norm linalg_vector_norm any all argmax "
    "argmin logsumexp count_nonzero median nanmean nansum nanmedian aminmax mode kthvalue"
)
"""Operations that make one value of the values along some axes, or of all."""

MIXED = words(
    "mm bmm addmm baddbmm addbmm addmv mv dot tensordot bilinear inner outer kron chain_matmul "
    "scaled_dot_product_attention _native_multi_head_attention lstm gru rnn_tanh rnn_relu cumsum cumprod "
    "cummax cummin logcumsumexp sort argsort topk msort pixel_shuffle pixel_unshuffle linalg_inv"
)
"""Operations that move values in ways that are no padding and no window."""

MADE = {
    **dict.fromkeys(["zeros", "new_zeros", "zeros_like"], 0),
    **dict.fromkeys(["ones", "new_ones", "ones_like"], 1),
}
UNWRITTEN_MADE = words("empty new_empty empty_like new_empty_strided empty_strided empty_permuted")
FILLED = words("full new_full full_like")
RANDOM = words("rand randn randint randperm linspace logspace eye tri tril_indices triu_indices")

ARITHMETIC = {
    "add": "add", "sub": "sub", "subtract": "sub", "mul": "mul", "multiply": "mul", "div": "div", "divide": "div",
    "true_divide": "div", "floor_divide": "floor_div", "remainder": "mod", "minimum": "min", "maximum": "max",
    "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "eq": "eq", "ne": "ne", "logical_and": "and", "logical_or": "or",
    "bitwise_and": "and", "bitwise_or": "or", "clamp_min": "max", "clamp_max": "min",
}  # fmt: skip
"""Operations that are computed where both sides are known."""

REASONS = {
    "im2col": "windows as columns",
    "col2im": "columns as windows",
    "unfold": "windows as an axis",
    "cond": "its branches depend on the input",
    "while_loop": "a loop",
    "scan": "a loop",
    "map_impl": "a loop",
    "grid_sampler": "it samples at places that depend on the input",
    "as_strided": "a view of memory",
    "scatter": "it writes at places that are not followed",
    "scatter_add": "it writes at places that are not followed",
    "index_put": "it writes at places that are not followed",
    "masked_scatter": "it writes at places that are not followed",
}
"""Reasons for operations that are not read."""
