"""`convpad.resize`: the oracle, the frameworks' own numbers, the laws, gradients, compiled programs, refusals."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from compare import assert_close
from frameworks import CHOSEN, ENGINES, framework
from hypothesis import given, settings
from hypothesis import strategies as st

import convpad
from convpad import reference
from convpad.core.resampling import METHODS, Resize

only_numpy = pytest.mark.skipif("numpy" not in CHOSEN, reason="needs no framework, so once is enough")
only_jax = pytest.mark.skipif("jax" not in CHOSEN, reason="needs jax")
only_tensorflow = pytest.mark.skipif("tensorflow" not in CHOSEN, reason="needs tensorflow")
only_torch = pytest.mark.skipif("torch" not in CHOSEN, reason="needs torch")

MODES = ("zeros", "reflect", "symmetric", "replicate", "circular", "reflect_odd", "symmetric_odd", "ignore", 1.5)
COPIES = tuple(mode for mode in MODES if mode not in ("ignore", 1.5))


def array(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


ROWS: tuple[tuple[tuple[int, ...], dict[str, Any]], ...] = (
    ((2, 7, 3), {"scale": 2, "padding_mode": "circular"}),
    ((2, 7, 3), {"scale": 2, "method": "cubic", "cubic_coefficient": -0.75, "padding_mode": ("zeros", "reflect")}),
    ((2, 7, 3), {"size": 10, "padding_mode": ("ignore", "reflect_odd")}),
    ((1, 1, 2), {"scale": 4, "method": "cubic", "padding_mode": "reflect"}),
    ((2, 5, 4, 3), {"scale": 2, "padding_mode": ("zeros", "circular")}),
    ((2, 5, 4, 3), {"scale": (4, 1), "padding_mode": convpad.Constant([1, 2, 3])}),
    ((2, 5, 4, 3), {"scale": 3, "method": "cubic", "padding_mode": "symmetric"}),
    ((2, 5, 4, 3), {"scale": 2, "method": "bicubic", "cubic_coefficient": -0.75, "padding_mode": "circular"}),
    ((2, 5, 4, 3), {"scale": 2, "method": "bicubic", "padding_mode": "ignore"}),
    ((2, 6, 8, 3), {"size": (9, 12), "padding_mode": ("circular", ("zeros", "reflect"))}),
    ((2, 9, 8, 3), {"size": (6, 32), "method": "cubic", "cubic_coefficient": -0.75, "padding_mode": "symmetric_odd"}),
    ((2, 5, 4, 3), {"scale": 3, "method": "cubic", "cubic_coefficient": -0.75, "padding_mode": "circular"}),
    ((2, 4, 3), {"size": 10, "padding_mode": "circular"}),
    ((2, 3, 5, 4), {"scale": 1.5, "padding_mode": "symmetric_odd", "data_format": "channels_first"}),
    ((2, 3, 6, 4), {"scale": (0.5, 1.5), "padding_mode": "ignore", "data_format": "channels_first"}),
    ((2, 3, 5, 4), {"size": (2, 9), "padding_mode": ((7, "circular"), "reflect"), "data_format": "channels_first"}),
    ((2, 5, 4, 3), {"size": (7, 2), "method": "nearest", "padding_mode": "circular"}),
    ((0, 5, 4, 3), {"scale": 2, "padding_mode": "ignore"}),
    ((1, 3, 2, 4, 2), {"scale": 2, "padding_mode": ("circular", "zeros", "reflect")}),
    ((1, 3, 2, 4, 2), {"size": (4, 3, 7), "method": "cubic", "padding_mode": "circular"}),
    ((1, 2, 3, 2, 2, 2), {"scale": 2, "padding_mode": "circular"}),
)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(("shape", "options"), ROWS, ids=str)
def test_forward_and_gradient_are_the_oracles(name: str, shape: tuple[int, ...], options: dict[str, Any]) -> None:
    x, backend = array(*shape), framework(name)
    want = convpad.resize(x, **options)
    cotangent = array(*want.shape, seed=1)
    resized = backend.compiled(lambda x: convpad.resize(x, **options)) if name == "jax" else None
    assert_close(backend.numpy((resized or (lambda x: convpad.resize(x, **options)))(backend.tensor(x))), want)
    operation = Resize.parse(len(shape) - 2, **options)
    gradient = backend.gradients(lambda x: convpad.resize(x, **options), [x], cotangent)[0]
    assert_close(gradient, reference.resize_gradient(operation, cotangent, x), where="gradient")


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_every_floating_dtype_stays(name: str, dtype: str) -> None:
    backend = framework(name)
    x = backend.tensor(array(1, 6, 5, 2), dtype)
    rounded = backend.numpy(x).astype("float64")
    for options in ({"scale": 2}, {"scale": 1.5, "method": "cubic"}):
        out = convpad.resize(x, padding_mode="circular", **options)
        assert out.dtype == x.dtype
        want = convpad.resize(rounded, padding_mode="circular", **options)
        assert_close(backend.numpy(out), want, dtype, f"{options}")


@pytest.mark.parametrize("name", CHOSEN)
def test_nearest_takes_any_dtype(name: str) -> None:
    backend = framework(name)
    labels = np.arange(12, dtype="int32").reshape(1, 3, 4, 1)
    out = convpad.resize(backend.tensor(labels), scale=(2, 1.5), method="nearest")
    assert out.dtype == backend.tensor(labels).dtype
    rows, columns = [0, 0, 1, 1, 2, 2], [0, 1, 1, 2, 3, 3]
    assert (backend.numpy(out) == labels[:, rows][:, :, columns]).all()
    with pytest.raises(convpad.ShapeError, match="real floating numbers. Received: x of int32"):
        convpad.resize(backend.tensor(labels), scale=2)


@only_numpy
@settings(max_examples=60)
@given(data=st.data())
def test_it_is_the_padded_array_resized_and_cropped(data: Any) -> None:
    rank = data.draw(st.integers(1, 2))
    sizes = data.draw(st.tuples(*[st.integers(1, 6)] * rank))
    method = data.draw(st.sampled_from(["linear", "cubic"]))
    numerator, margin = data.draw(st.integers(1, 5)), 8
    scale = Fraction(numerator, data.draw(st.sampled_from([1, 2, 4])))  # 8 values before are a whole number of outputs
    mode = data.draw(st.tuples(*[st.sampled_from(COPIES)] * rank))
    x = array(1, *sizes, 1)
    try:
        got = convpad.resize(x, scale=scale, method=method, padding_mode=mode)
    except convpad.ShapeError:
        assert min(sizes) * scale < 1
        return
    padded = convpad.pad(x, margin, mode)
    whole = convpad.resize(padded, scale=scale, method=method)
    first = int(margin * scale)
    assert_close(got, whole[(slice(None), *(slice(first, first + size) for size in got.shape[1:-1]))])


@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize(("size", "output"), [(6, 12), (6, 9), (6, 4), (6, 18)])
@only_numpy
def test_rolling_by_whole_steps_commutes_with_a_circle(method: str, size: int, output: int) -> None:
    x = array(1, size, 1)
    step = size // np.gcd(size, output)
    rolled = convpad.resize(np.roll(x, step, 1), output, method=method, padding_mode="circular")
    whole = convpad.resize(x, output, method=method, padding_mode="circular")
    assert_close(rolled, np.roll(whole, step * output // size, 1))


@only_numpy
@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("mode", [*COPIES[1:], "ignore", 3.0])
def test_constants_stay_constant(method: str, mode: Any) -> None:
    for options in ({"scale": 2}, {"size": (3, 11)}):
        out = convpad.resize(np.full((1, 5, 4, 1), 3.0), method=method, padding_mode=mode, **options)
        assert_close(out, np.full_like(out, 3.0))


@only_numpy
def test_mirrors_commute_with_flips() -> None:
    x = array(1, 5, 1)
    for mode in ("reflect", "symmetric", "reflect_odd", "ignore"):
        for options in ({"scale": 3}, {"size": 7}):
            flipped = convpad.resize(x[:, ::-1], padding_mode=mode, method="cubic", **options)
            assert_close(flipped, convpad.resize(x, padding_mode=mode, method="cubic", **options)[:, ::-1])


@only_numpy
def test_a_scale_is_the_fraction_that_it_means() -> None:
    x = array(1, 10, 1)
    for scale in (0.7, Fraction(7, 10), np.float64(0.7)):
        assert convpad.resize(x, scale=scale).shape == (1, 7, 1)
        assert_close(convpad.resize(x, scale=scale), convpad.resize(x, 7))
    assert convpad.resize(x, scale=np.float32(1.25)).shape == (1, 12, 1)
    assert convpad.resize(x, scale=np.pi).shape == (1, 31, 1)


@only_numpy
def test_tensors_as_constants_and_values_that_must_not_be_read() -> None:
    x = array(1, 4, 1)
    got = convpad.resize(x, scale=2, padding_mode=convpad.Constant(np.array(2.0)))
    assert_close(got, convpad.resize(x, scale=2, padding_mode=2.0))


@only_torch
def test_a_constant_has_a_gradient() -> None:
    torch = framework("torch").torch
    value = torch.tensor([1.0], requires_grad=True)
    for scale in (2, 1.5):
        out = convpad.resize(torch.zeros(1, 4, 1), scale=scale, padding_mode=convpad.Constant(value))
        value.grad = None
        out.sum().backward()
        # The weights of what lies outside, at both ends.
        assert_close(value.grad.item(), {2: 0.5, 1.5: 1 / 3}[scale], "float32")


# The frameworks' own numbers

TORCH_ROWS = [
    ((7,), "linear", "linear"),
    ((5, 4), "bilinear", "linear"),
    ((5, 4), "bicubic", "cubic"),
    ((3, 4, 2), "trilinear", "linear"),
    ((5, 6), "nearest-exact", "nearest"),
]


@only_torch
@pytest.mark.parametrize(("sizes", "word", "method"), TORCH_ROWS)
@pytest.mark.parametrize(
    "options", [{"scale": 2.0}, {"scale": 3.0}, {"scale": 1.5}, {"scale": 0.7}, {"size": 9}], ids=str
)
def test_replicate_is_pytorchs_interpolate(sizes: Any, word: str, method: str, options: dict[str, Any]) -> None:
    torch = framework("torch").torch
    x = array(2, 3, *sizes)
    given = {"scale_factor": options["scale"]} if "scale" in options else options
    want = torch.nn.functional.interpolate(torch.as_tensor(x), mode=word, **given).numpy()
    for value in (x, torch.as_tensor(x)):
        got = convpad.resize(value, method=method, cubic_coefficient=-0.75, data_format="channels_first", **options)
        assert_close(np.asarray(got), want)


@only_tensorflow
@pytest.mark.parametrize("size", [(10, 8), (15, 12), (7, 9), (2, 3)])
def test_replicate_is_tensorflows_resize_and_ignore_its_bicubic(size: Any) -> None:
    tf = framework("tensorflow").tf
    x = array(2, 5, 4, 3).astype("float32")
    for method in ("bilinear", "nearest"):
        want = tf.image.resize(x, size, method=method).numpy()
        assert_close(convpad.resize(x, size, method=method), want, "float32")
    want = tf.image.resize(x, size, method="bicubic").numpy()
    got = convpad.resize(x, size, method="bicubic", padding_mode="ignore")
    assert np.abs(got - want).max() < 4e-3  # TensorFlow rounds positions to 1/1024


@only_jax
@pytest.mark.parametrize("size", [(10, 8), (15, 12), (7, 9), (2, 3)])
def test_ignore_is_jaxs_resize(size: Any) -> None:
    jax = framework("jax").jax
    x = array(2, 5, 4, 3)
    for method in METHODS:
        want = jax.image.resize(x, (2, *size, 3), method=method, antialias=False)
        assert_close(convpad.resize(x, size, method=method, padding_mode="ignore"), np.asarray(want))


# Compiled programs, open sizes

COMPILED: tuple[dict[str, Any], ...] = (
    {"scale": 2, "padding_mode": ("zeros", "circular")},
    {"scale": 2, "method": "cubic", "cubic_coefficient": -0.75, "padding_mode": "reflect"},
    {"scale": 3, "method": "cubic", "padding_mode": "ignore"},
    {"scale": 1.5, "padding_mode": "circular"},
    {"scale": 0.5, "padding_mode": "circular"},
    {"scale": (2, 1.5), "method": "nearest"},
)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("options", [*COMPILED, {"size": (7, 9), "padding_mode": "circular"}], ids=str)
def test_compiled_is_eager(name: str, options: dict[str, Any]) -> None:
    x, backend = array(2, 6, 5, 2), framework(name)
    compiled = backend.compiled(lambda x: convpad.resize(x, **options))
    assert_close(backend.numpy(compiled(backend.tensor(x))), convpad.resize(x, **options))


@only_tensorflow
@pytest.mark.parametrize("options", COMPILED, ids=str)
def test_a_tf_function_of_open_sizes(options: dict[str, Any]) -> None:
    tf = framework("tensorflow").tf
    signature = [tf.TensorSpec((None, None, None, 2), tf.float64)]
    function = tf.function(lambda x: convpad.resize(x, **options), input_signature=signature)
    for shape in ((2, 6, 5, 2), (1, 9, 4, 2)):
        x = array(*shape)
        assert_close(function(tf.constant(x)).numpy(), convpad.resize(x, **options))


@only_jax
@pytest.mark.parametrize("options", COMPILED, ids=str)
def test_a_jax_export_of_open_sizes(options: dict[str, Any]) -> None:
    jax = framework("jax").jax
    from jax import export

    shape = export.symbolic_shape("b, h, w, 2")
    exported = export.export(jax.jit(lambda x: convpad.resize(x, **options)))(jax.ShapeDtypeStruct(shape, "float64"))
    for sizes in ((2, 6, 5, 2), (1, 9, 4, 2)):
        x = array(*sizes)
        assert_close(np.asarray(exported.call(x)), convpad.resize(x, **options))


@only_torch
@pytest.mark.parametrize("options", COMPILED, ids=str)
def test_a_torch_export_of_open_sizes(options: dict[str, Any]) -> None:
    torch = framework("torch").torch

    class Resized(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return convpad.resize(x, **options)

    open_sizes = {0: torch.export.Dim("b"), 1: torch.export.Dim("h", min=4), 2: torch.export.Dim("w", min=4)}
    example = (torch.as_tensor(array(2, 6, 5, 2)),)
    program = torch.export.export(Resized(), example, dynamic_shapes={"x": open_sizes}).module()
    for sizes in ((3, 6, 5, 2), (1, 9, 4, 2)):
        x = array(*sizes)
        assert_close(program(torch.as_tensor(x)).numpy(), convpad.resize(x, **options))


@only_torch
@pytest.mark.parametrize("options", [{"scale": 3}, {"size": (20, 9000)}], ids=str)
def test_positions_are_exact_far_from_the_start(options: dict[str, Any]) -> None:
    """PyTorch's own, in float32, are off by 1e-4 there."""
    torch = framework("torch").torch
    x = array(1, 4, 6000, 1).astype("float32")
    options = {"padding_mode": "circular", **options}
    assert_close(convpad.resize(torch.as_tensor(x), **options).numpy(), convpad.resize(x, **options), "float32")


