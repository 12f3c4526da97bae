"""Grouped convolutions and adjoints on every engine against the oracle: values, gradients, precision, derivatives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from cases import Case
from compare import assert_close, assert_forward, assert_gradients, oracle
from frameworks import CHOSEN, ENGINES, framework

import convpad
from convpad import tuning

pytestmark = pytest.mark.needs("jax", "tensorflow", "torch")

MIXED = (("reflect", 1.5), ("circular", "zeros"))


@dataclass(frozen=True)
class Grouped:
    """A grouped convolution: channels and filters are those of one group."""

    groups: int
    channels: int
    filters: int
    sizes: tuple[int, ...]
    window: tuple[int, ...]
    strides: Any = 1
    dilation: Any = 1
    padding: Any = "same"
    mode: Any = "zeros"
    data_format: str = "channels_last"
    batch: int = 2

    def __str__(self) -> str:
        first = "-first" if self.data_format == "channels_first" else ""
        mode = "mixed" if isinstance(self.mode, tuple) else self.mode
        steps = f"s{self.strides}-d{self.dilation}-{self.padding}-{mode}".replace(" ", "")
        return f"{self.groups}x{self.channels}to{self.filters}{first}-k{self.window}-{steps}".replace(" ", "")

    def case(self, op: str = "conv", seed: int = 0) -> Case:
        """The call of `conv` or `conv_transpose`."""
        rng = np.random.default_rng(seed)
        inputs, outputs = self.channels, self.groups * self.filters
        inside = self.groups * (self.channels if op == "conv" else self.filters)
        shape = (*self.sizes, inside) if self.data_format == "channels_last" else (inside, *self.sizes)
        arrays = rng.normal(size=(self.batch, *shape)), rng.normal(size=(*self.window, inputs, outputs))
        options = {
            "strides": self.strides,
            "dilation_rate": self.dilation,
            "padding": self.padding,
            "padding_mode": self.mode,
            "data_format": self.data_format,
            "groups": self.groups,
        }
        return Case(op, arrays, options)


STEPS: list[tuple[Any, Any]] = [(1, 1), (2, 1), ((1, 3), 1), (1, 2), (1, (3, 1)), ((2, 1), (1, 2))]
MODES: list[Any] = ["zeros", "circular", 1.5]

IMAGES = [
    *(Grouped(3, 3, 2, (7, 6), (3, 2), strides, dilation, mode=mode) for strides, dilation in STEPS for mode in MODES),
    Grouped(4, 1, 1, (7, 6), (3, 2)),
    Grouped(4, 1, 2, (7, 6), (3, 2), 2, mode="circular"),
    Grouped(4, 1, 1, (7, 6), (3, 2), 1, 2),
    Grouped(2, 2, 3, (7, 6), (3, 3), padding="valid"),
    Grouped(2, 2, 3, (7, 6), (3, 3), 2, padding="valid"),
    Grouped(2, 2, 3, (5, 6), (3, 2), padding="full"),
    Grouped(2, 2, 3, (5, 6), (2, 3), padding=((4, 0), (0, 5))),
    Grouped(2, 2, 3, (5, 6), (2, 3), (2, 3), padding=((4, 0), (1, 5))),
    Grouped(2, 2, 1, (9, 8), (2, 2), (3, 4), padding="valid"),
    Grouped(2, 2, 1, (9, 8), (1, 1), 2, padding="valid"),
    Grouped(2, 2, 1, (9, 8), (1, 3), 2),
    Grouped(2, 1, 2, (4, 5), (7, 9)),
    Grouped(2, 1, 2, (1, 1), (3, 3)),
    Grouped(2, 3, 2, (7, 6), (3, 3), 2, mode=MIXED),
    Grouped(2, 3, 2, (7, 6), (3, 3), mode="ignore"),
    Grouped(2, 3, 2, (7, 6), (3, 3), 2, data_format="channels_first"),
    Grouped(2, 3, 2, (7, 6), (3, 3), mode=MIXED, data_format="channels_first"),
    Grouped(40, 1, 2, (5, 4), (3, 3), batch=1),
    Grouped(2, 9, 17, (5, 4), (3, 3), batch=1),
]
OTHERS = [
    Grouped(2, 3, 2, (9,), (3,)),
    Grouped(3, 2, 2, (9,), (4,), 2, mode="reflect"),
    Grouped(3, 2, 2, (11,), (2,), 1, 4, "causal"),
    Grouped(2, 2, 2, (9,), (3,), data_format="channels_first"),
    Grouped(2, 2, 3, (4, 5, 3), (3, 2, 3)),
    Grouped(2, 2, 2, (4, 5, 3), (2, 3, 3), 2, mode="replicate"),
]
ADJOINTS = [
    Grouped(3, 3, 2, (4, 5), (3, 2), strides, dilation, padding)
    for strides, dilation in STEPS
    for padding in ("same", "valid")
] + [
    Grouped(2, 2, 1, (3, 4), (2, 2), (3, 4), padding="valid"),
    Grouped(2, 2, 3, (4, 5), (3, 3), padding=((2, 1), (0, 3))),
    Grouped(2, 2, 3, (4, 5), (3, 3), 2, data_format="channels_first"),
    Grouped(2, 2, 3, (7,), (3,), 2),
    Grouped(2, 2, 3, (3, 4, 3), (3, 2, 2), 2),
]


@pytest.fixture(autouse=True)
def _of_any_size() -> Iterator[None]:
    """Treat small tensors as large ones: JAX's own kernels, gradients in strips of some rows."""
    with tuning.replace(jax_groups_min_products=0, jax_strip_values=40, jax_products_at_once=5):
        yield


