"""With Equinox's arguments Equinox's layers: the cases of its own tests, and its numbers, fields and trees."""

from __future__ import annotations

import inspect
import io
from typing import Any

import pytest
from frameworks import framework

framework("jax")

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from compare import assert_close

import convpad.equinox as ours

pytestmark = pytest.mark.needs("jax")

KEY = jax.random.key(0)
NAMES = ours.__all__


def normal(*shape: int, dtype: Any = None) -> Any:
    return jax.random.normal(jax.random.key(len(shape)), shape, dtype)


def pair(name: str, *arguments: Any, **options: Any) -> tuple[Any, Any]:
    """The layer of convpad and that of Equinox, of the same arguments."""
    if "Conv" in name:
        options = {"key": KEY, **options}
    return getattr(ours, name)(*arguments, **options), getattr(eqx.nn, name)(*arguments, **options)


def assert_equal(layer: Any, theirs: Any, x: Any) -> None:
    """Equal fields, weights and outputs of two layers."""
    for name in inspect.signature(type(theirs)).parameters:
        if hasattr(theirs, name) and name not in ("init", "operation"):
            got, want = getattr(layer, name), getattr(theirs, name)
            same = bool(jnp.array_equal(got, want)) if eqx.is_array(want) else got == want
            assert same, (name, got, want)
    got, want = layer(x), theirs(x)
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    assert_close(got, want)


@pytest.mark.parametrize("name", NAMES)
def test_subclasses_with_their_signatures(name: str) -> None:
    mine, theirs = getattr(ours, name), getattr(eqx.nn, name)
    assert issubclass(mine, theirs)
    assert not name.startswith("Conv") or issubclass(mine, ours.Conv if "Transpose" not in name else ours.ConvTranspose)
    parameters = inspect.signature(mine).parameters
    wanted = inspect.signature(theirs).parameters
    assert [*parameters][: len(wanted)] == [*wanted]
    for parameter in wanted.values():
        assert parameters[parameter.name].kind == parameter.kind
        assert parameters[parameter.name].default == parameter.default


CONVOLUTIONS = [
    ("Conv1d", (1, 3, 3), {}, (32,)),
    ("Conv1d", (1,), {"out_channels": 3, "kernel_size": (3,), "padding": 1, "use_bias": False}, (32,)),
    ("Conv1d", (3, 1, [3]), {"stride": 2, "padding": [1]}, (32,)),
    ("Conv1d", (4, 6, 3), {"padding": "same_lower", "stride": 2, "dilation": 2, "groups": 2}, (9,)),
    ("Conv2d", (1, 3, (3, 3)), {"padding": (1, 0), "stride": (2, 1)}, (9, 8)),
    ("Conv2d", (3, 8, 1, 2), {"padding": ((0, 1), (0, 3))}, (32, 32)),
    ("Conv2d", (2, 2, 3), {"padding": 1, "groups": 2}, (3, 3)),
    ("Conv2d", (4, 8, (3, 2), 2), {"padding": "SAME", "groups": 4}, (8, 7)),
    ("Conv2d", (2, 3, 3), {"padding": ((2, 1), (0, 3)), "padding_mode": "reflect"}, (6, 7)),
    ("Conv2d", (2, 3, 3, 2), {"padding": "SAME", "padding_mode": "Replicate"}, (6, 7)),
    ("Conv3d", (3, 1, (3, 3, 3)), {"stride": 2, "padding": 1}, (3, 8, 9)),
    ("Conv3d", (1, 1, (2, 1, 1)), {"padding": (1, 0, 0), "padding_mode": "CIRCULAR"}, (2, 2, 2)),
    ("Conv", (1, 2, 2, 3), {"padding": "VALID"}, (7,)),
    ("Conv", (2, 2, 2, 3, 1, 1), {"dtype": jnp.float32}, (7, 6)),
    ("ConvTranspose1d", (1, 3, 3), {}, (32,)),
    ("ConvTranspose1d", (3, 1, 3, 2, 1, 1, 2), {"use_bias": False}, (31,)),
    ("ConvTranspose1d", (1, 1, 3, 2), {"output_padding": 1, "padding": "SAME", "dilation": 2}, (3,)),
    ("ConvTranspose1d", (1, 1, 1, 3), {"output_padding": 1, "padding": "SAME_LOWER"}, (4,)),
    ("ConvTranspose1d", (1, 1, 4, 3), {"output_padding": 2, "padding": "VALID"}, (4,)),
    ("ConvTranspose1d", (1, 1, 3, 2), {"padding": "SAME", "dilation": 2, "padding_mode": "circular"}, (3,)),
    ("ConvTranspose1d", (2, 2, 2, 3), {"padding": "SAME_LOWER", "groups": 2, "padding_mode": "CIRCULAR"}, (2,)),
    ("ConvTranspose2d", (2, 4, 3), {"padding": 1, "groups": 2}, (3, 3)),
    ("ConvTranspose2d", (8, 3, 1, 2), {"padding": ((0, 1), (0, 3))}, (17, 18)),
    ("ConvTranspose2d", (2, 3, (3, 4), (2, 3)), {"padding": "SAME", "padding_mode": "CIRCULAR"}, (3, 4)),
    ("ConvTranspose3d", (3, 1, (3, 3, 3)), {"stride": 2, "padding": 1, "output_padding": 1}, (2, 5, 4)),
    ("ConvTranspose", (1, 2, 2, 3, 2, 1, 1, 1), {}, (7,)),
]
"""(name, arguments, options, spatial sizes)."""


