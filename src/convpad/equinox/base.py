"""Base classes of the layers: a parsed padding with its trained values, and the computation that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, cast

import equinox as eqx
import jax

from convpad.backends.jax.values import first_values, owned
from convpad.core.errors import ShapeError, refuse
from convpad.core.padding import Padding
from convpad.core.validation import integer, map_entries, per_axis
from convpad.equinox.batching import run_layer
from convpad.ops.plan import Plan

PerAxis = int | Sequence[int]
"""One int, or one for each spatial axis."""

_MODES = ("ZEROS", "REFLECT", "REPLICATE", "CIRCULAR")
_AMOUNTS = ("SAME", "SAME_LOWER", "VALID")
"""Equinox's words, as it stores them."""


def parse_padding(padding: Any, padding_mode: Any, rank: int) -> Padding:
    """Return the padding of a layer, in which every `Learned` that was written is an object of its own."""
    return Padding.parse(padding, map_entries(padding_mode, _read), rank=rank)


def _read(entry: Any) -> Any:
    """Return an entry in convpad's words that belongs to one layer."""
    return entry.lower() if isinstance(entry, str) and entry.upper() in _MODES else owned(entry)


def trained_values(padding: Padding, key: Any, channels: int, dtype: Any) -> tuple[jax.Array, ...]:
    """Return the first values of the trained padding. Equinox splits the key of a layer in two: these take others."""
    return tuple(
        first_values(learned, jax.random.fold_in(key, 2 + number), channels, dtype)
        for number, learned in enumerate(padding.learned)
    )


def trained_places(padding: Padding) -> tuple[tuple[int | None, ...], ...]:
    """Return the number of the trained value for each side of each axis, None where there is none."""
    numbers = {id(learned): number for number, learned in enumerate(padding.learned)}
    return tuple(tuple(numbers.get(id(value)) for value in pair) for pair in padding.values)


class PaddedLayer(eqx.Module):
    """A layer with a padding, mixed in before one of equinox.nn's.

    Attributes:
        padding, padding_mode: as Equinox stores them; where it has no such padding, as convpad writes them.
        computation: what the layer computes, without its arrays.
        padding_values: the trained values, one array of shape `(channels,)` for each `Learned` that was written.
    """

    computation: Any = eqx.field(static=True, repr=False)
    padding_values: tuple[jax.Array, ...]

    def plan(self, input_shape: Sequence[int]) -> Plan:
        """Return how this layer would compute an input of that shape, and why so.

        Args:
            input_shape: `(channels, *spatial)`; under `jax.vmap` with the number of examples before.

        Raises:
            ShapeError: it would refuse such an input.
        """
        shape, lead = tuple(input_shape), len(input_shape) - self.computation.rank - 1
        if lead < 0:
            raise _wrong_rank(self, shape)
        return self.computation.plan((prod(shape[:lead]), *shape[lead:]), *self._parameters())

    def _parameters(self) -> tuple[jax.Array, ...]:
        """Return the arrays of the layer besides the trained values of its padding."""
        return ()


def output_of(layer: PaddedLayer, x: Any, *parameters: jax.Array) -> jax.Array:
    """Return the output of a layer with these parameters. (Equinox makes a module of each method that is looked up.)"""
    if x.ndim != layer.computation.rank + 1:
        raise _wrong_rank(layer, x.shape)
    with jax.named_scope(f"convpad.equinox.{type(layer).__name__}"):
        return run_layer(layer.computation, x, *parameters, *layer.padding_values)


def _wrong_rank(layer: PaddedLayer, shape: tuple[int, ...]) -> ShapeError:
    rank = layer.computation.rank
    return ShapeError(
        f"An input of {type(layer).__name__} must have {rank + 1} axes: channels and {rank} spatial. Received: "
        f"shape {shape}. Map a layer over a batch: jax.vmap(layer)(batch)."
    )


def stored_padding(padding: Padding) -> Any:
    """Return the amounts as Equinox stores them; where it has no such amounts, as convpad writes them."""
    names = {amount.name for amount in padding.amounts}
    if names == {"explicit"}:
        return tuple(amount.pair for amount in padding.amounts)
    word = min(names).upper()
    return word if len(names) == 1 and word in _AMOUNTS else padding.spelling()[0]


def stored_mode(padding: Padding) -> Any:
    """Return the mode as Equinox stores it; where it has no such mode, as convpad writes it."""
    mode = padding.spelling()[1]
    return mode.upper() if isinstance(mode, str) and mode.upper() in _MODES else mode


def is_hosts(padding: Any, padding_mode: Any) -> bool:
    """Return whether Equinox has the stored padding of a layer."""
    return padding_mode in _MODES and (padding in _AMOUNTS or all(isinstance(entry, tuple) for entry in padding))


@dataclass(frozen=True, slots=True)
class Window:
    """The window of a convolution: one int for each spatial axis."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]

    @classmethod
    def parse(
        cls, rank: int, in_channels: int, out_channels: int, size: Any, stride: Any, dilation: Any, groups: Any
    ) -> Window:
        """Read the window of a layer, or refuse it or the channels."""
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if integer(name, channels, 1) % integer("groups", groups, 1):
                raise refuse(name, f"be divisible by the groups, {groups}", channels)
        return cls(
            per_axis("kernel_size", size, rank), per_axis("stride", stride, rank), per_axis("dilation", dilation, rank)
        )


class ConvLayer(PaddedLayer):
    """What plain and transposed convolutions share."""

    if TYPE_CHECKING:  # fields of Equinox's classes
        weight: jax.Array
        bias: jax.Array | None
        use_bias: bool
        padding: Any
        padding_mode: Any

    def _parameters(self) -> tuple[jax.Array, ...]:
        return (self.weight, cast(jax.Array, self.bias)) if self.use_bias else (self.weight,)

    def __call__(self, x: jax.Array, *, key: Any = None) -> jax.Array:
        """Return the output for one input; for a batch, `jax.vmap(layer)(batch)`.

        Args:
            x: of shape `(in_channels, *spatial)`.
            key: ignored, as Equinox's layers ignore it.

        Raises:
            ShapeError: the input does not fit.
        """
        # Integers and complex numbers, with a padding that Equinox has.
        if self.weight.dtype.kind in "iubc" and is_hosts(self.padding, self.padding_mode):
            return super().__call__(x)  # pyright: ignore[reportAttributeAccessIssue]
        if self.use_bias:
            return output_of(self, x, self.weight, cast(jax.Array, self.bias))
        return output_of(self, x, self.weight)
