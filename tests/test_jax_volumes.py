"""Is a volume taken plane by plane what XLA's convolution is? Values, every derivative, batches, and what is held."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from compare import assert_close
from frameworks import framework

import convpad

jax = framework("jax").jax

from convpad.ops._backends.jax import volumes

jnp = jax.numpy


@dataclass(frozen=True)
class Case:
    """A convolution of volumes: sizes, window and what a caller may say."""

    name: str
    sizes: tuple[int, int, int]
    window: tuple[int, int, int]
    strides: tuple[int, int, int] = (1, 1, 1)
    dilation: tuple[int, int, int] = (1, 1, 1)
    padding: Any = "same"
    batch: int = 2
    channels: tuple[int, int] = (3, 4)
    data_format: str = "channels_last"

    def __str__(self) -> str:
        return self.name

    @property
    def options(self) -> dict[str, Any]:
        return {
            "strides": self.strides,
            "dilation_rate": self.dilation,
            "padding": self.padding,
            "data_format": self.data_format,
        }

    def arrays(self, op: str = "conv", seed: int = 0) -> list[Any]:
        rng = np.random.default_rng(seed)
        taken = self.channels if op == "conv" else self.channels[::-1]
        shape = (*self.sizes, taken[0]) if self.data_format == "channels_last" else (taken[0], *self.sizes)
        return [rng.normal(size=(self.batch, *shape)), rng.normal(size=(*self.window, *self.channels))]

    def call(self, op: str, *arrays: Any, **changed: Any) -> Any:
        return getattr(convpad, op)(*arrays, **{**self.options, **changed})


CASES = [
    Case("cube", (5, 6, 7), (3, 3, 3)),
    Case("flat window", (5, 6, 7), (1, 3, 3)),
    Case("one row", (5, 6, 7), (3, 1, 3)),
    Case("even", (5, 6, 7), (2, 4, 2)),
    Case("large", (5, 6, 7), (5, 5, 5), batch=1),
    Case("no padding", (5, 6, 7), (3, 3, 3), padding="valid"),
    Case("full", (4, 5, 3), (3, 3, 3), padding="full"),
    Case("uneven", (5, 6, 7), (3, 3, 3), padding=((0, 3), (2, 0), (1, 4))),
    Case("causal", (5, 6, 7), (3, 3, 3), padding="causal"),
    Case("strides", (7, 8, 6), (3, 3, 3), strides=(2, 2, 2)),
    Case("uneven strides", (8, 7, 6), (3, 2, 3), strides=(3, 1, 2)),
    Case("strides beyond the window", (9, 8, 8), (2, 2, 2), strides=(3, 3, 4), padding="valid"),
    Case("dilation", (7, 8, 6), (3, 3, 2), dilation=(2, 2, 3)),
    Case("window beyond the volume", (2, 6, 7), (5, 3, 3)),
    Case("one plane", (1, 6, 7), (3, 3, 3)),
    Case("channels first", (5, 6, 7), (3, 3, 3), strides=(2, 1, 1), data_format="channels_first"),
]
# The gradients of a convolution are made of its adjoint and its kernel's gradient, so few adjoints are left to look at.
ADJOINTS = [case for case in CASES if case.name in ("cube", "uneven strides", "dilation", "channels first")]
OPS = ("conv", "conv_transpose")
every = pytest.mark.parametrize("case", CASES, ids=str)
of_both = pytest.mark.parametrize("op", OPS)


@pytest.fixture(autouse=True)
def _of_any_size(monkeypatch: Any) -> None:
    monkeypatch.setattr(volumes, "LEAST", 0)


def by_planes(function: Any, *arrays: Any) -> bool:
    """Whether it is taken plane by plane."""
    fresh = jax.make_jaxpr(lambda *given: function(*given))  # JAX remembers what it traced of a function
    return "convpad_volume" in str(fresh(*arrays))


@pytest.fixture
def by_xla(monkeypatch: Any) -> Iterator[Any]:
    """What a function gives with XLA's own convolution."""

    def found(function: Any, *arrays: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(volumes, "LEAST", 10**9)
            assert not by_planes(function, *arrays)
            return function(*arrays)

    yield found


def assert_same(got: Any, want: Any, dtype: str = "float64") -> None:
    got, want = jax.tree.leaves(got), jax.tree.leaves(want)
    assert len(got) == len(want)
    for one, other in zip(got, want, strict=True):
        assert_close(one, other, dtype)


@of_both
@every
def test_values_are_the_oracles(case: Case, op: str) -> None:
    arrays = case.arrays(op)
    tensors = list(map(jnp.asarray, arrays))
    want = case.call(op, *arrays)

    def call(*given: Any) -> Any:
        return case.call(op, *given)

    assert by_planes(call, *tensors)
    assert_close(call(*tensors), want)
    assert_close(jax.jit(call)(*tensors), want)


@pytest.mark.parametrize(
    ("op", "case"), [("conv", case) for case in CASES] + [("conv_transpose", case) for case in ADJOINTS], ids=str
)
def test_every_derivative_is_xlas(case: Case, op: str, by_xla: Any) -> None:
    x, kernel = map(jnp.asarray, case.arrays(op))
    dx, dkernel = map(jnp.asarray, case.arrays(op, seed=1))
    weights = jnp.asarray(np.random.default_rng(2).normal(size=case.call(op, x, kernel).shape))

    def energy(x: Any, kernel: Any) -> Any:
        return (weights * jnp.sin(case.call(op, x, kernel))).sum()

    def derivatives(x: Any, kernel: Any, dx: Any, dkernel: Any) -> Any:
        slopes = jax.grad(energy, (0, 1))
        forward = jax.jvp(energy, (x, kernel), (dx, dkernel))
        return forward, slopes(x, kernel), jax.jvp(slopes, (x, kernel), (dx, dkernel))[1]

    want = by_xla(derivatives, x, kernel, dx, dkernel)
    assert by_planes(derivatives, x, kernel, dx, dkernel)
    assert_same(jax.jit(derivatives)(x, kernel, dx, dkernel), want)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0), (2, None)], ids=str)