@pytest.fixture(params=["small", "large"])
def _each_kind(request: Any) -> Iterator[None]:
    """Treat groups as small ones, whose products are summed, and as large ones, each convolved by itself."""
    limit = {"small": 10**9, "large": 0}[request.param]
    if request.param == "large":
        row = request.node.callspec.params.get("row")
        if "jax" not in ENGINES or row.channels == 1 or row.mode != "zeros":
            pytest.skip("JAX alone tells them apart, once for all modes")
    with tuning.replace(jax_group_max_products=limit):
        yield


of_each_kind = pytest.mark.usefixtures("_each_kind")
on_every_engine = pytest.mark.parametrize("name", ENGINES)


@of_each_kind
@on_every_engine
@pytest.mark.parametrize("row", [*IMAGES, *OTHERS], ids=str)
def test_a_grouped_convolution_is_the_oracles(name: str, row: Grouped) -> None:
    assert_forward(name, row.case(), one_program=True)
    assert_gradients(name, row.case())


@of_each_kind
@on_every_engine
@pytest.mark.parametrize("row", ADJOINTS, ids=str)
def test_a_grouped_adjoint_is_the_oracles(name: str, row: Grouped) -> None:
    assert_forward(name, row.case("conv_transpose"), one_program=True)
    assert_gradients(name, row.case("conv_transpose"))


@of_each_kind
@on_every_engine
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("row", [IMAGES[0], IMAGES[3], IMAGES[9]], ids=str)
def test_precision(name: str, dtype: str, row: Grouped) -> None:
    assert_forward(name, row.case(), dtype, one_program=True)


@on_every_engine
def test_an_empty_batch(name: str) -> None:
    for strides in (1, 2):
        case = Grouped(2, 2, 3, (5, 4), (3, 3), strides, batch=0).case()
        gradients = framework(name).gradients(case.call, list(case.arrays), oracle(case))
        assert gradients[0].shape == case.shapes[0]
        assert not gradients[1].any()


@of_each_kind
@on_every_engine
@pytest.mark.parametrize("row", [IMAGES[0], IMAGES[3], IMAGES[9]], ids=str)
def test_what_is_not_finite_stays_in_its_group(name: str, row: Grouped) -> None:
    case = row.case()
    x = case.arrays[0].copy()
    x[0, 2, 3, 0] = np.nan
    backend = framework(name)
    out = backend.numpy(backend.compiled(case.call)(*map(backend.tensor, (x, case.arrays[1]))))
    assert np.isnan(out[..., : row.filters]).any()
    assert np.isfinite(out[..., row.filters :]).all()
    _, kernel = backend.gradients(case.call, [x, case.arrays[1]], np.ones(out.shape))
    assert np.isnan(kernel[..., : row.filters]).any()
    assert np.isfinite(kernel[..., row.filters :]).all()


