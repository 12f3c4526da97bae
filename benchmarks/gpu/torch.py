"""PyTorch on a GPU: eager or compiled, on both memory formats; CUDA events are the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter
from typing import Any

import torch

import convpad
from benchmarks.gpu import Contestant, Task, contestant_names
from benchmarks.rows import VALUE
from convpad.benchmark.candidates import pad_then_convolve
from convpad.benchmark.runners import torch as runner

__all__ = ["HOST"]

FORMATS = {2: torch.channels_last, 3: torch.channels_last_3d}
PADDING_MODES = ("reflect", "replicate", "circular")
Call = Callable[[Any, Any], Any]
"""`(x, weight) -> output`: channels first, the kernel in PyTorch's layout."""


def _keras_kernel(weight: Any, *, depthwise: bool) -> Any:
    """Return a kernel in Keras's layout: a view, so that nothing is copied."""
    kernel = weight.movedim((0, 1), (-1, -2))
    return kernel.transpose(-1, -2) if depthwise else kernel


def _ours(task: Task, route: str | None) -> Call:
    row, mode = task.row, task.row.spelled(task.mode)
    options = {**row.layer().options, "padding_mode": mode, "route": route, "data_format": "channels_first"}
    function, depthwise = getattr(convpad, row.op), row.depthwise
    return lambda x, weight: function(x, _keras_kernel(weight, depthwise=depthwise), **options)


def _by_hand(task: Task) -> Call:
    """Return `F.pad`, then the convolution; zeros that are equal on both sides are left to the convolution."""
    # Whatever follows from the row is found out here: torch.compile would trace how.
    row, modes, pairs, layer = task.row, task.row.modes(task.mode), task.row.pairs, task.row.layer()
    depthwise = row.depthwise
    if modes == ("zeros",) * row.rank and pairs == row.even_pairs:
        return _limit(task)

    def pad(x: Any) -> Any:
        return runner.RUNNER.pad(x, pairs, modes, VALUE)

    if "ignore" not in modes:
        return lambda x, weight: runner.convolve(pad(x.movedim(1, -1)).movedim(-1, 1), weight, layer, 0)
    last = pad_then_convolve(runner.RUNNER, layer, pad, pad, runner.RUNNER.convolve)
    return lambda x, weight: last(x.movedim(1, -1), _keras_kernel(weight, depthwise=depthwise)).movedim(-1, 1)


def _limit(task: Task) -> Call:
    amounts, layer = tuple(before for before, _ in task.row.even_pairs), task.row.layer()
    return lambda x, weight: runner.convolve(x, weight, layer, amounts)


def _module(task: Task, memory: Any, device: str) -> Any:
    row = task.row
    kind = getattr(torch.nn, f"Conv{row.rank}d")
    amounts = tuple(before for before, _ in row.even_pairs)
    options: dict[str, Any] = {"stride": row.stride, "dilation": row.dilation, "bias": False}
    options |= {"groups": row.channels if row.depthwise else row.groups, "padding_mode": task.mode}
    module = kind(row.channels, row.filters, row.window, padding=amounts, **options)
    return module.to(device, getattr(torch, task.dtype), memory_format=memory)


