"""Convolutions: Flax's own, plain and transposed, with any padding."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, ClassVar

import jax.numpy as jnp
from flax import nnx
from jax import lax

from convpad.core.amounts import explicit
from convpad.core.errors import PaddingError, ShapeError, refuse
from convpad.core.modes import MODES
from convpad.core.operation import MAX_RANK, Operation
from convpad.core.padding import Padding
from convpad.core.validation import integer
from convpad.core.window import spanned
from convpad.flax import words
from convpad.flax.base import PaddedConvolution, flat_batch, with_batch
from convpad.ops.plan import Plan
from convpad.ops.run import run


class Conv(PaddedConvolution, nnx.Conv):
    """`nnx.Conv` with any padding.

    Parameters have the names, shapes and first values of Flax's. With Flax's arguments the numbers are Flax's; on a CPU
    depthwise convolutions (`feature_group_count == in_features`) are computed many times faster.

    Example:

    >>> import convpad, jax.numpy as jnp
    >>> from flax import nnx
    >>> globe = convpad.flax.Conv(
    ...     4, 8, (3, 3), padding="same", padding_mode=("reflect", "circular"), rngs=nnx.Rngs(0))
    >>> globe(jnp.zeros((1, 18, 36, 4))).shape
    (1, 18, 36, 8)
    >>> learned = convpad.flax.Conv(
    ...     3, 8, (7, 7), strides=2, padding="half", padding_mode=convpad.Learned(), rngs=nnx.Rngs(0))
    >>> learned.padding_value.shape
    (3,)

    Shapes: `(*batch, *spatial, in_features)` to `(*batch, *outputs, out_features)`; there may be no batch axis.
    """

    followed: ClassVar = PaddedConvolution.followed | {
        *("input_dilation", "feature_group_count", "precision", "preferred_element_type", "conv_general_dilated")
    }
    feature_group_count: int
    input_dilation: Any
    _flax_pads: bool
    """Whether Flax's own call pads so, too."""
    _flax_convolves: bool
    """Whether Flax's own call convolves: it has arguments that no other convolution has."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: Any,
        strides: Any = 1,
        *,
        padding: Any = "SAME",
        padding_mode: Any = None,
        **options: Any,
    ) -> None:
        """Make the layer from the arguments of `nnx.Conv`, and `padding_mode`.

        Args:
            padding: as Flax takes it (`"SAME"`, `"VALID"`, `"CAUSAL"`, `"CIRCULAR"`, `"REFLECT"`, an int, or one int or
                pair for each spatial axis), or as `convpad.conv` takes it: a word in lower case (`"same"`,
                `"same_lower"`, `"half"`, `"full"`, `"causal"`, `"valid"`), or one word, int or pair for each axis.
            padding_mode: with what, as `convpad.conv` takes it: a mode's name, a number, `Constant` or `Learned`; or
                one for each spatial axis, or a pair of them `(before, after)`. None: zeros, or what Flax's
                `"CIRCULAR"` and `"REFLECT"` say. Every `Learned` that is written becomes an `nnx.Param` named
                `padding_value`, of shape `(in_features,)`.
            options: the other arguments of `nnx.Conv`. `input_dilation` goes with numbers and zeros;
                `precision`, `preferred_element_type` and `conv_general_dilated` with every mode but `"ignore"`.

        Raises:
            PaddingError: from the constructor: no such padding; or an argument of Flax's that it cannot go with.
            ShapeError: it does not fit the kernel, or when called the input.

        Source: `nnx.Conv` in https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/linear.html
        """
        groups = integer("feature_group_count", options.get("feature_group_count", 1), 1)
        for name, features in (("in_features", in_features), ("out_features", out_features)):
            if integer(name, features, 1) % groups:
                raise refuse("feature_group_count", f"divide {name}, {features}", groups)
        super().__init__(
            in_features, out_features, kernel_size, strides, padding=padding, padding_mode=padding_mode, **options
        )

    def _settle(self) -> Padding:
        self._check_mask()
        strides, dilation = self._per_axis("strides"), self._per_axis("kernel_dilation")
        self._flax_convolves = True
        only = self._only_flax()
        if only:
            is_dilated = only.startswith("input_dilation")  # Flax's own call refuses words then
            takes = words.is_numbers if is_dilated else words.is_of_conv
            if not (words.is_zeros(self.padding_mode) and takes(self.padding, self.rank)):
                allowed = "an int, or one int or pair for each spatial axis" if is_dilated else "Flax's own"
                mend = f"With {only} Flax's own call computes, which pads with zeros."
                raise refuse("padding", f"be {allowed}, without a mode", self.padding, mend)
            self._operation, self._flax_pads = None, True
            return words.NO_VALUES
        padding, self._flax_pads = words.read_conv(self.padding, self.padding_mode, self._spans())
        padding.check_channels(self.in_features)
        groups = self.feature_group_count
        is_depthwise = 1 < groups == self.in_features
        self._operation = Operation.parse(
            "depthwise_conv" if is_depthwise else "conv",
            self.rank,
            padding=padding,
            strides=strides,
            dilation_rate=dilation,
            groups=1 if is_depthwise else groups,
        )
        options = self._options_of_call()
        if options and _ignores(self._operation):
            raise _refuse_ignore(" and ".join(options))
        self._flax_convolves = bool(options)
        return padding

    def _only_flax(self) -> str:
        """Return what only Flax's own call knows; "" if there is nothing of it."""
        if max(self._per_axis("input_dilation"), default=1) > 1:
            return f"input_dilation={self.input_dilation!r}"
        if not 0 < self.rank <= MAX_RANK:
            return f"{self.rank} spatial axes"
        return "a negative amount" if words.has_negative(self.padding) else ""

    def _options_of_call(self) -> list[str]:
        """Return the arguments that are those of JAX's convolution, by name."""
        rows = {
            "precision": self.precision is not None,
            "preferred_element_type": self.preferred_element_type is not None,
            "conv_general_dilated": self.conv_general_dilated is not lax.conv_general_dilated,
        }
        return [name for name, is_given in rows.items() if is_given]

    def __call__(self, inputs: Any, out_sharding: Any = None) -> Any:
        """Return the convolution of inputs `(*batch, *spatial, in_features)`; `out_sharding` as `nnx.Conv` takes it."""
        operation = self._operation
        if operation is None or self._flax_convolves or out_sharding is not None:
            return self._call_flax(inputs, out_sharding)
        flat, lead = flat_batch(inputs, self.rank, self.in_features)
        flat, kernel, bias = self._operands(flat)
        if self._flax_pads and not jnp.issubdtype(flat.dtype, jnp.floating):
            return self._call_flax(inputs, None)
        if operation.op == "depthwise_conv":
            kernel = jnp.reshape(kernel, (*self.kernel_size, self.in_features, -1))
        outputs = run(operation, self._values(operation, flat.dtype), (flat, kernel))
        return with_batch(self._with_bias(outputs, bias), lead)

    def _call_flax(self, inputs: Any, out_sharding: Any) -> Any:
        """Return what Flax's own call gives, of padded inputs where it has no such padding."""
        options = {} if out_sharding is None else {"out_sharding": out_sharding}
        operation = self._operation
        if operation is None or self._flax_pads:
            return super().__call__(inputs, **options)
        if _ignores(operation):
            raise _refuse_ignore("out_sharding")
        flat, lead = flat_batch(inputs, self.rank, self.in_features)
        flat = self._operands(flat)[0]
        pad = _pad_operation(operation, self.kernel_size, tuple(flat.shape[1:-1]))
        padded = run(pad, self._values(operation, flat.dtype), (flat,))
        # Flax's code, on the attributes of this layer and the padding that is left.
        valid: Any = SimpleNamespace(**{**vars(self), "padding": "VALID"})
        return with_batch(nnx.Conv.__call__(valid, padded, **options), lead)

    def plan(self, input_shape: Any) -> Plan:
        """Return how this layer would compute an input of that shape, and why so.

        Raises:
            PaddingError: Flax's own call would compute it.
            ShapeError: it would refuse such an input.
        """
        groups, features = self.feature_group_count, (self.in_features, self.out_features)
        is_depthwise = self._operation is not None and self._operation.op == "depthwise_conv"
        channels = (groups, features[1] // groups) if is_depthwise else (features[0] // groups, features[1])
        return self._plan(
            None if self._flax_convolves else self._operation, input_shape, (*self.kernel_size, *channels)
        )


def _ignores(operation: Operation) -> bool:
    return MODES["ignore"] in {mode for pair in operation.padding.modes for mode in pair}


def _refuse_ignore(option: str) -> PaddingError:
    mend = f"With {option} Flax's own call convolves what is padded before."
    return refuse("padding_mode", "have values", "ignore", mend)


@lru_cache(maxsize=256)
def _pad_operation(operation: Operation, kernel_size: tuple[int, ...], sizes: tuple[Any, ...]) -> Operation:
    """Return the padding alone of a convolution on axes of these sizes."""
    padding = operation.padding
    rows = zip(padding.amounts, sizes, kernel_size, operation.dilation, operation.strides, strict=True)
    pairs = [
        amount.pair_or_none(size if isinstance(size, int) else None, spanned(taps, step), stride)
        for amount, size, taps, step, stride in rows
    ]
    if None in pairs:
        raise ShapeError(
            "Before Flax's own convolution the amounts must not depend on a size that is not known. Received: spatial "
            f"sizes {sizes} with strides {operation.strides}. Give the amounts as numbers, or 'half'."
        )
    amounts = tuple(explicit(*pair) for pair in pairs if pair is not None)
    return Operation.parse("pad", len(sizes), padding=Padding(amounts, padding.modes, padding.values))


class ConvTranspose(PaddedConvolution, nnx.ConvTranspose):
    """`nnx.ConvTranspose` with any padding.

    With Flax's arguments Flax's own call computes. A word in lower case, or a mode, makes it the adjoint of the
    convolution with that padding: with `transpose_kernel=True` of `Conv` with the same kernel.

    Example:

    >>> import convpad, jax.numpy as jnp
    >>> from flax import nnx
    >>> layer = convpad.flax.ConvTranspose(
    ...     3, 8, (4, 4), strides=2, padding="same", padding_mode="circular", rngs=nnx.Rngs(0))
    >>> layer(jnp.zeros((1, 16, 16, 3))).shape
    (1, 32, 32, 8)

    Shapes: `(*batch, *spatial, in_features)` to `(*batch, *outputs, out_features)`; there may be no batch axis.
    """

    followed: ClassVar = PaddedConvolution.followed | {"precision", "preferred_element_type"}
    transpose_kernel: bool

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: Any,
        strides: Any = None,
        *,
        padding: Any = "SAME",
        padding_mode: Any = None,
        **options: Any,
    ) -> None:
        """Make the layer from the arguments of `nnx.ConvTranspose`, and `padding_mode`.

        Args:
            padding: as Flax takes it (`"SAME"`, `"VALID"`, `"CIRCULAR"`, an int, or one int or pair for each spatial
                axis: zeros around the spread input), or a word in lower case, as `convpad.conv_transpose` takes it:
                what the forward convolution pads.
            padding_mode: with what the forward convolution pads, as `convpad.conv_transpose` takes it: values that it
                copies outwards are added back where they come from. An adjoint sees no constants.
            options: the other arguments of `nnx.ConvTranspose`; `precision` and `preferred_element_type` with Flax's
                own paddings alone.

        Raises:
            PaddingError: from the constructor: no such padding; an argument of Flax's that it cannot go with; or
                `Learned`, which could learn nothing here.
            ShapeError: it does not fit the kernel, or when called the input.

        Source: Dumoulin & Visin, arXiv:1603.07285, section 4; `nnx.ConvTranspose` in
        https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/linear.html
        """
        super().__init__(
            in_features, out_features, kernel_size, strides, padding=padding, padding_mode=padding_mode, **options
        )

    def _settle(self) -> Padding:
        self._check_mask()
        strides, dilation = self._per_axis("strides"), self._per_axis("kernel_dilation")
        if self.padding == "CIRCULAR" and self.padding_mode is not None:
            raise words.refuse_two_modes("CIRCULAR", self.padding_mode)
        if words.is_zeros(self.padding_mode) and words.is_of_transposed(self.padding, self.rank):
            self._operation = None
            return words.NO_VALUES
        options = [name for name in ("precision", "preferred_element_type") if getattr(self, name) is not None]
        if options:
            mend = f"With {' and '.join(options)} Flax's own call computes, with its own paddings."
            raise refuse("padding", "be Flax's own here, without a mode", self.padding, mend)
        padding, beyond = words.read_transposed(self.padding, self.padding_mode, self._spans())
        if padding.learned:
            mend = "A transposed convolution is an adjoint, which sees no constants, so there is nothing to learn."
            raise refuse("padding_mode", "be without Learned(...) in a transposed convolution", self.padding_mode, mend)
        padding.check_channels(self.out_features)
        operation = Operation.parse(
            "conv_transpose", self.rank, padding=padding, strides=strides, dilation_rate=dilation
        )
        for places, stride in zip(beyond, strides, strict=True):
            if places >= stride:
                mend = "What goes beyond the kernel tells apart the sizes that one stride makes equal."
                raise refuse(
                    "padding", f"go less than the stride, {stride}, beyond the dilated kernel", self.padding, mend
                )
        extra = tuple(places or None for places in beyond)
        self._operation = replace(operation, output_padding=extra) if any(extra) else operation
        return padding

    def __call__(self, inputs: Any) -> Any:
        """Return the transposed convolution of inputs `(*batch, *spatial, in_features)`."""
        operation = self._operation
        if operation is None:
            return super().__call__(inputs)
        flat, lead = flat_batch(inputs, self.rank, self.in_features)
        flat, kernel, bias = self._operands(flat)
        if not self.transpose_kernel:
            kernel = lax.rev(kernel, tuple(range(self.rank))).swapaxes(-1, -2)
        return with_batch(self._with_bias(run(operation, operation.padding.values, (flat, kernel)), bias), lead)

    def plan(self, input_shape: Any) -> Plan:
        """Return how this layer would compute an input of that shape, and why so.

        Raises:
            PaddingError: Flax's own call would compute it.
            ShapeError: it would refuse such an input.
        """
        return self._plan(self._operation, input_shape, (*self.kernel_size, self.out_features, self.in_features))
