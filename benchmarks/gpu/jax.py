"""JAX on a GPU, under `jax.jit`: calls are dispatched one after the other, and waited for at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp

import convpad
from benchmarks.gpu import Contestant, Task, contestant_names
from benchmarks.rows import VALUE
from convpad.benchmark.candidates import pad_then_convolve
from convpad.benchmark.runners import jax as runner

__all__ = ["HOST"]

Call = Callable[[Any, Any], Any]
"""`(x, kernel) -> output`: channels last, the kernel in Keras's layout."""


def _ours(task: Task, route: str | None) -> Call:
    row, mode = task.row, task.row.spelled(task.mode)
    return partial(getattr(convpad, row.op), padding_mode=mode, route=route, **row.layer().options)


def _limit(task: Task) -> Call:
    return lambda x, kernel: runner.convolve(x, kernel, task.row.layer(), task.row.pairs)


def _by_hand(task: Task) -> Call:
    """Return `jnp.pad`, then the convolution; zeros are left to the convolution."""
    row, modes = task.row, task.row.modes(task.mode)
    if set(modes) == {"zeros"}:
        return _limit(task)
    pad = lambda x: runner.RUNNER.pad(x, row.pairs, modes, VALUE)  # noqa: E731
    pad_mask = pad if "ignore" in modes else None
    return pad_then_convolve(runner.RUNNER, row.layer(), pad, pad_mask, runner.RUNNER.convolve)


class JaxHost:
    """See `Host`."""

    def device_name(self, device: str) -> str:
        return jax.devices("gpu" if device == "cuda" else "cpu")[0].device_kind if device == "cuda" else ""

    def contestants(self, task: Task, device: str) -> dict[str, Callable[[], Contestant]]:
        row, keys = task.row, jax.random.split(jax.random.PRNGKey(0), 3)
        shapes = (row.input_shape, row.kernel_shape, row.output_shape)
        tensors = [jax.random.normal(key, shape) for key, shape in zip(keys, shapes, strict=True)]
        tensors[1] = tensors[1] / (tensors[1].size / tensors[1].shape[-1]) ** 0.5
        tensors = [tensor.astype(task.dtype) for tensor in tensors]

        def ready(call: Call, *, comparable: bool = True) -> Contestant:
            return _contestant(call, *tensors, comparable=comparable)

        found = {
            "limit": lambda: ready(_limit(task), comparable=task.mode == "zeros"),
            "by hand": lambda: ready(_by_hand(task)),
        }
        for name, route in contestant_names("jax", task, device).items():
            found[name] = partial(ready, _ours(task, route))
        return found

    def seconds(self, run: Callable[[], Any], calls: int, device: str) -> float:
        jax.block_until_ready(run())
        begin = perf_counter()
        for _ in range(calls - 1):
            run()
        jax.block_until_ready(run())  # a device computes in the order of the calls
        return perf_counter() - begin

    def difference(self, tensor: Any, expected: Any) -> float:
        if tensor.shape != expected.shape:
            return float("inf")
        expected = expected.astype("float32")
        return float(jnp.abs(tensor.astype("float32") - expected).max() / jnp.abs(expected).max())

    def peak(self, contestant: Contestant, step: str, device: str) -> int | None:
        run: Any = contestant.run(step)
        return run.func.lower(*run.args).compile().memory_analysis().temp_size_in_bytes

    def determinism(
        self, contestants: Mapping[str, Contestant], repeats: int
    ) -> tuple[dict[str, bool], dict[str, str]]:
        raise NotImplementedError("JAX has no such switch; its tasks are all compiled.")

    def forget(self) -> None:
        jax.clear_caches()


def _contestant(call: Call, x: Any, kernel: Any, cotangent: Any, *, comparable: bool) -> Contestant:
    forward, gradient = jax.jit(call), jax.jit(runner.backward_of(call))
    return Contestant(partial(forward, x, kernel), partial(gradient, x, kernel, cotangent), comparable)


HOST = JaxHost()
