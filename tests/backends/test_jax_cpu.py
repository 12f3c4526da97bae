"""JAX's CPU kernels against XLA's convolution: values, every derivative, batches, and memory.

Volumes are taken plane by plane, and of images the gradient of the kernel in strips.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
import pytest
from compare import assert_close
from frameworks import framework

import convpad
from convpad import tuning

pytestmark = pytest.mark.needs("jax")

jax = framework("jax").jax

jnp = jax.numpy


@dataclass(frozen=True)
class Case:
    """A convolution of volumes or images: sizes, window and what a caller may say."""

    name: str
    sizes: tuple[int, ...]
    window: tuple[int, ...]
    strides: Any = 1
    dilation: Any = 1
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
    Case("image", (9, 7), (3, 3)),
    Case("one image", (9, 7), (3, 3), batch=1),
    Case("one strip", (2, 7), (3, 3)),
    Case("even image", (9, 7), (4, 2), batch=1),
    Case("image, no padding", (9, 7), (3, 3), padding="valid"),
    Case("image, full", (7, 5), (3, 3), padding="full"),
    Case("image, uneven", (9, 7), (3, 3), padding=((0, 5), (4, 0))),
    Case("image, strides", (10, 9), (3, 3), strides=(2, 3), batch=1),
    Case("image, strides beyond the window", (12, 9), (2, 2), strides=3, padding="valid"),
    Case("image, dilation", (12, 9), (3, 2), dilation=(2, 3)),
    Case("window beyond the image", (4, 5), (7, 9)),
    Case("image, channels first", (9, 7), (3, 3), strides=(2, 1), data_format="channels_first"),
    Case("wide image", (9, 7), (3, 3), channels=(2, 26), batch=1),
    Case("one pixel", (1, 1), (3, 3)),
]
# The gradients of a convolution are made of its adjoint and its kernel's gradient, so few adjoints are left to look at.
ADJOINTS = [
    case
    for case in CASES
    if case.name
    in (
        "cube",
        "uneven strides",
        "dilation",
        "channels first",
        "image",
        "image, strides",
        "image, dilation",
        "wide image",
    )
]
OPS = ("conv", "conv_transpose")
NAMED = {case.name: case for case in CASES}
every = pytest.mark.parametrize("case", CASES, ids=str)
of_each_rank = pytest.mark.parametrize("case", [NAMED["cube"], NAMED["image"]], ids=str)
of_both = pytest.mark.parametrize("op", OPS)


@pytest.fixture(autouse=True)
def _of_any_size() -> Iterator[None]:
    """Treat small tensors as large ones: planes, strips of some rows, and rows that nobody reads."""
    small = {
        "jax_planes_min_places": 0,
        "jax_strips_min_values": 0,
        "jax_extra_row_min_products": 0,
        "jax_extra_column_min_products": 0,
        "jax_stem_max_products": 0,
    }
    with tuning.replace(jax_strip_values=40, **small):
        yield


BY_TAPS = {"jax_tap_min_channels": 0, "jax_taps_min_products": 0, "jax_tap_strip_values": 40}
BY_TAPS |= {"jax_taps_max_vector_bits": inf}
USUAL = {name.replace(".", "_"): row.value for name, row in tuning.THRESHOLDS.items() if name.startswith("jax.")}


def in_our_way(function: Any, *arrays: Any) -> bool:
    """Whether it is taken plane by plane, or in strips."""
    fresh = jax.make_jaxpr(lambda *given: function(*given))  # JAX remembers what it traced of a function
    return "convpad_view" in str(fresh(*arrays))


@pytest.fixture
def by_xla() -> Any:
    """Calls a function with XLA's own convolution."""

    def found(function: Any, *arrays: Any) -> Any:
        with tuning.replace(cpu_kernels=False):
            assert not in_our_way(function, *arrays)
            return function(*arrays)

    return found


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

    assert in_our_way(call, *tensors)
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
    assert in_our_way(derivatives, x, kernel, dx, dkernel)
    assert_same(jax.jit(derivatives)(x, kernel, dx, dkernel), want)


STEMS = [case for case in CASES if len(case.sizes) == 2]