@only_torch
def test_channels_last_memory_stays_and_autocast_changes_nothing() -> None:
    torch = framework("torch").torch
    x = torch.as_tensor(array(1, 4, 6, 5).astype("float32")).contiguous(memory_format=torch.channels_last)
    for options in ({"scale": 2}, {"scale": 2, "padding_mode": "circular"}, {"scale": 3, "padding_mode": "reflect"}):
        out = convpad.resize(x, data_format="channels_first", **options)
        assert out.is_contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            again = convpad.resize(x.bfloat16(), data_format="channels_first", **options)
        assert again.dtype == torch.bfloat16


# Refusals

REFUSALS: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, "`size` must be given, or `scale`, and not both"),
    ({"size": 3, "scale": 2}, "and not both"),
    ({"size": 0}, "`size` must be a positive int"),
    ({"size": (3, 4, 5)}, "for each of the 2 spatial axes"),
    ({"scale": 0}, "`scale` must be a finite number above 0"),
    ({"scale": float("nan")}, "finite number"),
    ({"scale": True}, "finite number"),
    ({"scale": "2"}, "finite number"),
    ({"scale": (2,)}, "for each of the 2 spatial axes"),
    ({"scale": 0.1}, "Every axis must keep at least one value"),
    ({"scale": 2, "method": "bilinaer"}, "Did you mean 'bilinear'"),
    ({"scale": 2, "method": "lanczos3"}, "`method` must be one of"),
    ({"scale": 2, "padding_mode": "wrap"}, "'wrap' is 'circular' here"),
    ({"scale": 2, "padding_mode": convpad.Learned()}, r"Give Constant\(tensor\)"),
    ({"scale": 2, "padding_mode": convpad.Constant([1, 2])}, "one value for each channel"),
    ({"scale": 2, "cubic_coefficient": "keys"}, "`cubic_coefficient` must be a number"),
    ({"scale": 2, "data_format": "NHWC"}, "`data_format` must be"),
)


