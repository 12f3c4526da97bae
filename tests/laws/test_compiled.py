"""Compiled programs: jit, tf.function, torch.compile, exports, unknown sizes, threads."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from cases import OPS, Case
from compare import assert_close, oracle
from frameworks import CHOSEN, ENGINES, framework

import convpad

MODES = ("zeros", "reflect", "symmetric", "replicate", "circular", "reflect_odd", "symmetric_odd", "ignore", 1.5)
MIXED = (("ignore", "reflect"), ("circular", -1.0))
KERNELS = {
    "conv": ((3, 2, 4, 2),),
    "depthwise_conv": ((3, 2, 4, 1),),
    "separable_conv": ((3, 2, 4, 1), (1, 1, 4, 3)),
    "conv_transpose": ((3, 2, 2, 4),),
}


def case(op: str, mode: Any, padding: Any = "half", data_format: str = "channels_last", strides: Any = 1) -> Case:
    rng = np.random.default_rng(5)
    shape = (2, 6, 5, 4) if data_format == "channels_last" else (2, 4, 6, 5)
    window = {"pool_size": (3, 2)} if "pool" in op else {}
    options = {"padding": padding, "padding_mode": mode, "data_format": data_format, "strides": strides, **window}
    return Case(op, tuple(rng.normal(size=size) for size in (shape, *KERNELS.get(op, ()))), options)


def assert_same(name: str, asked: Case, function: Any, *arrays: Any) -> None:
    tensors = list(map(framework(name).tensor, arrays or asked.arrays))
    assert_close(framework(name).numpy(function(*tensors)), oracle(asked, *arrays), where=f"{name} {asked}")


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("mode", [*MODES, MIXED], ids=str)
def test_compiled_is_eager(name: str, op: str, mode: Any) -> None:
    asked = case(op, mode)
    assert_same(name, asked, framework(name).compiled(asked.call))


only_tensorflow = pytest.mark.skipif("tensorflow" not in CHOSEN, reason="needs tensorflow")
only_torch = pytest.mark.skipif("torch" not in CHOSEN, reason="needs torch")
only_jax = pytest.mark.skipif("jax" not in CHOSEN, reason="needs jax")


@only_tensorflow
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("mode", ["zeros", "reflect", "ignore", MIXED], ids=str)
def test_xla_compiles_a_tf_function(op: str, mode: Any) -> None:
    asked = case(op, mode, "same", strides=2)
    assert_same("tensorflow", asked, framework("tensorflow").compiled(asked.call, jit_compile=True))


@only_tensorflow
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("mode", [*MODES, MIXED], ids=str)
@pytest.mark.parametrize("padding", ["half", "same", ((9, 1), "same_lower")], ids=str)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_tensorflow_learns_batch_height_and_width_when_it_runs(
    op: str, mode: Any, padding: Any, data_format: str
) -> None:
    tf = framework("tensorflow").tf
    asked = case(op, mode, padding, data_format, strides=2 if padding == "same" else 1)
    unknown = [None, None, None, 4] if data_format == "channels_last" else [None, 4, None, None]
    signature = [tf.TensorSpec(unknown, "float64"), *(tf.TensorSpec(a.shape, "float64") for a in asked.arrays[1:])]
    function = tf.function(asked.call, input_signature=signature)
    rng = np.random.default_rng(1)
    for height, width in ((6, 5), (1, 1), (9, 4)):
        shape = (1, height, width, 4) if data_format == "channels_last" else (1, 4, height, width)
        other = Case(op, (rng.normal(size=shape), *asked.arrays[1:]), asked.options)
        try:
            other.problem()
        except convpad.ShapeError:
            continue
        assert_same("tensorflow", other, function)


@only_tensorflow
@pytest.mark.parametrize("mode", ["reflect", "circular", "reflect_odd", "ignore", 2.0], ids=str)
@pytest.mark.parametrize("op", ["conv", "conv_transpose", "average_pool"])
def test_gradients_flow_through_unknown_sizes(op: str, mode: Any) -> None:
    tf = framework("tensorflow").tf
    asked = case(op, mode)

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 4], "float64")])
    def gradient(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(asked.call(x, *map(tf.constant, asked.arrays[1:])) ** 2)
        return tape.gradient(total, x)

    def cotangent(x: Any) -> Any:
        return 2 * asked.call(x, *asked.arrays[1:])

    x = asked.arrays[0]
    [want, *_], _ = convpad.reference.gradients(asked.problem(), asked.padding().values, cotangent(x), *asked.arrays)
    assert_close(gradient(tf.constant(x)).numpy(), want)


@only_torch
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("mode", ["zeros", "reflect", "circular", "symmetric_odd", "ignore", 1.5], ids=str)
def test_torch_exports_with_height_and_width_left_open(op: str, mode: Any) -> None:
    torch = framework("torch").torch
    asked = case(op, mode)

    class Module(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for place, array in enumerate(asked.arrays[1:]):
                self.register_buffer(f"kernel{place}", torch.as_tensor(array))

        def forward(self, x: Any) -> Any:
            return asked.call(x, *self.buffers())

    open_sizes = {0: {1: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC}}
    program = torch.export.export(Module(), (torch.as_tensor(asked.arrays[0]),), dynamic_shapes=(open_sizes[0],))
    for shape in ((2, 6, 5, 4), (2, 9, 7, 4)):
        x = np.random.default_rng(2).normal(size=shape)
        other = Case(op, (x, *asked.arrays[1:]), asked.options)
        assert_close(program.module()(torch.as_tensor(x)).numpy(), oracle(other), where=str(other))


@only_torch
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("mode", ["zeros", "reflect", MIXED], ids=str)
def test_torch_compiles_forward_and_gradient_in_one_graph(op: str, mode: Any) -> None:
    torch = framework("torch").torch
    asked = case(op, mode)
    compiled = framework("torch").compiled(asked.call)
    gradients = []
    for function in (asked.call, compiled):
        tensors = [torch.as_tensor(array).requires_grad_() for array in asked.arrays]
        function(*tensors).square().sum().backward()
        gradients.append([tensor.grad.numpy() for tensor in tensors])
    for one, other in zip(*gradients, strict=True):
        assert_close(one, other)


def first_compiled_output(setting_up: str, mode: Any) -> float:
    """The first output of a compiled 3 x 3 convolution of ones, padded by 1, in a fresh process."""
    code = f"""{setting_up}
