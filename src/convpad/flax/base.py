"""Base class of the convolutions: a parsed padding, its trained values, and when Flax's own call computes."""

from __future__ import annotations

import inspect
from math import prod
from typing import Any, ClassVar

import jax.numpy as jnp
from flax import nnx

from convpad.backends.jax.values import first_values
from convpad.core.errors import PaddingError, ShapeError, refuse
from convpad.core.operation import Operation
from convpad.core.padding import Padding, value_names
from convpad.core.validation import integer, is_int, per_axis
from convpad.core.window import spanned
from convpad.flax import words
from convpad.ops.extension import Values
from convpad.ops.plan import Plan
from convpad.ops.run import plan_of


def flat_batch(inputs: Any, rank: int, channels: int | None = None) -> tuple[Any, tuple[Any, ...]]:
    """Return inputs with one batch axis, and the sizes of the batch axes that they had.

    `channels` is their number, where a layer expects one.
    """
    if inputs.ndim <= rank:
        axes = "one spatial axis" if rank == 1 else f"{rank} spatial axes"
        raise ShapeError(f"The input must have {axes}, then the channels. Received: shape {tuple(inputs.shape)}.")
    if channels not in (None, inputs.shape[-1]):
        allowed = f"The last axis of the input must hold the channels, in_features={channels}"
        raise ShapeError(f"{allowed}. Received: shape {tuple(inputs.shape)}.")
    lead = inputs.shape[: -rank - 1]
    return inputs if len(lead) == 1 else jnp.reshape(inputs, (prod(lead), *inputs.shape[len(lead) :])), lead


def with_batch(outputs: Any, lead: tuple[Any, ...]) -> Any:
    """Return outputs with the batch axes of the inputs."""
    return outputs if len(lead) == 1 else jnp.reshape(outputs, (*lead, *outputs.shape[1:]))


def _distinct(names: tuple[tuple[str | None, str | None], ...]) -> list[str]:
    """Return the names of parameters, each once."""
    return list(dict.fromkeys(name for pair in names for name in pair if name))


