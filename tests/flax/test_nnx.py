"""Layers in Flax's and JAX's transformations, as state, and changed after they are made."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compare import assert_close
from flax import nnx
from flax_layers import made, numbers

import convpad
from convpad import Constant, Learned

pytestmark = pytest.mark.needs("jax")

MODE = (Learned("ones"), ("circular", Constant([1.0, 2.0])))


def layer(**options: Any) -> Any:
    return made(convpad.flax.Conv, 2, 4, (3, 3), padding="same", padding_mode=MODE, **options)


class Network(nnx.Module):
    def __init__(self, module: Any, rngs: Any, **options: Any) -> None:
        self.first = module.Conv(2, 4, (3, 3), rngs=rngs, **options)
        self.depthwise = module.Conv(4, 4, (3, 3), feature_group_count=4, padding="CIRCULAR", rngs=rngs)
        self.up = module.ConvTranspose(4, 2, (2, 2), strides=2, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.up(nnx.relu(self.depthwise(self.first(x))))


def test_a_network_of_flaxs_state() -> None:
    ours, theirs = Network(convpad.flax, nnx.Rngs(0)), Network(nnx, nnx.Rngs(1))
    nnx.update(ours, nnx.state(theirs))
    x = numbers(1, 6, 6, 2)
    assert_close(nnx.jit(lambda model, x: model(x))(ours, x), theirs(x), "float32")


def test_state_goes_around() -> None:
    one, x = layer(), numbers(1, 5, 4, 2)
    want = np.asarray(one(x))
    state = nnx.to_pure_dict(nnx.state(one))
    assert {name: value.shape for name, value in state.items()} == {
        "kernel": (3, 3, 2, 4),
        "bias": (4,),
        "padding_value": (2,),
    }
    other = made(convpad.flax.Conv, 2, 4, (3, 3), padding="same", padding_mode=MODE, seed=1)
    assert not np.array_equal(other(x), want)
    blank = nnx.state(other)
    nnx.replace_by_pure_dict(blank, state)
    nnx.update(other, blank)
    merged = nnx.merge(*nnx.split(one))
    for again in (other, merged, nnx.clone(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        np.testing.assert_array_equal(again(x), want)
    assert nnx.graphdef(one) == nnx.graphdef(layer())
    assert hash(nnx.graphdef(one)) == hash(nnx.graphdef(layer()))


def test_it_is_shown() -> None:
    shown = repr(layer())
    assert "padding='same'" in shown
    assert "padding_mode=(Learned(initializer='ones'), ('circular', Constant(value=(1.0, 2.0))))" in shown
    assert "padding_value=Param(" in shown
    assert "_operation" not in shown


def test_abstract_parameters() -> None:
    abstract = nnx.eval_shape(layer)
    assert abstract.padding_value.shape == (2,)
    assert jax.eval_shape(lambda x: layer()(x), jax.ShapeDtypeStruct((1, 5, 4, 2), jnp.float32)).shape == (1, 5, 4, 4)


def test_the_first_numbers_are_flaxs() -> None:
    ours, theirs = nnx.Rngs(3), nnx.Rngs(3)
    for _ in range(2):
        a, b = convpad.flax.Conv(2, 4, 3, rngs=ours), nnx.Conv(2, 4, 3, rngs=theirs)
        np.testing.assert_array_equal(a.kernel[...], b.kernel[...])
    learned = convpad.flax.Conv(2, 4, 3, padding_mode=Learned("normal"), param_dtype=jnp.bfloat16, rngs=ours)
    plain = nnx.Conv(2, 4, 3, param_dtype=jnp.bfloat16, rngs=theirs)
    np.testing.assert_array_equal(*(np.asarray(each.kernel[...], "float32") for each in (learned, plain)))
    assert learned.padding_value.dtype == jnp.bfloat16
    two = convpad.flax.Conv(2, 4, 3, padding_mode=(Learned("normal"), Learned("normal")), rngs=ours)
    assert not np.array_equal(two.padding_value[...], two.padding_value_1[...])


def test_metadata_of_parameters() -> None:
    options: dict[str, Any] = {"kernel_metadata": {"role": "filters"}}
    assert layer(**options).kernel.role == "filters"


def test_one_step_of_training() -> None:
    model, x = layer(), jnp.asarray(numbers(2, 5, 4, 2))
    loss = lambda model: ((model(x) - 1) ** 2).mean()  # noqa: E731
    gradients = nnx.jit(nnx.grad(loss))(model)
    before = loss(model)
    state = nnx.state(model, nnx.Param)
    nnx.update(model, jax.tree.map(lambda p, g: p - 0.05 * g, state, gradients))
    assert loss(model) < before
    assert np.abs(np.asarray(gradients["padding_value"][...])).min() > 0


@pytest.mark.parametrize("options", [{}, {"feature_group_count": 2}], ids=["dense", "depthwise"])
def test_vmap(options: dict[str, Any]) -> None:
    one, x = layer(**options), jnp.asarray(numbers(3, 5, 4, 2))
    assert_close(jax.vmap(one)(x), one(x), "float32")

    @nnx.split_rngs(splits=3)
    @nnx.vmap
    def several(rngs: Any) -> Any:
        return convpad.flax.Conv(2, 4, (3, 3), padding="same", padding_mode="reflect", rngs=rngs, **options)

    layers = several(nnx.Rngs(0))
    got = nnx.vmap(lambda each, x: each(x), in_axes=(0, None))(layers, x)
    graph, state = nnx.split(layers)
    for number in range(3):
        single = nnx.merge(graph, jax.tree.map(lambda p, number=number: p[number], state))
        assert_close(got[number], single(x), "float32")


def test_scan_over_layers() -> None:
    @nnx.split_rngs(splits=2)
    @nnx.vmap
    def several(rngs: Any) -> Any:
        return convpad.flax.Conv(2, 2, (3, 3), padding="same", padding_mode="circular", rngs=rngs)

    layers, x = several(nnx.Rngs(0)), jnp.asarray(numbers(1, 5, 4, 2))
    scanned = nnx.scan(lambda x, each: each(x), in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)
    graph, state = nnx.split(layers)
    want = x
    for number in range(2):
        want = nnx.merge(graph, jax.tree.map(lambda p, number=number: p[number], state))(want)
    assert_close(scanned(x, layers), want, "float32")


@pytest.mark.parametrize("options", [{}, {"padding": "same", "padding_mode": "reflect"}, {"feature_group_count": 2}])
def test_export_with_open_sizes(options: dict[str, Any]) -> None:
    one = made(convpad.flax.Conv, 2, 4, (3, 3), strides=2, **options)
    shape = jax.export.symbolic_shape("batch, height, width, 2")
    exported = jax.export.export(jax.jit(one.__call__))(jax.ShapeDtypeStruct(shape, jnp.float32))
    x = numbers(2, 7, 6, 2)
    assert_close(exported.call(x), one(x), "float32")


def test_several_shapes_of_one_compiled_function() -> None:
    one = layer()
    run = nnx.jit(lambda model, x: model(x))
    for shape in ((1, 5, 4, 2), (2, 6, 3, 2)):
        x = numbers(*shape)
        assert_close(run(one, x), one(x), "float32")


def test_attributes_are_followed() -> None:
    one, x = made(convpad.flax.Conv, 2, 4, (3, 3)), numbers(1, 7, 6, 2)
    model = nnx.Sequential(one)
    model.set_attributes(convpad.flax.Conv, padding="half", strides=2, kernel_dilation=2, padding_mode="reflect")
    same = made(convpad.flax.Conv, 2, 4, (3, 3), 2, padding="half", kernel_dilation=2, padding_mode="reflect")
    np.testing.assert_array_equal(one(x), same(x))
    for name, value in (("padding", "sane"), ("padding_mode", Learned()), ("strides", 0), ("input_dilation", 2)):
        with pytest.raises(convpad.PaddingError):
            setattr(one, name, value)
        np.testing.assert_array_equal(one(x), same(x))
    one.set_attributes(padding_mode=None)
    one.set_attributes(padding="CIRCULAR")
    theirs = made(nnx.Conv, 2, 4, (3, 3), 2, padding="CIRCULAR", kernel_dilation=2)
    assert_close(one(x), theirs(x), "float32")


def test_a_padding_is_a_padding() -> None:
    padding = convpad.Padding.parse("half", ("reflect", "circular"), rank=2)
    one, x = made(convpad.flax.Conv, 2, 4, (3, 3), padding=padding), numbers(1, 5, 4, 2)
    same = made(convpad.flax.Conv, 2, 4, (3, 3), padding="half", padding_mode=("reflect", "circular"))
    np.testing.assert_array_equal(one(x), same(x))
    assert_close(
        convpad.flax.max_pool(x, (3, 3), padding=padding),
        convpad.flax.max_pool(x, (3, 3), padding="half", padding_mode=("reflect", "circular")),
        "float32",
    )