@pytest.mark.parametrize("case", STEMS, ids=str)
def test_few_channels_are_a_sum_of_products(case: Case, by_xla: Any) -> None:
    arrays = case.arrays()
    tensors, directions = list(map(jnp.asarray, arrays)), list(map(jnp.asarray, case.arrays(seed=1)))

    def slopes(*given: Any) -> Any:
        return jax.jvp(jax.grad(lambda *of: jnp.sin(case.call("conv", *of)).sum(), (0, 1)), given, tuple(directions))

    want = by_xla(slopes, *tensors)
    with tuning.replace(jax_stem_max_products=10**9, jax_products_at_once=5):
        plan = convpad.plan(arrays[0].shape, arrays[1].shape, **case.options, backend="jax")
        assert plan.kernel == "sum of products"
        assert "convolution" not in compiled(lambda *given: case.call("conv", *given), *tensors)
        assert_close(case.call("conv", *tensors), case.call("conv", *arrays))
        assert_same(jax.jit(slopes)(*tensors), want)


UNDILATED = [case for case in STEMS if case.dilation == 1]


@pytest.mark.parametrize("case", UNDILATED, ids=str)
def test_the_gradient_of_a_kernel_is_a_product_for_each_tap(case: Case, by_xla: Any) -> None:
    tensors, directions = list(map(jnp.asarray, case.arrays())), list(map(jnp.asarray, case.arrays(seed=1)))

    def slopes(*given: Any) -> Any:
        return jax.jvp(jax.grad(lambda *of: jnp.sin(case.call("conv", *of)).sum(), (0, 1)), given, tuple(directions))

    want = by_xla(slopes, *tensors)
    assert "dot_general" not in compiled(slopes, *tensors)
    with tuning.replace(**BY_TAPS):
        assert "dot_general" in compiled(slopes, *tensors)
        assert_same(jax.jit(slopes)(*tensors), want)


def test_products_for_taps_are_summed_wide() -> None:
    x, y = jnp.ones((1, 64, 64, 1), "bfloat16"), jnp.ones((1, 64, 64, 1), "bfloat16")
    kernel = jnp.zeros((3, 3, 1, 1), "bfloat16")
    with tuning.replace(**{**BY_TAPS, "jax_tap_strip_values": 10**6}):
        gradient = jax.vjp(lambda kernel: convpad.conv(x, kernel, padding="same"), kernel)[1](y)[0]
    assert gradient.dtype == "bfloat16"
    assert float(gradient[1, 1, 0, 0]) == 64 * 64


BANDS = [
    Case("image, wide dilation", (9, 8), (3, 3), dilation=4),
    Case("image, dilation wider than itself", (4, 5), (3, 2), dilation=5),
    Case("image, wide dilation of one axis", (9, 5), (3, 3), dilation=(4, 1), batch=1),
    Case("image, wide dilation, strides", (12, 11), (3, 3), strides=(2, 3), dilation=4, padding=4),
    Case("image, wide dilation, uneven", (9, 8), (3, 2), dilation=3, padding=((0, 5), (4, 0))),
]
IN_BANDS = {"jax_band_min_outputs": 1, "jax_bands_min_saving": 0.0}


@pytest.mark.parametrize("case", [*STEMS, *BANDS], ids=str)
def test_a_convolution_in_bands(case: Case, by_xla: Any) -> None:
    arrays = case.arrays()
    tensors = list(map(jnp.asarray, arrays))
    slopes = jax.grad(lambda *given: jnp.sin(case.call("conv", *given)).sum(), (0, 1))
    want = by_xla(slopes, *tensors)
    with tuning.replace(**IN_BANDS):
        assert_close(case.call("conv", *tensors), case.call("conv", *arrays))
        assert_same(jax.jit(slopes)(*tensors), want)


def test_small_groups_are_summed_once_whatever_reads_them() -> None:
    """XLA would sum them anew for the mean, for the variance and for the outputs of a batch normalisation."""
    x, kernel = jnp.zeros((2, 16, 16, 64)), jnp.zeros((3, 3, 8, 64))

    def conv(x: Any, kernel: Any) -> Any:
        return convpad.conv(x, kernel, padding="same", groups=8)

    def normalised(x: Any, kernel: Any) -> Any:
        out = conv(x, kernel)
        out = out - out.mean((0, 1, 2))
        return out / jnp.sqrt((out**2).mean((0, 1, 2)))

    flops = [jax.jit(run).lower(x, kernel).compile().cost_analysis()["flops"] for run in (conv, normalised)]
    assert flops[1] < 1.2 * flops[0]