@only_numpy
@pytest.mark.parametrize(("options", "message"), REFUSALS, ids=str)
def test_refusals(options: dict[str, Any], message: str) -> None:
    with pytest.raises(convpad.PaddingError, match=message):
        convpad.resize(array(1, 4, 4, 1), **options)


@only_numpy
def test_refusals_of_inputs() -> None:
    with pytest.raises(convpad.ShapeError, match="at least one spatial axis"):
        convpad.resize(array(4, 4), scale=2)
    with pytest.raises(convpad.ShapeError, match="spatial axis 1 of size 0"):
        convpad.resize(array(1, 4, 0, 1), scale=2)
    with pytest.raises(convpad.PaddingError, match="`x` must be a NumPy array"):
        convpad.resize([[1.0]], scale=2)  # pyright: ignore


@only_tensorflow
def test_open_sizes_that_cannot_be() -> None:
    tf = framework("tensorflow").tf
    signature = [tf.TensorSpec((None, None, 2), tf.float32)]
    with pytest.raises(convpad.ShapeError, match="Give `scale` instead"):
        tf.function(lambda x: convpad.resize(x, 7), input_signature=signature, autograph=False).get_concrete_function()
    with pytest.raises(convpad.ShapeError, match="fraction of two ints of at most 4096"):
        tf.function(
            lambda x: convpad.resize(x, scale=np.pi), input_signature=signature, autograph=False
        ).get_concrete_function()