function = torch.compile(convpad.conv, fullgraph=True, backend="aot_eager")
x, kernel = torch.ones(1, 5, 5, 2), torch.ones(3, 3, 2, 1)
print(function(x, kernel, padding=1, padding_mode={mode!r})[0, 0, 0].item())"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@only_torch
@pytest.mark.parametrize("imports", ["import convpad, torch", "import torch, convpad"])
def test_torch_compiles_before_anything_ran(imports: str) -> None:
    assert first_compiled_output(imports, 1.5) == 23.0


@only_torch
def test_torch_compiles_though_it_was_imported_after_a_call() -> None:
    call = "convpad.conv(np.ones((1, 5, 2)), np.ones((3, 2, 1)))"
    assert first_compiled_output(f"import convpad, numpy as np\n{call}\nimport torch", "reflect") == 18.0


@only_torch
@pytest.mark.parametrize("other", ["jax", "tensorflow"])
def test_torch_compiles_after_another_framework_was_imported(other: str) -> None:
    assert first_compiled_output(f"import torch, convpad, {other}", "reflect") == 18.0


@only_jax
@pytest.mark.parametrize("op", ["conv", "depthwise_conv", "max_pool", "average_pool"])
@pytest.mark.parametrize("mode", ["zeros", "reflect", "circular", "ignore", 1.5], ids=str)
def test_jax_exports_with_height_left_open(op: str, mode: Any) -> None:
    jax = framework("jax").jax
    from jax import export

    asked = case(op, mode)
    kernels = [framework("jax").tensor(array) for array in asked.arrays[1:]]
    shape = export.symbolic_shape("b, h, 5, 4")
    exported = export.export(jax.jit(lambda x: asked.call(x, *kernels)))(jax.ShapeDtypeStruct(shape, "float64"))
    for size in ((2, 6, 5, 4), (1, 9, 5, 4)):
        x = np.random.default_rng(2).normal(size=size)
        other = Case(op, (x, *asked.arrays[1:]), asked.options)
        assert_close(np.asarray(exported.call(x)), oracle(other), where=str(other))


