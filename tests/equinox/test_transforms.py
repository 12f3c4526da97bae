"""Layers under JAX's and Equinox's transformations: mapped, compiled, differentiated, copied, exported, on devices."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from typing import Any

import pytest
from frameworks import framework

framework("jax")

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from compare import assert_close

import convpad
import convpad.equinox as layers
from convpad.backends.jax import cpu

pytestmark = pytest.mark.needs("jax")

KEY = jax.random.key(0)
OPTIONS: dict[str, Any] = {"padding": 1, "groups": 4, "key": KEY}
MINE, THEIRS = layers.Conv2d(4, 8, 3, **OPTIONS), eqx.nn.Conv2d(4, 8, 3, **OPTIONS)
X = jax.random.normal(KEY, (6, 4, 5, 7))


def assert_trees_close(got: Any, want: Any) -> None:
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert_close(one, other)


def loss(layer: Any, x: Any) -> Any:
    return (jax.vmap(layer)(x) ** 2).sum()


def example_gradients(layer: Any) -> Any:
    return jax.vmap(eqx.filter_grad(lambda layer, x: (layer(x) ** 2).sum()), (None, 0))(layer, X)


def ensemble(layer: Any) -> Any:
    kind = type(layer)
    many = eqx.filter_vmap(lambda key: kind(4, 8, 3, **{**OPTIONS, "key": key}))(jax.random.split(KEY, 3))
    return eqx.filter_vmap(lambda one, x: jax.vmap(one)(x), in_axes=(eqx.if_array(0), None))(many, X)


TRANSFORMED: dict[str, Any] = {
    "mapped": lambda layer: jax.vmap(layer)(X),
    "mapped along other axes": lambda layer: jax.vmap(layer, 3, 1)(jnp.moveaxis(X, 0, 3)),
    "mapped twice": lambda layer: jax.vmap(jax.vmap(layer))(X.reshape(2, 3, 4, 5, 7)),
    "mapped within a program": lambda layer: eqx.filter_jit(lambda layer: jax.vmap(layer)(X))(layer),
    "gradient": lambda layer: eqx.filter_grad(loss)(layer, X),
    "gradient within a program": lambda layer: eqx.filter_jit(eqx.filter_value_and_grad(loss))(layer, X),
    "gradient recomputed": lambda layer: eqx.filter_grad(lambda it: loss(eqx.filter_checkpoint(it), X))(layer),
    "gradients by example": example_gradients,
    "an ensemble": ensemble,
    "second derivative": lambda layer: jax.jvp(jax.grad(lambda x: (layer(x) ** 2).sum()), (X[0],), (X[1],)),
    "transposed": lambda layer: jax.linear_transpose(eqx.tree_at(lambda it: it.bias, layer, 0.0), X[0])(
        jnp.ones((8, 5, 7))
    ),
    "on NumPy arrays": lambda layer: layer(np.asarray(X[0])),
}


@pytest.mark.parametrize("name", TRANSFORMED)
def test_transformed_as_equinoxs(name: str) -> None:
    assert_trees_close(TRANSFORMED[name](MINE), TRANSFORMED[name](THEIRS))


def test_depthwise_layers_run_on_convpads_kernel_for_the_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[Any] = []
    kernel = cpu.KERNELS["sum of taps"]
    monkeypatch.setitem(cpu.KERNELS, "sum of taps", lambda x, *rest: shapes.append(x.shape) or kernel(x, *rest))
    layer = layers.Conv2d(3, 3, 3, padding=1, groups=3, key=KEY)
    assert layer.plan((3, 8, 9)).kernel == layer.plan((5, 3, 8, 9)).kernel == "sum of taps"
    layer(jnp.zeros((3, 8, 9)))
    assert {*shapes} == {(1, 3, 8, 9)}
    shapes.clear()
    jax.vmap(layer)(jnp.zeros((5, 3, 8, 9)))
    assert {*shapes} == {(5, 3, 8, 9)}
    shapes.clear()
    eqx.filter_jit(eqx.filter_grad(loss))(layer, jnp.zeros((4, 3, 8, 9)))
    assert {*shapes} == {(4, 3, 8, 9)}


def test_plans_see_the_whole_batch() -> None:
    layer = layers.Conv2d(16, 16, 3, padding=1, key=KEY)
    assert layer.plan((16, 8, 8)).kernel != "gradient in strips"
    assert layer.plan((4096, 16, 8, 8)).kernel == "gradient in strips"


def test_thresholds_that_change_make_another_program() -> None:
    layer = layers.Conv2d(2, 2, 3, padding=1, groups=2, key=KEY)
    x = jnp.ones((2, 5, 5))
    before = jax.jit(lambda x: layer(x)).lower(x).as_text()
    with convpad.tuning.replace(cpu_kernels=False):
        changed = jax.jit(lambda x: layer(x)).lower(x).as_text()
    assert "feature_group_count = 2" in changed
    assert "feature_group_count = 2" not in before


def test_within_portable_pads_programs_hold_operations_of_jax_alone() -> None:
    with convpad.portable_pads():
        assert "convpad" not in str(jax.make_jaxpr(MINE)(X[0]))
        assert_close(MINE(X[0]), THEIRS(X[0]))
    assert "convpad_layer" in str(jax.make_jaxpr(MINE)(X[0]))


def test_exported_with_open_sizes() -> None:
    layer = layers.Conv2d(2, 3, 3, 2, padding="same", padding_mode=("reflect", "circular"), key=KEY)
    shape = jax.export.symbolic_shape("b, 2, h, w")
    exported = jax.export.export(jax.jit(jax.vmap(layer)))(jax.ShapeDtypeStruct(shape, jnp.float64))
    x = jax.random.normal(KEY, (3, 2, 6, 5), jnp.float64)
    assert_close(exported.call(x), jax.vmap(layer)(x))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))], ids=["copy", "pickle"])
def test_copies_are_equal(copied: Any) -> None:
    mode = ("circular", (convpad.Learned("ones"), 2.5))
    for layer in (
        MINE,
        layers.Conv2d(2, 3, 3, padding="half", padding_mode=mode, key=KEY),
        layers.MaxPool2d(3, padding="same", padding_mode=convpad.Constant([1, 2])),
    ):
        again = copied(layer)
        assert eqx.tree_equal(again, layer)
        assert jax.tree.structure(again) == jax.tree.structure(layer)
        assert again.computation == layer.computation
        assert hash(again.computation) == hash(layer.computation)


def test_an_operation_that_another_process_pickled_has_the_hash_of_this_one() -> None:
    program = (
        "import convpad.equinox, pickle, sys\nit = convpad.equinox.MaxPool1d(3, padding='same').computation.operation"
    )
    program += "\nhash(it)\nsys.stdout.buffer.write(pickle.dumps(it))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": "7"}
    )
    operation = layers.MaxPool1d(3, padding="same").computation.operation
    assert pickle.loads(done.stdout) == operation
    assert hash(pickle.loads(done.stdout)) == hash(operation)


def test_trained_padding() -> None:
    once, twice = convpad.Learned(), convpad.Learned("ones")
    layer = layers.Conv2d(2, 3, 3, padding=1, padding_mode=(once, (once, twice)), key=KEY)
    assert [value.tolist() for value in layer.padding_values] == [[0, 0], [0, 0], [1, 1]]
    assert bool(jnp.array_equal(layer.weight, eqx.nn.Conv2d(2, 3, 3, key=KEY).weight))
    gradient = eqx.filter_grad(loss)(layer, X[:, :2])
    assert all(bool((value != 0).all()) for value in gradient.padding_values)
    normal = [layers.Conv1d(2, 2, 3, padding_mode=convpad.Learned("normal"), key=KEY) for _ in range(2)]
    assert eqx.tree_equal(*normal)
    shapes = eqx.filter_eval_shape(layers.Conv1d, 2, 2, 3, padding_mode=convpad.Learned(), key=KEY)
    assert shapes.padding_values[0].shape == (2,)


def test_shown_with_its_padding() -> None:
    shown = repr(layers.Conv2d(2, 3, 3, padding="half", padding_mode=("reflect", 2), key=KEY))
    assert "padding='half'" in shown
    assert "padding_mode=('reflect', 2)" in shown
    assert "Operation" not in shown


SHARDED = """
import os
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
import jax, jax.numpy as jnp, convpad.equinox, equinox as eqx
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
layer = convpad.equinox.Conv2d(2, 4, 3, padding=1, padding_mode=("zeros", "circular"), groups=2, key=jax.random.key(0))
x = jax.random.normal(jax.random.key(1), (4, 2, 6, 5))
whole = jax.vmap(layer)(x)
mesh = Mesh(jax.devices(), ("batch",))
split = jax.device_put(x, NamedSharding(mesh, P("batch")))
out = eqx.filter_jit(lambda layer, x: jax.vmap(layer)(x))(layer, split)
assert len(out.sharding.device_set) == 2 and jnp.allclose(out, whole, atol=1e-6)
mapped = jax.shard_map(lambda x: jax.vmap(layer)(x), mesh=mesh, in_specs=P("batch"), out_specs=P("batch"))
assert jnp.allclose(jax.jit(mapped)(split), whole, atol=1e-6)
print("equal")
"""


def test_on_several_devices() -> None:
    done = subprocess.run([sys.executable, "-c", SHARDED], capture_output=True, text=True, check=False)
    assert done.stdout == "equal\n", done.stderr