def test_batches(op: str, axes: Any, by_xla: Any) -> None:
    case = CASES[0]
    x, kernel = map(jnp.asarray, case.arrays(op))
    x = x if axes[0] is None else jnp.stack([x, 2 * x, x + 1], axes[0])
    kernel = kernel if axes[1] is None else jnp.stack([kernel, kernel - 1, kernel**2])

    def energy(x: Any, kernel: Any) -> Any:
        return jnp.square(case.call(op, x, kernel)).sum()

    def mapped(x: Any, kernel: Any) -> Any:
        inside = jax.vmap(jax.value_and_grad(energy, (0, 1)), axes)(x, kernel)
        outside = jax.grad(lambda *given: jax.vmap(energy, axes)(*given).sum(), (0, 1))(x, kernel)
        return inside, outside

    assert_same(mapped(x, kernel), by_xla(mapped, x, kernel))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_precision(dtype: str) -> None:
    case = CASES[0]
    x, kernel = (jnp.asarray(array, dtype) for array in case.arrays())
    rounded = [np.asarray(array, np.float64) for array in (x, kernel)]
    assert case.call("conv", x, kernel).dtype == dtype
    assert_close(case.call("conv", x, kernel).astype("float64"), case.call("conv", *rounded), dtype)

    def energy(x: Any, kernel: Any) -> Any:
        return case.call("conv", x, kernel).sum()

    found = jax.grad(energy, (0, 1))(x, kernel)
    want = jax.grad(energy, (0, 1))(*map(jnp.asarray, rounded))
    assert [array.dtype for array in found] == [dtype, dtype]
    for one, other in zip(found, want, strict=True):
        assert_close(one.astype("float64"), other, dtype)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("case", [CASES[0], CASES[8], CASES[9], CASES[12]], ids=str)