def test_wide_dilation_is_in_bands() -> None:
    x, kernel = jnp.zeros((1, 33, 33, 32)), jnp.zeros((3, 3, 32, 32))

    def convolutions(dilation: int) -> int:
        text = compiled(lambda *of: convpad.conv(*of, padding="same", dilation_rate=dilation), x, kernel)
        return text.count("stablehlo.convolution")

    assert [convolutions(dilation) for dilation in (1, 6, 12)] == [1, 1, 9]


@pytest.mark.parametrize("case", BANDS[:1], ids=str)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_bands_keep_what_is_not_finite_in_the_windows_that_read_it(case: Case, value: float) -> None:
    with tuning.replace(**IN_BANDS):
        test_what_is_not_finite_stays_in_the_windows_that_read_it(case, value)


def test_a_large_stem_is_a_sum_of_products() -> None:
    with tuning.replace(**USUAL):
        names = {
            channels: convpad.plan((1, 64, 64, channels), (3, 3, channels, 8), strides=2, backend="jax").kernel
            for channels in (1, 3, 4)
        }
    assert names == {1: "sum of products", 3: "sum of products", 4: "gradient in strips"}


@of_each_rank
@of_both
@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0), (2, None)], ids=str)
def test_batches(case: Case, op: str, axes: Any, by_xla: Any) -> None:
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


@of_each_rank
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_precision(case: Case, dtype: str) -> None:
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
@pytest.mark.parametrize(
    "case",
    [NAMED[name] for name in ("cube", "causal", "strides", "dilation", "wide image")],
    ids=str,
)
def test_what_is_not_finite_stays_in_the_windows_that_read_it(case: Case, value: float) -> None:
    x, kernel = case.arrays()
    where = (0, 2, 3, 4)[: x.ndim - 1]
    x[(*where, 1)] = value
    read = np.zeros_like(x[..., :1])
    read[where] = 1
    under = case.call("conv", read, np.ones((*case.window, 1, 1)))[..., 0] > 0
    found = np.isfinite(np.asarray(case.call("conv", jnp.asarray(x), jnp.asarray(kernel)))).all(-1)
    np.testing.assert_array_equal(found, ~under)
    assert under.any()
    assert not under.all()


@pytest.mark.parametrize("sizes", [(32, 32, 32), (256, 256)], ids=str)
def test_no_more_is_held_than_by_xla(sizes: Any) -> None:
    x = jnp.zeros((1, *sizes, 16), "float32")
    kernel = jnp.zeros((*[3] * len(sizes), 16, 16), "float32")

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
            sizes_from = {"jax_planes_min_places": least, "jax_strips_min_values": least}
            with tuning.replace(jax_strip_values=USUAL["jax_strip_values"], **sizes_from):
                held.append(layers(count).memory_analysis().temp_size_in_bytes)
        assert held[0] < held[1]


def test_the_gradient_of_a_kernel_holds_a_few_strips() -> None:
    x, kernel = jnp.zeros((4, 256, 256, 32), "float32"), jnp.zeros((3, 3, 32, 16), "float32")

    def gradient(x: Any, kernel: Any, y: Any) -> Any:
        return jax.vjp(lambda kernel: convpad.conv(x, kernel, padding="same"), kernel)[1](y)

    with tuning.replace(jax_strip_values=USUAL["jax_strip_values"]):
        compiled = jax.jit(gradient).lower(x, kernel, convpad.conv(x, kernel, padding="same")).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < x.nbytes // 2


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
    "a small image": ((1, 16, 16, 4), (3, 3, 4, 4), {}),
    "groups of a small image": ((1, 32, 32, 4), (3, 3, 2, 4), {"groups": 2}),
    "a sequence": ((1, 9999, 4), (3, 4, 4), {}),
}
OURS = {
    "a large plane": ((1, 4, 10, 10, 4), (3, 3, 3, 4, 4), {}),
    "many volumes": ((8, 4, 4, 4, 4), (3, 3, 3, 4, 4), {}),
    "a large image": ((1, 50, 50, 4), (3, 3, 4, 4), {}),
    "many images": ((10, 16, 16, 4), (3, 3, 4, 4), {}),
    "groups of an image": ((1, 64, 64, 4), (3, 3, 2, 4), {"groups": 2}),
    "filters of an image": ((1, 16, 16, 4), (3, 3, 4, 40), {}),
}