class TorchHost:
    """See `Host`."""

    def device_name(self, device: str) -> str:
        return torch.cuda.get_device_name() if device == "cuda" else ""

    def _tensors(self, task: Task, device: str, memory: Any) -> tuple[Any, Any, Any]:
        """Return input, kernel and cotangent, made on the device: equal for all candidates."""
        random = torch.Generator(device).manual_seed(0)
        row, dtype = task.row, getattr(torch, task.dtype)
        groups = row.channels if row.depthwise else row.groups
        weight = (row.filters, row.channels // groups, *row.window)
        batch, *sizes, filters = row.output_shape
        shapes = ((row.batch, row.channels, *row.size), weight, (batch, filters, *sizes))
        x, kernel, cotangent = (torch.randn(shape, generator=random, device=device) for shape in shapes)
        kernel = kernel / (kernel.numel() / kernel.shape[0]) ** 0.5
        return tuple(tensor.to(dtype).contiguous(memory_format=memory) for tensor in (x, kernel, cotangent))

    def contestants(self, task: Task, device: str) -> dict[str, Callable[[], Contestant]]:
        last = task.memory_format == "channels_last"
        memory = FORMATS[task.row.rank] if last else torch.contiguous_format
        x, weight, cotangent = self._tensors(task, device, memory)
        even, zeros = task.row.pairs == task.row.even_pairs, task.mode == "zeros"

        def ready(call: Call, *, comparable: bool = True) -> Contestant:
            if task.way == "compiled":
                call = torch.compile(call, dynamic=False)
            return _contestant(call, x, weight, cotangent, comparable=comparable)

        found = {
            "limit": lambda: ready(_limit(task), comparable=zeros and even),
            "by hand": lambda: ready(_by_hand(task)),
        }
        if task.mode in PADDING_MODES and task.way == "eager" and len(set(task.row.modes(task.mode))) == 1:

            def module() -> Contestant:
                layer = _module(task, memory, device)
                layer.weight.data = weight
                return _contestant(lambda x, _: layer(x), x, layer.weight, cotangent, comparable=even)

            found["torch.nn"] = module
        for name, route in contestant_names("torch", task, device).items():
            found[name] = partial(ready, _ours(task, route))
        return found

    def seconds(self, run: Callable[[], Any], calls: int, device: str) -> float:
        run()  # the queue is filled before the clock runs
        if device == "cpu":
            begin = perf_counter()
            for _ in range(calls):
                run()
            return perf_counter() - begin
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(calls):
            run()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1e3

    def difference(self, tensor: Any, expected: Any) -> float:
        if tensor.shape != expected.shape:
            return float("inf")
        expected = expected.float()
        return ((tensor.float() - expected).abs().max() / expected.abs().max()).item()

    def peak(self, contestant: Contestant, step: str, device: str) -> int | None:
        if device == "cpu":
            return None  # its allocator does not tell
        run = contestant.run(step)
        run()
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        run()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before

    def determinism(
        self, contestants: Mapping[str, Contestant], repeats: int
    ) -> tuple[dict[str, bool], dict[str, str]]:
        strict: dict[str, str] = {}
        repeated = {name: _repeats(contestant, repeats) for name, contestant in contestants.items()}
        torch.use_deterministic_algorithms(True)
        try:
            for name, contestant in contestants.items():
                try:
                    strict[name] = "runs, same" if _repeats(contestant, repeats) else "runs, differs"
                except RuntimeError as error:
                    strict[name] = f"refused: {str(error).split(' does not')[0][:60]}"
        finally:
            torch.use_deterministic_algorithms(False)
        return repeated, strict

    def forget(self) -> None:
        torch.compiler.reset()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _contestant(call: Call, x: Any, weight: Any, cotangent: Any, *, comparable: bool) -> Contestant:
    tracked, kernel = x.detach().clone().requires_grad_(), weight.detach().requires_grad_()
    if isinstance(weight, torch.nn.Parameter):
        kernel = weight

    def forward() -> Any:
        with torch.no_grad():
            return call(x, kernel)

    def gradient() -> tuple[Any, ...]:
        output = call(tracked, kernel)
        return (output.detach(), *torch.autograd.grad(output, (tracked, kernel), cotangent))

    return Contestant(forward, gradient, comparable)


def _repeats(contestant: Contestant, repeats: int) -> bool:
    """Return whether all runs give the same bits."""
    first = contestant.gradient()
    later = (contestant.gradient() for _ in range(repeats - 1))
    return all(torch.equal(one, other) for run in later for one, other in zip(first, run, strict=True))


HOST = TorchHost()