class PaddedConvolution(nnx.Module):
    """A convolution with a padding, mixed in before one of Flax's.

    What decides on the padding may be set later, one attribute after the other, as by `nnx.Module.set_attributes`. A
    value that is refused leaves the layer as it was.

    Attributes:
        padding, padding_mode: as they were written, lists as tuples.
    """

    followed: ClassVar[frozenset[str]] = frozenset({"padding", "padding_mode", "strides", "kernel_dilation"})
    """The attributes that the operation follows from."""
    kernel_size: tuple[int, ...]
    in_features: int
    out_features: int
    strides: Any
    kernel_dilation: Any
    padding: Any
    padding_mode: Any
    kernel_shape: Any
    kernel: Any
    bias: Any
    use_bias: bool
    mask: Any
    dtype: Any
    param_dtype: Any
    promote_dtype: Any
    _operation: Operation | None
    """The parsed operation; None where Flax's own call computes."""
    _value_names: tuple[tuple[str | None, str | None], ...]
    """For each side of each axis the parameter that holds its value, None where there is none."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Show `help` and notebooks the arguments of Flax's constructor, with `padding_mode` among them."""
        super().__init_subclass__(**kwargs)
        shown = inspect.signature(super().__init__).parameters
        parameters = [p for p in shown.values() if p.name not in ("self", "padding_mode")]
        mode = inspect.Parameter("padding_mode", inspect.Parameter.KEYWORD_ONLY, default=None)
        place = next(i for i, p in enumerate(parameters) if p.name == "padding") + 1
        cls.__signature__ = inspect.Signature([*parameters[:place], mode, *parameters[place:]])

    def __init__(self, in_features: int, out_features: int, kernel_size: Any, *args: Any, **options: Any) -> None:
        # Before Flax makes a kernel of it.
        size = (kernel_size,) if is_int(kernel_size) else tuple(kernel_size)
        size = tuple(integer("kernel_size", taps, 1) for taps in size)
        padding_mode = words.frozen(options.pop("padding_mode", None))
        if "padding" in options:
            options["padding"] = words.frozen(options["padding"])
        super().__init__(in_features, out_features, size, *args, **options)  # pyright: ignore (Flax's constructor)
        self.padding_mode = padding_mode
        padding = self._settle()
        names = value_names(padding)
        for name, each in zip(_distinct(names), padding.learned, strict=True):
            value = first_values(each, options["rngs"].params(), in_features, self.param_dtype)
            setattr(self, name, nnx.Param(value))
        self._value_names = names

    def _settle(self) -> Padding:
        """Set the operation that follows from the attributes, or refuse them; return the padding."""
        raise NotImplementedError

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, and what follows from it."""
        state = vars(self)
        if name not in self.followed or "_value_names" not in state:
            return super().__setattr__(name, value)
        before = state[name]
        super().__setattr__(name, words.frozen(value) if name.startswith("padding") else value)
        try:
            padding = self._settle()
            if len(padding.learned) != len(_distinct(self._value_names)):
                mend = "Make a new layer: its parameters are made with it."
                raise refuse(name, "keep the number of trained values of the layer", value, mend)
            self._value_names = value_names(padding)
        except PaddingError:
            super().__setattr__(name, before)
            self._settle()
            raise
        return None

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return len(self.kernel_size)

    def _per_axis(self, name: str) -> tuple[int, ...]:
        """Return an attribute as one int for each axis; Flax reads None as 1."""
        value = getattr(self, name)
        return per_axis(name, 1 if value is None else value, self.rank)

    def _spans(self) -> tuple[int, ...]:
        """Return the size of the dilated kernel on each axis."""
        return tuple(map(spanned, self.kernel_size, self._per_axis("kernel_dilation")))

    def _values(self, operation: Operation, dtype: Any) -> Values:
        """Return the constants of the padding, the trained ones as arrays of the inputs' dtype."""
        declared = operation.padding.values
        if not operation.padding.has_tensors:
            return declared
        return tuple(
            (self._value(before, names[0], dtype), self._value(after, names[1], dtype))
            for (before, after), names in zip(declared, self._value_names, strict=True)
        )

    def _value(self, declared: Any, name: str | None, dtype: Any) -> Any:
        return declared if name is None else getattr(self, name)[...].astype(dtype)

    def _check_mask(self) -> None:
        """Refuse a mask of another shape than the kernel's, before it broadcasts."""
        if self.mask is not None and tuple(self.mask.shape) != tuple(self.kernel_shape):
            raise ShapeError(
                f"`mask` must have the shape of the kernel, {tuple(self.kernel_shape)}. Received: a mask of shape "
                f"{tuple(self.mask.shape)}."
            )

    def _operands(self, inputs: Any) -> tuple[Any, Any, Any]:
        """Return inputs, masked kernel and bias in the dtype of the computation."""
        kernel = self.kernel[...]
        if self.mask is not None:
            self._check_mask()
            kernel *= self.mask
        bias = self.bias[...] if self.bias is not None else None
        return self.promote_dtype((inputs, kernel, bias), dtype=self.dtype)

    def _with_bias(self, outputs: Any, bias: Any) -> Any:
        if self.use_bias:
            outputs += jnp.reshape(bias, (1,) * (outputs.ndim - 1) + (-1,))
        return outputs

    def _plan(self, operation: Operation | None, input_shape: Any, kernel_shape: tuple[int, ...]) -> Plan:
        if operation is None:
            raise PaddingError(
                f"This {type(self).__name__} is computed by Flax's own call, so convpad has no plan. Received: "
                f"padding={self.padding!r}."
            )
        shape = tuple(input_shape)
        lead = shape[: -self.rank - 1]
        batch = None if None in lead else prod(lead)
        dtype = jnp.dtype(self.dtype or self.param_dtype).name
        return plan_of(operation, "jax", (batch, *shape[len(lead) :]), kernel_shape, dtype=dtype)