only_tensorflow = pytest.mark.skipif("tensorflow" not in CHOSEN, reason="needs tensorflow")
SOME = [IMAGES[0], IMAGES[3], IMAGES[6], IMAGES[9], IMAGES[15]]


def tensorflow_slopes(case: Case, tensors: Any) -> list[Any]:
    tf = framework("tensorflow").tf
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        total = tf.reduce_sum(case.call(*tensors) ** 2)
    return tape.gradient(total, tensors)


def slopes_of_the_oracle(case: Case) -> list[Any]:
    cotangent = 2 * oracle(case)
    return convpad.reference.gradients(case.problem(), case.padding().values, cotangent, *case.arrays)[0]


@only_tensorflow
@pytest.mark.parametrize("op", ["conv", "conv_transpose"])
@pytest.mark.parametrize("options", [{}, {"jit_compile": True}], ids=["graph", "xla"])
@pytest.mark.parametrize("row", SOME, ids=str)
def test_gradients_in_a_graph(op: str, options: Any, row: Grouped) -> None:
    tf, case = framework("tensorflow").tf, row.case(op)
    compiled = tf.function(lambda *tensors: tensorflow_slopes(case, tensors), **options)
    for one, other in zip(compiled(*map(tf.constant, case.arrays)), slopes_of_the_oracle(case), strict=True):
        assert_close(one.numpy(), other)


@only_tensorflow
@pytest.mark.parametrize("op", ["conv", "conv_transpose"])
@pytest.mark.parametrize("row", SOME, ids=str)
def test_gradients_of_open_sizes(op: str, row: Grouped) -> None:
    tf, case = framework("tensorflow").tf, row.case(op)
    specs = [tf.TensorSpec([None, None, None, case.shapes[0][-1]], "float64"), tf.TensorSpec(case.shapes[1], "float64")]
    compiled = tf.function(lambda *tensors: tensorflow_slopes(case, tensors), input_signature=specs)
    for one, other in zip(compiled(*map(tf.constant, case.arrays)), slopes_of_the_oracle(case), strict=True):
        assert_close(one.numpy(), other)


@only_tensorflow
@pytest.mark.parametrize("op", ["conv", "conv_transpose"])
@pytest.mark.parametrize("row", SOME, ids=str)
def test_forward_mode_and_second_derivatives(op: str, row: Grouped) -> None:
    tf = framework("tensorflow").tf
    case, along = row.case(op), row.case(op, seed=1)
    tensors, directions = list(map(tf.constant, case.arrays)), list(map(tf.constant, along.arrays))
    with tf.autodiff.ForwardAccumulator(tensors, directions) as accumulator:
        slopes = tensorflow_slopes(case, tensors)
    moved = [accumulator.jvp(slope).numpy() for slope in slopes]
    step = 1e-5
    for one, after, before in zip(
        moved,
        *(
            slopes_of_the_oracle(
                Case(
                    op, tuple(a + sign * step * b for a, b in zip(case.arrays, along.arrays, strict=True)), case.options
                )
            )
            for sign in (1, -1)
        ),
        strict=True,
    ):
        want = (after - before) / (2 * step)
        assert_close(one / np.abs(want).max(), want / np.abs(want).max(), "float32")


@only_tensorflow
def test_programs_for_converters_have_a_convolution_for_each_group() -> None:
    tf, case = framework("tensorflow").tf, IMAGES[0].case()

    def operations() -> list[str]:
        specs = [tf.TensorSpec(array.shape, "float64") for array in case.arrays]
        graph = tf.function(lambda *given: case.call(*given)).get_concrete_function(*specs).graph
        return [node.type for node in graph.get_operations()]

    assert operations().count("Conv2D") == 1
    assert "IdentityN" in operations(), "of tf.custom_gradient"
    with convpad.portable_pads():
        assert operations().count("Conv2D") == 3
        assert "IdentityN" not in operations()