def test_what_is_not_finite_stays_in_the_windows_that_read_it(case: Case, value: float) -> None:
    x, kernel = case.arrays()
    x[0, 2, 3, 4, 1] = value
    read = np.zeros_like(x[..., :1])
    read[0, 2, 3, 4] = 1
    under = case.call("conv", read, np.ones((*case.window, 1, 1)))[..., 0] > 0
    found = np.isfinite(np.asarray(case.call("conv", jnp.asarray(x), jnp.asarray(kernel)))).all(-1)
    np.testing.assert_array_equal(found, ~under)
    assert under.any()
    assert not under.all()


def test_no_more_is_held_than_by_xla(monkeypatch: Any) -> None:
    x, kernel = jnp.zeros((1, 32, 32, 32, 16), "float32"), jnp.zeros((3, 3, 3, 16, 16), "float32")

    def layers(count: int) -> Any:
        def energy(kernels: Any) -> Any:
            out = x
            for each in kernels:
                out = jax.nn.relu(convpad.conv(out, each, padding="same"))
            return out.sum()

        return jax.jit(jax.grad(energy)).lower([kernel] * count).compile()

    for count in (1, 4):
        held: list[int] = []
        for least in (0, 10**9):
            monkeypatch.setattr(volumes, "LEAST", least)
            held.append(layers(count).memory_analysis().temp_size_in_bytes)
        assert held[0] < held[1]


def test_a_convolution_holds_a_few_planes() -> None:
    x, kernel = jnp.zeros((1, 32, 32, 32, 16), "float32"), jnp.zeros((3, 3, 3, 16, 16), "float32")
    convolved = jax.jit(lambda x, kernel: convpad.conv(x, kernel, padding="same")).lower(x, kernel).compile()
    assert convolved.memory_analysis().temp_size_in_bytes < x.nbytes // 4


def test_a_program_for_any_batch_can_be_exported() -> None:
    from jax import export

    case = CASES[0]
    x, kernel = map(jnp.asarray, case.arrays())
    (batch,) = export.symbolic_shape("b")
    given = jax.ShapeDtypeStruct((batch, *x.shape[1:]), x.dtype)
    program = export.export(jax.jit(lambda x: case.call("conv", x, kernel)))(given)
    program = export.deserialize(program.serialize())
    assert_close(program.call(x), case.call("conv", *case.arrays()))


BY_XLA = {
    "small planes": ((1, 9, 9, 9, 4), (3, 3, 3, 4, 4), {}),
    "more channels than places": ((1, 4, 12, 12, 160), (3, 3, 3, 160, 4), {}),
    "more filters than places": ((1, 4, 12, 12, 4), (3, 3, 3, 4, 160), {}),
    "a product of matrices": ((1, 16, 16, 16, 4), (3, 1, 1, 4, 4), {}),
    "groups": ((1, 16, 16, 16, 4), (3, 3, 3, 2, 4), {"groups": 2}),
    "images": ((1, 16, 16, 4), (3, 3, 4, 4), {}),
}
BY_PLANES = {
    "a large plane": ((1, 4, 10, 10, 4), (3, 3, 3, 4, 4), {}),
    "many volumes": ((8, 4, 4, 4, 4), (3, 3, 3, 4, 4), {}),
}


@pytest.mark.parametrize(("shape", "window", "options"), BY_XLA.values(), ids=BY_XLA)
def test_what_is_left_to_xla(shape: Any, window: Any, options: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(volumes, "LEAST", 100)
    assert not by_planes(lambda *given: convpad.conv(*given, **options), jnp.zeros(shape), jnp.zeros(window))


@pytest.mark.parametrize(("shape", "window", "options"), BY_PLANES.values(), ids=BY_PLANES)
def test_what_is_taken_by_planes(shape: Any, window: Any, options: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(volumes, "LEAST", 100)
    assert by_planes(lambda *given: convpad.conv(*given, **options), jnp.zeros(shape), jnp.zeros(window))


@pytest.mark.parametrize("other", [("default_backend", "gpu"), ("device_count", 2)], ids=str)
def test_other_devices_have_their_own_way(other: tuple[str, Any], monkeypatch: Any) -> None:
    monkeypatch.setattr(jax, other[0], lambda: other[1])
    x, kernel = map(jnp.asarray, CASES[0].arrays())
    assert not by_planes(lambda *given: CASES[0].call("conv", *given, route="native"), x, kernel)
