"""Programs that something else runs: traced in the framework's own operations, and portable pads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from cases import OPS, Case
from compare import assert_close, oracle
from frameworks import CHOSEN, ENGINES, framework

import convpad
from convpad import tuning

MODES = ("zeros", "reflect", "symmetric", "replicate", "circular", "reflect_odd", "symmetric_odd", "ignore", 1.5)
MIXED = (("ignore", "reflect"), ("circular", -1.0))
KERNELS = {
    "conv": ((3, 2, 4, 2),),
    "depthwise_conv": ((3, 2, 4, 2),),
    "separable_conv": ((3, 2, 4, 1), (1, 1, 4, 3)),
    "conv_transpose": ((3, 2, 2, 4),),
}


def case(op: str, mode: Any, size: tuple[int, int] = (8, 7), strides: int = 1, padding: Any = ((2, 1), (0, 2))) -> Case:
    rng = np.random.default_rng(3)
    window = {"pool_size": (3, 2)} if "pool" in op else {}
    options = {"padding": padding, "padding_mode": mode, "strides": strides, **window}
    arrays = tuple(rng.normal(size=shape) for shape in ((2, *size, 4), *KERNELS.get(op, ())))
    return Case(op, arrays, options)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("mode", [*MODES, MIXED], ids=str)
def test_portable_pads_give_the_same_numbers(name: str, op: str, mode: Any) -> None:
    asked = case(op, mode)
    tensors = [framework(name).tensor(array) for array in asked.arrays]
    with convpad.portable_pads():
        portable = framework(name).numpy(asked.call(*tensors))
    assert_close(portable, oracle(asked), where=str(asked))


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_portable_pads_are_equal_bit_by_bit(name: str, mode: Any) -> None:
    if mode == "ignore":
        pytest.skip("a pad cannot ignore")
    x = framework(name).tensor(np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype("float32"))
    pad = framework(name).compiled(lambda x: convpad.pad(x, ((2, 1), (0, 3)), mode))
    with convpad.portable_pads():
        portable = framework(name).numpy(framework(name).compiled(lambda x: convpad.pad(x, ((2, 1), (0, 3)), mode))(x))
    assert np.array_equal(portable, framework(name).numpy(pad(x)))


def test_blocks_of_several_threads_end_in_any_order() -> None:
    first_is_in, second_is_in, first_is_out = Barrier(2), Barrier(2), Barrier(2)
    states: list[int] = []

    def first() -> None:
        with convpad.portable_pads():
            first_is_in.wait()
            second_is_in.wait()
        first_is_out.wait()

    def second() -> None:
        first_is_in.wait()
        with convpad.portable_pads():
            second_is_in.wait()
            first_is_out.wait()
            states.append(tuning.STATE.portable_pads)

    with ThreadPoolExecutor(2) as pool:
        for done in (pool.submit(first), pool.submit(second)):
            done.result()
    assert (states, tuning.STATE.portable_pads) == ([1], 0)


only_torch = pytest.mark.skipif("torch" not in CHOSEN, reason="needs torch")
only_jax = pytest.mark.skipif("jax" not in CHOSEN, reason="needs jax")


def module(asked: Case) -> Any:
    """Return a module of PyTorch that runs a case with its kernels as parameters."""
    torch = framework("torch").torch

    class Module(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            arrays = map(torch.as_tensor, asked.arrays[1:])
            self.kernels = torch.nn.ParameterList([torch.nn.Parameter(array) for array in arrays])

        def forward(self, x: Any) -> Any:
            return asked.call(x, *self.kernels)

    return Module()


@only_torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch.jit
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("mode", [*MODES, MIXED], ids=str)
@pytest.mark.parametrize(("padding", "strides"), [("same", 2), (((2, 1), (0, 2)), 1)], ids=str)
def test_torch_traces_at_one_size_and_runs_at_others(op: str, mode: Any, padding: Any, strides: int) -> None:
    torch = framework("torch").torch
    asked = case(op, mode, (1, 1) if op == "conv" and strides == 2 else (8, 7), strides, padding)
    program = torch.jit.trace(module(asked), torch.as_tensor(asked.arrays[0]))
    for size in ((8, 7), (9, 4), (37, 53)):
        x = np.random.default_rng(1).normal(size=(1, *size, 4))
        other = Case(op, (x, *asked.arrays[1:]), asked.options)
        assert_close(program(torch.as_tensor(x)).detach().numpy(), oracle(other), where=str(other))


@only_torch
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("mode", ["zeros", "circular", "symmetric_odd", "ignore"])
def test_torch_exports_strides_with_open_sizes(op: str, mode: Any) -> None:
    torch = framework("torch").torch
    asked, dynamic = case(op, mode, strides=2, padding="same"), torch.export.Dim.DYNAMIC

    x = torch.zeros(2, 256, 256, 4, dtype=torch.float64)
    program = torch.export.export(module(asked), (x,), dynamic_shapes=({0: dynamic, 1: dynamic, 2: dynamic},))
    x = np.random.default_rng(1).normal(size=(1, 37, 53, 4))
    other = Case(op, (x, *asked.arrays[1:]), asked.options)
    assert_close(program.module()(torch.as_tensor(x)).detach().numpy(), oracle(other), where=str(other))


@only_jax
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("mode", ["zeros", "reflect", "reflect_odd", "ignore", MIXED], ids=str)
def test_jax_exports_strides_with_open_sizes(op: str, mode: Any) -> None:
    jax = framework("jax").jax
    from jax import export

    asked = case(op, mode, strides=2, padding="same")
    kernels = [framework("jax").tensor(array) for array in asked.arrays[1:]]
    shape = export.symbolic_shape("b, h, w, 4")
    exported = export.export(jax.jit(lambda x: asked.call(x, *kernels)))(jax.ShapeDtypeStruct(shape, "float64"))
    for size in ((8, 7), (9, 4), (1, 2)):
        x = np.random.default_rng(2).normal(size=(1, *size, 4))
        other = Case(op, (x, *asked.arrays[1:]), asked.options)
        assert_close(np.asarray(exported.call(x)), oracle(other), where=str(other))


@only_jax
def test_jax_exports_a_gradient_with_open_sizes() -> None:
    jax = framework("jax").jax
    from jax import export

    asked = case("conv", "reflect", strides=2, padding="same")
    kernel = framework("jax").tensor(asked.arrays[1])
    shape = export.symbolic_shape("b, h, w, 4")
    loss = jax.jit(jax.grad(lambda x: (asked.call(x, kernel) ** 2).sum()))
    exported = export.export(loss)(jax.ShapeDtypeStruct(shape, "float64"))
    x = asked.arrays[0]
    assert_close(np.asarray(exported.call(x)), np.asarray(loss(x)))


@pytest.mark.parametrize("name", ENGINES)
def test_a_traced_plan_names_no_kernel_of_ours(name: str) -> None:
    from convpad.backends import backend_named
    from convpad.backends.base import Context
    from convpad.backends.plain import Plain
    from convpad.ops.plan import choose

    problem = convpad.plan((8, 256, 256, 64), (3, 3, 64, 64), padding="same", padding_mode=1.5).problem
    backend = backend_named(name)
    measured = choose(problem, name, backend, Context(gradient=backend.context().gradient))
    traced = choose(problem, name, Plain(backend, sliced_pads=False), Context(traced=True))
    assert measured.route == "correction", "the test could not fail"
    assert (traced.route, traced.kernel) == ("padded", "framework")
    assert traced.reason == (
        "no backend's operation pads with constant, and nothing is corrected in a program that something else runs"
    )