@only_tensorflow
@pytest.mark.parametrize(
    ("op", "shape", "window", "dilation", "kernel"),
    [
        ("conv", (1, 8, 8, 4), (3, 3, 2, 4), 1, "gradient of groups"),
        ("conv", (1, 8, 4), (3, 2, 4), 1, "gradient of groups"),
        ("conv", (1, 8, 8, 8, 4), (3, 3, 3, 2, 4), 1, "groups apart"),
        ("conv_transpose", (1, 8, 8, 4), (3, 3, 2, 4), 2, "adjoint of groups"),
        ("conv_transpose", (1, 8, 8, 8, 4), (3, 3, 3, 2, 4), 1, "groups apart"),
    ],
)
def test_the_plan_names_the_kernel(op: str, shape: Any, window: Any, dilation: int, kernel: str) -> None:
    plan = convpad.plan(shape, window, op=op, dilation_rate=dilation, groups=2, backend="tensorflow")
    assert plan.kernel == kernel


only_jax = pytest.mark.skipif("jax" not in CHOSEN, reason="needs jax")


@only_jax
@of_each_kind
@pytest.mark.parametrize("op", ["conv", "conv_transpose"])
@pytest.mark.parametrize("row", [IMAGES[0], IMAGES[3], IMAGES[9], IMAGES[15], OTHERS[0]], ids=str)
def test_every_derivative_and_batch_is_xlas(op: str, row: Grouped) -> None:
    jax, case = framework("jax").jax, row.case(op)
    arrays = [jax.numpy.asarray(array) for array in case.arrays]
    directions = [jax.numpy.asarray(array) for array in row.case(op, seed=1).arrays]

    def energy(*given: Any) -> Any:
        return jax.numpy.sin(case.call(*given)).sum()

    def derivatives(*given: Any) -> Any:
        slopes = jax.grad(energy, (0, 1))
        many = [jax.numpy.stack([array, 2 * array]) for array in given]
        batches = [jax.vmap(slopes, axes)(*map(_first, given, many, axes)) for axes in ((0, None), (None, 0), (0, 0))]
        return jax.jvp(energy, given, tuple(directions)), jax.jvp(slopes, given, tuple(directions)), batches

    def program(**limits: Any) -> tuple[str, list[Any]]:
        with tuning.replace(**limits):
            traced = jax.jit(lambda *given: derivatives(*given)).trace(*arrays)
            return str(traced.jaxpr), jax.tree.leaves(traced.lower().compile()(*arrays))

    (ours, got), (theirs, want) = program(), program(cpu_kernels=False)
    assert "convpad_view" in ours
    assert "convpad_view" not in theirs
    for one, other in zip(got, want, strict=True):
        assert_close(one, other)


def _first(one: Any, many: Any, axis: int | None) -> Any:
    return one if axis is None else many


LARGE = (4, 28, 28, 256), (3, 3, 8, 256), 32


@only_jax
@pytest.mark.parametrize(
    ("shape", "kernel", "groups", "op", "name"),
    [
        (*LARGE, "conv", "groups apart"),
        (*LARGE, "conv_transpose", "groups apart"),
        ((4, 999, 64), (9, 16, 64), 4, "conv", "groups apart"),
        ((1, 8, 8, 8), (3, 3, 2, 8), 4, "conv", "framework"),
        ((1, 8, 8, 8), (3, 3, 1, 16), 8, "conv", "sum of taps"),
        ((4, 9, 28, 28, 64), (3, 3, 3, 16, 64), 4, "conv", "framework"),
    ],
)
def test_the_plan_names_jaxs_kernel(shape: Any, kernel: Any, groups: int, op: str, name: str) -> None:
    with tuning.replace(jax_groups_min_products=tuning.THRESHOLDS["jax.groups_min_products"].value):
        assert convpad.plan(shape, kernel, op=op, groups=groups, padding="same", backend="jax").kernel == name