@pytest.mark.parametrize(("name", "arguments", "options", "sizes"), CONVOLUTIONS)
def test_convolutions(name: str, arguments: Any, options: dict[str, Any], sizes: tuple[int, ...]) -> None:
    layer, theirs = pair(name, *arguments, **options)
    assert_equal(layer, theirs, normal(theirs.in_channels, *sizes, dtype=theirs.weight.dtype))


@pytest.mark.parametrize("dtype", [jnp.int32, jnp.complex64, jnp.bfloat16])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Conv2d", {"padding": 1}),
        ("Conv2d", {"padding": 1, "groups": 2}),
        ("Conv2d", {"padding": "SAME", "padding_mode": "reflect"}),
        ("ConvTranspose2d", {"padding": 1, "stride": 2}),
        ("ConvTranspose2d", {"padding": "SAME", "padding_mode": "circular"}),
    ],
)
def test_dtypes(name: str, options: dict[str, Any], dtype: Any) -> None:
    layer, theirs = pair(name, 2, 2, 3, **options)
    arrays = [(8 * array).astype(dtype) for array in (theirs.weight, theirs.bias)]
    changed = [eqx.tree_at(lambda it: (it.weight, it.bias), each, arrays) for each in (layer, theirs)]
    x = jnp.arange(2.0 * 3 * 4).reshape(2, 3, 4).astype(dtype)
    got, want = (each(x) for each in changed)
    assert got.dtype == want.dtype
    np.testing.assert_allclose(*[np.asarray(each, np.complex64) for each in (got, want)], rtol=0.02, atol=0.02)


POOLS = [
    ("MaxPool1d", (2, 3), {}, (14,)),
    ("MaxPool1d", (3, 3, 0, True), {}, (14,)),
    ("MaxPool1d", (2, 3), {"use_ceil": True}, (4,)),
    ("AvgPool1d", (2, 3), {}, (14,)),
    ("AvgPool1d", (3, 2), {"padding": ((1, 0),), "use_ceil": True}, (7,)),
    ("MaxPool2d", (2, (3, 2)), {}, (6, 6)),
    ("MaxPool2d", ((3, 3), 2, (1, 1)), {"use_ceil": True}, (6, 6)),
    ("AvgPool2d", ((1, 3), 2), {}, (6, 6)),
    ("AvgPool2d", (3, 1, 1), {}, (5, 4)),
    ("MaxPool3d", (2, (3, 2, 1)), {}, (4, 4, 4)),
    ("MaxPool3d", (3,), {"padding": (0, 1, 1), "stride": 2, "use_ceil": True}, (4, 4, 4)),
    ("AvgPool3d", ((1, 3, 1), 2), {}, (4, 4, 4)),
]