@pytest.mark.parametrize(("shape", "window", "options"), BY_XLA.values(), ids=BY_XLA)
def test_what_is_left_to_xla(shape: Any, window: Any, options: Any) -> None:
    with tuning.replace(**USUAL):
        assert not in_our_way(lambda *given: convpad.conv(*given, **options), jnp.zeros(shape), jnp.zeros(window))


@pytest.mark.parametrize(("shape", "window", "options"), OURS.values(), ids=OURS)
def test_what_is_taken_in_our_way(shape: Any, window: Any, options: Any) -> None:
    with tuning.replace(**USUAL):
        assert in_our_way(lambda *given: convpad.conv(*given, **options), jnp.zeros(shape), jnp.zeros(window))


@pytest.mark.parametrize("other", [("default_backend", "gpu"), ("device_count", 2)], ids=str)
def test_other_devices_have_their_own_way(other: tuple[str, Any], monkeypatch: Any) -> None:
    monkeypatch.setattr(jax, other[0], lambda: other[1])
    x, kernel = map(jnp.asarray, CASES[0].arrays())
    assert not in_our_way(lambda *given: CASES[0].call("conv", *given, route="native"), x, kernel)


def compiled(function: Any, *arrays: Any) -> str:
    return jax.jit(lambda *given: function(*given)).lower(*arrays).as_text()


def test_a_row_that_nobody_reads_hands_an_image_to_the_faster_convolution() -> None:
    case = NAMED["wide image"]
    arrays = list(map(jnp.asarray, case.arrays()))
    assert "tensor<1x10x7x26x" in compiled(lambda *given: case.call("conv", *given), *arrays)
    with tuning.replace(jax_extra_row_min_products=10**9):
        assert "tensor<1x10x7x26x" not in compiled(lambda *given: case.call("conv", *given), *arrays)


def test_a_column_that_nobody_reads_is_for_large_images() -> None:
    """Its gradient, a pad more, takes a small one longer than it saves."""
    x, kernel = jnp.zeros((1, 10, 10, 8)), jnp.zeros((3, 3, 8, 8))
    assert "tensor<1x8x9x8x" in compiled(convpad.conv, x, kernel)
    with tuning.replace(jax_extra_column_min_products=USUAL["jax_extra_column_min_products"]):
        assert "tensor<1x8x9x8x" not in compiled(convpad.conv, x, kernel)


POINTWISE = [
    Case("a sequence", (7,), (1,)),
    Case("an image", (6, 7), (1, 1), strides=(2, 3)),
    Case("a volume", (3, 4, 5), (1, 1, 1), strides=2),
    Case("none", (6, 7), (1, 1), batch=0),
]


@pytest.mark.parametrize("case", POINTWISE, ids=str)
def test_one_tap_is_a_product_of_matrices(case: Case, monkeypatch: Any) -> None:
    x, kernel = case.arrays()
    weights = np.random.default_rng(2).normal(size=case.call("conv", x, kernel).shape)
    tensors = list(map(jnp.asarray, (x, kernel)))

    def energy(*given: Any) -> Any:
        return (weights * case.call("conv", *given)).sum()

    slopes = jax.grad(energy, (0, 1))
    assert "convolution" not in compiled(slopes, *tensors)
    with monkeypatch.context() as patch:
        patch.setattr(jax, "default_backend", lambda: "gpu")
        want = slopes(*tensors)
        assert case.batch == 0 or "convolution" in compiled(slopes, *tensors)
    assert_same(slopes(*tensors), want)
    assert_close(case.call("conv", *tensors), case.call("conv", x, kernel))


def test_one_tap_that_is_padded_is_left_to_xla() -> None:
    x, kernel = NAMED["image"].arrays()
    kernel = kernel[:1, :1]
    tensors = list(map(jnp.asarray, (x, kernel)))
    assert_close(convpad.conv(*tensors, padding=((1, 0), (2, 1))), convpad.conv(x, kernel, padding=((1, 0), (2, 1))))
