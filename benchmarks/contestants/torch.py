"""PyTorch, eager: forward without gradients, or with `torch.autograd.grad`; the peers are its own modules."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from benchmarks.contestants import Contestant, Entry, Task, layouts
from convpad.benchmark.runners import torch as engine

__all__ = ["ENGINE"]

FORMATS = {2: torch.channels_last, 3: torch.channels_last_3d}


class Torch(engine.Torch):
    """See `Engine`."""

    def limit(self, task: Task) -> Entry:
        # Its memory format for channels last has two or three axes; with one, channels first is what it is fastest on.
        row, layout = task.row, "first" if task.row.rank == 1 else "permuted"
        amounts = tuple(before for before, _ in row.even_pairs)
        if row.transposed:

            def transposed(y: Any, weight: Any) -> Any:
                return F.conv_transpose2d(y, weight, None, row.stride, amounts)

            return Entry("limit", transposed, row.even_pairs, task.zeros, layout)
        convolved = partial(engine.convolved, amounts=amounts, **row.moving)
        return Entry("limit", convolved, row.even_pairs, task.zeros, layout)

    def peers(self, task: Task) -> list[Entry]:
        """`torch.nn.Conv2d` on both memory formats. It pads both sides alike, so it has no causal convolution."""
        row, mode = task.row, task.modes[0]
        if len(set(task.modes)) > 1 or mode in ("constant", "ignore") or row.padding == "causal":
            return []
        if row.transposed and mode != "zeros":
            return []
        amounts = tuple(before for before, _ in row.even_pairs)
        options = {"stride": row.stride, "padding": amounts, "bias": False, "padding_mode": mode}
        options |= {"groups": row.channels if row.depthwise else 1, "dtype": getattr(torch, task.dtype)}
        kind = getattr(torch.nn, f"Conv{'Transpose' if row.transposed else ''}{row.rank}d")
        module = kind(row.channels, row.filters, row.window, **options)
        first = Entry("torch.nn", lambda x, weight: module(x), row.even_pairs, task.modes, "first", module)
        module_last = kind(row.channels, row.filters, row.window, **options)
        last = Entry(
            "torch.nn channels_last",
            lambda x, weight: module_last(x),
            row.even_pairs,
            task.modes,
            "permuted",
            module_last,
        )
        return [first, last] if row.rank in FORMATS else [first]

    def _tensors(self, entry: Entry, task: Task) -> tuple[Any, Any, Any]:
        x, kernel, cotangent = task.arrays
        if entry.layout != "last":
            kernel = layouts.kernel_first(kernel, task.row)
        x, kernel, cotangent = (torch.tensor(array).to(getattr(torch, task.dtype)) for array in (x, kernel, cotangent))
        if entry.layout != "last":
            x, cotangent = x.movedim(-1, 1), cotangent.movedim(-1, 1)
        if entry.layout == "first":
            x, cotangent = x.contiguous(), cotangent.contiguous()
        if entry.layout == "permuted":
            kernel = kernel.contiguous(memory_format=FORMATS[task.row.rank])
        if isinstance(entry.layer, torch.nn.Module):
            weight = getattr(entry.layer, "weight", None)
            if weight is not None:  # a module of torch.nn
                weight.data = kernel
                return x, weight, cotangent
            kernel = entry.layer.kernel.value  # a layer of Keras
        return x, kernel, cotangent

    def contestant(self, entry: Entry, task: Task) -> Contestant:
        x, kernel, cotangent = self._tensors(entry, task)
        steps = self.steps(entry.function, x, kernel, cotangent)

        def read(tensors: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            out, input_gradient, kernel_gradient = map(self.array, tensors)
            if entry.layout != "last":
                out, input_gradient = layouts.last(out), layouts.last(input_gradient)
                kernel_gradient = layouts.kernel_last(kernel_gradient, task.row)
            return out, input_gradient, kernel_gradient

        def kept() -> int:
            given = {tensor.untyped_storage().data_ptr() for tensor in (x, kernel)}
            found: dict[int, int] = {}

            def pack(tensor: Any) -> Any:
                storage = tensor.untyped_storage()
                if storage.data_ptr() not in given:
                    found[storage.data_ptr()] = storage.nbytes()
                return tensor

            with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
                steps.backward()
            return sum(found.values())

        return Contestant(entry.name, steps.forward, steps.backward, read, entry.pairs, entry.modes, kept=kept)


ENGINE = Torch()