@pytest.mark.parametrize(("name", "arguments", "options", "sizes"), POOLS)
def test_pools(name: str, arguments: Any, options: dict[str, Any], sizes: tuple[int, ...]) -> None:
    layer, theirs = pair(name, *arguments, **options)
    x = jnp.arange(2 * np.prod(sizes)).reshape(2, *sizes)
    if theirs.use_ceil and max(theirs.stride) > min(theirs.kernel_size):  # Equinox refuses its own padding then
        with pytest.raises(RuntimeError):
            theirs(x)
        assert layer(x).tolist() == [[1, 3], [5, 7]]
        return
    assert_equal(layer, theirs, x)
    assert_equal(layer, theirs, x / 3)


def test_values_of_equinoxs_own_tests() -> None:
    layer = ours.Conv1d(1, 3, 3, padding=1, key=KEY)
    weights = (jnp.arange(9).reshape(3, 1, 3), jnp.array([1, 2, 3]).reshape(3, 1))
    layer = eqx.tree_at(lambda it: (it.weight, it.bias), layer, weights)
    want = [[-6, -3, 0, 3, 6, 3], [-20, -20, -8, 4, 16, 13], [-34, -37, -16, 5, 26, 23]]
    assert layer(jnp.arange(-3, 3).reshape(1, -1)).tolist() == want


@pytest.mark.parametrize("mode", ["ZEROS", "CIRCULAR"])
def test_transposed_connects_what_the_convolution_connects(mode: str) -> None:
    options = {"stride": 2, "dilation": 2, "padding": "SAME", "padding_mode": mode, "use_bias": False, "key": KEY}
    there, back = ours.Conv1d(1, 1, 3, **options), ours.ConvTranspose1d(1, 1, 3, **options)
    there, back = jax.tree.map(jnp.ones_like, (there, back))
    x = normal(1, 6)
    forward = jax.jacobian(there)(x).reshape(-1, x.size)
    assert_close(jax.jacobian(back)(there(x)).reshape(x.size, -1), forward.T)


def test_gradients_are_equinoxs() -> None:
    x = normal(3, 4, 7, 6)
    for name, options in [("Conv2d", {"groups": 4}), ("Conv2d", {"groups": 2}), ("ConvTranspose2d", {"stride": 2})]:
        layer, theirs = pair(name, 4, 8, 3, padding=1, **options)
        loss = eqx.filter_jit(eqx.filter_grad(lambda both, layer=layer: (jax.vmap(both[0])(both[1]) ** 2).sum()))
        for got, want in zip(*map(jax.tree.leaves, (loss((layer, x)), loss((theirs, x)))), strict=True):
            assert_close(got, want)


def test_wrapped_by_equinoxs_norms() -> None:
    layer, theirs = pair("Conv3d", 2, 3, 3)
    x = normal(2, 3, 3, 3)
    assert_close(eqx.nn.WeightNorm(layer)(x), eqx.nn.WeightNorm(theirs)(x))
    spectral = [eqx.nn.SpectralNorm(each, "weight", key=KEY) for each in (layer, theirs)]
    got, want = (each(x, eqx.nn.State(each))[0] for each in spectral)
    assert_close(got, want)


def test_weights_saved_from_equinox_are_loaded() -> None:
    theirs = eqx.nn.Sequential([eqx.nn.Conv2d(2, 4, 3, padding=1, key=KEY), eqx.nn.MaxPool2d(2)])
    mine = eqx.nn.Sequential(
        [ours.Conv2d(2, 4, 3, padding=1, padding_mode="symmetric", key=jax.random.key(1)), ours.MaxPool2d(2)]
    )
    file = io.BytesIO()
    eqx.tree_serialise_leaves(file, theirs)
    file.seek(0)
    loaded = eqx.tree_deserialise_leaves(file, mine)
    assert bool(jnp.array_equal(loaded[0].weight, theirs[0].weight))
    assert loaded[0].padding_mode == "symmetric"
