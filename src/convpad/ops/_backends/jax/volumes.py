"""How does JAX convolve a volume on a CPU? Plane by plane: a 2-D convolution for every tap along the depth, summed.

XLA 0.10.2 takes two to three times as long for its own 3-D convolution (`python -m benchmarks layers --backend jax
--row unet3d-64`), and far longer with strides, dilation or float64. Nothing larger than a few planes is held, and
taps that meet only padding are left out.

Convolution, its adjoint and the gradient of its kernel are three views of one form that is linear in the volume, in
the kernel and in the outputs. Each is a gradient of the others, so one primitive with three views is closed under
differentiation: JAX's own gradient of the loops would carry whole volumes through every turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from convpad.geometry.window import spanned
from convpad.ops._backends import Ints
from convpad.ops._backends.jax import direct
from convpad.ops._backends.jax.tensors import Tensor

LEAST = 100
"""From how many places in a plane on a faster convolution is worth 0.1 to 0.4 s more of compilation."""


class Volume(NamedTuple):
    """Where the windows of a convolution of three axes are."""

    strides: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    sizes: tuple[int, ...]
    taps: tuple[int, ...]

    @property
    def reach(self) -> list[int]:
        """How far from the first window's start a window may start."""
        rows = zip(self.sizes, self.taps, self.pads, self.dilation, strict=True)
        return [size + sum(pair) - spanned(taps, step) for size, taps, pair, step in rows]

    @property
    def outputs(self) -> list[int]:
        return [reach // stride + 1 for reach, stride in zip(self.reach, self.strides, strict=True)]

    @property
    def leftovers(self) -> list[int]:
        return [reach % stride for reach, stride in zip(self.reach, self.strides, strict=True)]

    @property
    def planes(self) -> list[int]:
        """Where the taps along the depth are from the first output's place."""
        return [tap * self.dilation[0] - self.pads[0][0] for tap in range(self.taps[0])]


def faster(x: Tensor, kernel: Tensor, sizes: Ints, groups: int) -> bool:
    """Whether plane by plane is possible, and faster than XLA's own way, for volumes of these sizes.

    It is where a plane, of all volumes together, has as many places as there are channels: the kernel is read anew for
    every plane. A window of one row and column is a product of matrices to XLA, and as fast.
    """
    # Where the depth is spread over devices, every plane would have to be fetched.
    if len(sizes) != 3 or groups > 1 or jax.default_backend() != "cpu" or jax.device_count() > 1:
        return False
    known = all(isinstance(size, int) for size in (*sizes, *x.shape[1:]))
    if not known or not jnp.issubdtype(x.dtype, jnp.floating) or kernel.shape[1:3] == (1, 1):
        return False
    batch = x.shape[0] if isinstance(x.shape[0], int) else 1
    return batch * sizes[1] * sizes[2] >= max(LEAST, *kernel.shape[-2:])


def convolved(x: Tensor, kernel: Tensor, volume: Volume) -> Tensor:
    """The convolution, channels last."""
    return _view.bind(x, kernel, gives="y", volume=volume)  # pyright: ignore


def transposed(y: Tensor, kernel: Tensor, volume: Volume) -> Tensor:
    """Its adjoint: the gradient of the volume."""
    return _view.bind(y, kernel, gives="x", volume=volume)  # pyright: ignore


def _of_kernel(x: Tensor, y: Tensor, volume: Volume) -> Tensor:
    """The gradient of the kernel."""
    return _view.bind(x, y, gives="kernel", volume=volume)  # pyright: ignore


def _wide(x: Tensor) -> Tensor:
    """In a precision that sums can be taken in."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _plane(x: Tensor, place: Any) -> Tensor:
    return _wide(lax.dynamic_index_in_dim(x, place, 1, keepdims=False))


def _by_planes(made: Callable[[Any], Tensor], given: Tensor, like: Any) -> Tensor:
    """A volume of planes that are made one after the other of a given one."""
    # Every plane is overwritten, so any value will do to start from. One of the given keeps XLA from sharing the start
    # among loops, of which it would make copies before the first.
    start = jnp.broadcast_to(given[:, 0, 0, 0, 0].sum().astype(like.dtype), like.shape)

    def turn(place: Any, out: Tensor) -> Tensor:
        return lax.dynamic_update_index_in_dim(out, made(place).astype(out.dtype), place, 1)

    return lax.fori_loop(0, like.shape[1], turn, start)


def _added(total: Tensor, holds: Any, more: Callable[..., Tensor], *arguments: Any) -> Tensor:
    """The total, with more only where that holds: a sum with zeros would let what is not finite through."""
    return lax.cond(holds, lambda: total + more(*arguments), lambda: total)


def _outputs(x: Tensor, kernel: Tensor, volume: Volume, like: Any) -> Tensor:
    wide = _wide(kernel)

    def under(tap: int, place: Any) -> Tensor:
        window = volume.strides[1:], volume.pads[1:], volume.dilation[1:]
        return direct.convolved(_plane(x, place), wide[tap], *window, 1, True)

    def made(output: Any) -> Tensor:
        total = jnp.zeros((like.shape[0], *like.shape[2:]), wide.dtype)
        for tap, start in enumerate(volume.planes):
            place = output * volume.strides[0] + start
            total = _added(total, (place >= 0) & (place < volume.sizes[0]), under, tap, place)
        return total

    return _by_planes(made, x, like)


def _volumes(y: Tensor, kernel: Tensor, volume: Volume, like: Any) -> Tensor:
    # Turned once and for all: of one turned within the loop XLA 0.10.2 takes up to 40 times as long.
    turned = lax.optimization_barrier(direct.flipped(_wide(kernel), 2, 1))

    def from_(tap: int, output: Any) -> Tensor:
        window = volume.strides[1:], volume.pads[1:], volume.leftovers[1:], volume.dilation[1:]
        return direct.transposed(_plane(y, output), turned[tap], *window, 1, True)

    def made(place: Any) -> Tensor:
        total = jnp.zeros((like.shape[0], *like.shape[2:]), turned.dtype)
        for tap, start in enumerate(volume.planes):
            output, rest = (place - start) // volume.strides[0], (place - start) % volume.strides[0]
            total = _added(total, (rest == 0) & (output >= 0) & (output < volume.outputs[0]), from_, tap, output)
        return total

    return _by_planes(made, y, like)


def _kernel(x: Tensor, y: Tensor, volume: Volume, like: Any) -> Tensor:
    """A product of matrices per tap: the values that it falls on, and the gradients of its outputs."""
    *taps, channels, filters = like.shape

    def products(gradient: Tensor, place: Any) -> Tensor:
        around = [(0, 0, 0), *((*pair, 0) for pair in volume.pads[1:]), (0, 0, 0)]
        plane = lax.pad(_plane(x, place), jnp.zeros((), gradient.dtype), around)
        found: list[Tensor] = []
        for tap in product(*map(range, taps[1:])):
            cuts = [slice(None)]
            for at, step, stride, count in zip(
                tap, volume.dilation[1:], volume.strides[1:], volume.outputs[1:], strict=True
            ):
                cuts.append(slice(at * step, at * step + (count - 1) * stride + 1, stride))
            found.append(plane[tuple(cuts)].reshape(-1, channels).T @ gradient)
        return jnp.stack(found)

    def turn(output: Any, totals: list[Tensor]) -> list[Tensor]:
        gradient = _plane(y, output).reshape(-1, filters)
        places = [output * volume.strides[0] + start for start in volume.planes]
        return [
            _added(total, (place >= 0) & (place < volume.sizes[0]), products, gradient, place)
            for total, place in zip(totals, places, strict=True)
        ]

    totals = [_wide(jnp.zeros((taps[1] * taps[2], channels, filters), like.dtype))] * taps[0]
    return jnp.stack(lax.fori_loop(0, volume.outputs[0], turn, totals)).reshape(like.shape).astype(like.dtype)


_VIEWS: dict[str, Callable[..., Tensor]] = {"y": _outputs, "x": _volumes, "kernel": _kernel}


def _shaped(one: Any, two: Any, *, gives: str, volume: Volume) -> Any:
    shape = {
        "y": (one.shape[0], *volume.outputs, two.shape[-1]),
        "x": (one.shape[0], *volume.sizes, two.shape[-2]),
        "kernel": (*volume.taps, one.shape[-1], two.shape[-1]),
    }[gives]
    return ShapedArray(shape, one.dtype)


def _computed(one: Tensor, two: Tensor, *, gives: str, volume: Volume) -> Tensor:
    return _VIEWS[gives](one, two, volume, _shaped(one, two, gives=gives, volume=volume))


def _by_xla(one: Tensor, two: Tensor, *, gives: str, volume: Volume) -> Tensor:
    def conv(x: Tensor, kernel: Tensor) -> Tensor:
        return direct.convolved(x, kernel, volume.strides, volume.pads, volume.dilation, 1, True)

    if gives == "y":
        return conv(one, two)
    like = _shaped(one, two, gives=gives, volume=volume)
    like = jax.ShapeDtypeStruct(like.shape, like.dtype)
    if gives == "x":
        return jax.linear_transpose(lambda x: conv(x, two), like)(one)[0]
    return jax.linear_transpose(lambda kernel: conv(one, kernel), like)(two)[0]


def _to_first(gradient: Tensor, one: Any, two: Tensor, *, gives: str, volume: Volume) -> Tensor:
    if gives == "y":
        return transposed(gradient, two, volume)
    return convolved(gradient, two, volume) if gives == "x" else transposed(two, gradient, volume)


def _to_second(gradient: Tensor, one: Tensor, two: Any, *, gives: str, volume: Volume) -> Tensor:
    if gives == "y":
        return _of_kernel(one, gradient, volume)
    return _of_kernel(gradient, one, volume) if gives == "x" else convolved(one, gradient, volume)


def _batched(given: Sequence[Tensor], axes: Sequence[int | None], *, gives: str, volume: Volume) -> tuple[Tensor, int]:
    """Volumes of one kernel are more volumes. Of several, XLA's own convolution knows groups."""
    if gives == "kernel" or axes[1] is not None:
        return jax.vmap(partial(_by_xla, gives=gives, volume=volume), tuple(axes))(*given), 0
    many = jnp.moveaxis(given[0], axes[0] or 0, 0)
    out = _view.bind(many.reshape(-1, *many.shape[2:]), given[1], gives=gives, volume=volume)  # pyright: ignore
    return out.reshape(*many.shape[:2], *out.shape[1:]), 0


_view = Primitive("convpad_volume")
_view.def_impl(jax.jit(_computed, static_argnames=("gives", "volume")))
_view.def_abstract_eval(_shaped)
ad.defbilinear(_view, _to_first, _to_second)
batching.primitive_batchers[_view] = _batched
mlir.register_lowering(_view, mlir.lower_fun(_computed, multiple_results=False))