@only_jax
@pytest.mark.parametrize("op", OPS)
def test_jax_maps_and_differentiates_twice(op: str) -> None:
    jax = framework("jax").jax
    asked = case(op, MIXED)
    x, *kernels = map(framework("jax").tensor, asked.arrays)
    batched = jax.vmap(lambda one: asked.call(one[None], *kernels)[0])(x)
    assert_close(np.asarray(batched), oracle(asked))
    # The second derivative of the sum of squares along a direction, two ways.
    energy = jax.grad(lambda x: (asked.call(x, *kernels) ** 2).sum())
    forward = jax.jvp(energy, (x,), (x,))[1]
    backward = jax.grad(lambda y: (energy(y) * x).sum())(x)
    assert_close(np.asarray(forward), np.asarray(backward))


# 2 x 4 values under a 3 x 2 kernel with pads of 1 and strides of 2: XLA aborted on the gradient.
ABORTED = """
import jax, jax.numpy as jnp, convpad
x, kernel = jnp.ones((1, 2, 4, 2)), jnp.ones((3, 2, 2, 2))
f = lambda x, kernel: convpad.conv(x, kernel, strides=2, padding=1).sum()
print(jax.grad(f, (0, 1))(x, kernel)[0].shape)
"""


@only_jax
def test_the_kernel_that_made_xla_abort_has_a_gradient() -> None:
    done = subprocess.run([sys.executable, "-c", ABORTED], capture_output=True, text=True, check=False)
    assert done.stdout == "(1, 2, 4, 2)\n", done.stderr[-2000:]


@pytest.mark.parametrize("name", CHOSEN)
def test_threads_do_not_disturb_each_other(name: str) -> None:
    asked = [case(op, mode) for op in OPS for mode in ("reflect", "ignore", MIXED)]

    def answer(one: Case) -> Any:
        return framework(name).numpy(one.call(*map(framework(name).tensor, one.arrays)))

    with ThreadPoolExecutor(8) as pool:
        for one, got in zip(asked * 2, pool.map(answer, asked * 2), strict=True):
            assert_close(got, oracle(one))


UNEVEN = {"conv": ((3, 3, 4, 2),), "depthwise_conv": ((3, 3, 4, 1),)}


def uneven(op: str) -> Case:
    arrays = tuple(np.ones(shape) for shape in ((1, 8, 8, 4), *UNEVEN[op]))
    return Case(op, arrays, {"padding": ((0, 2), (1, 0)), "strides": 2})


@only_jax
@pytest.mark.parametrize("op", UNEVEN)
def test_jax_pads_uneven_zeros_without_a_copy(op: str) -> None:
    jax, asked = framework("jax").jax, uneven(op)

    def program(**changed: Any) -> str:
        arrays = map(framework("jax").tensor, asked.arrays)
        return str(jax.make_jaxpr(lambda *a: asked.call(*a, **changed))(*arrays))

    padded = "[1,10,9,4]"
    assert padded not in program()
    assert padded not in program(route="native")
    assert padded in program(route="padded"), "the test could not fail"


@only_tensorflow
@pytest.mark.parametrize("op", UNEVEN)
def test_tensorflow_pads_uneven_zeros_without_a_copy(op: str) -> None:
    tf, asked = framework("tensorflow").tf, uneven(op)

    def operations(**changed: Any) -> set[str]:
        specs = [tf.TensorSpec(array.shape, "float64") for array in asked.arrays]
        graph = tf.function(lambda *a: asked.call(*a, **changed)).get_concrete_function(*specs).graph
        return {node.type for node in graph.get_operations()}

    copies = {"Pad", "PadV2", "ConcatV2", "GatherV2", "SpaceToBatchND"}
    assert not operations() & copies
    assert operations(route="padded") & copies, "the test could not fail"
