"""PyTorch, eager: forward without gradients, or with `torch.autograd.grad`; the peers are its own modules."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from benchmarks.candidates import Case, Entry, Framework, MeasuredSteps, layouts
from benchmarks.rows import VALUE
from convpad.benchmark.runners import Steps
from convpad.benchmark.runners import torch as runner

__all__ = ["RUNNER"]

FORMATS = {2: torch.channels_last, 3: torch.channels_last_3d}


class Torch(runner.Torch, Framework):
    """See `Framework`."""

    def limit(self, case: Case) -> Entry:
        # Its memory format for channels last has two or three axes; with one, channels first is what it is fastest on.
        row, layout = case.row, "first" if case.row.rank == 1 else "permuted"
        amounts = tuple(before for before, _ in row.even_pairs)
        if row.transposed:

            def transposed(y: Any, weight: Any) -> Any:
                return F.conv_transpose2d(y, weight, None, row.stride, amounts)

            return Entry("limit", transposed, row.even_pairs, case.zeros, layout)
        convolution = partial(runner.convolve, layer=row.layer(), amounts=amounts)
        return Entry("limit", convolution, row.even_pairs, case.zeros, layout)

    def optimised(self, entry: Entry) -> Entry:
        """Return an entry under `torch.compile`. A gradient within a function is not traced, so that one is eager."""
        whole = entry.name.startswith("convpad")
        return replace(entry, function=torch.compile(entry.function, fullgraph=whole, dynamic=False))

    def by_hand(self, case: Case) -> list[Entry]:
        """Return the convolution on both memory formats, each with the kernel in PyTorch's order."""
        row = case.row
        if "ignore" in case.modes or (row.transposed and case.modes != case.zeros):
            return super().by_hand(case)
        limit, pairs, modes, layer = self.limit(case), row.pairs, case.modes, row.layer()

        def padded_first(x: Any, weight: Any) -> Any:
            padded = self.pad(x.movedim(1, -1), pairs, modes, VALUE).movedim(-1, 1)
            return runner.convolve(padded, weight, layer, 0)

        alone = row.transposed or (modes == case.zeros and limit.pairs == pairs)
        first = Entry("by hand, channels first", padded_first, pairs, modes, "first")
        if alone:
            first = replace(first, function=limit.function, pairs=limit.pairs)
        layout = "permuted" if row.rank in FORMATS else "first"
        last = replace(first, name="by hand", layout=layout)
        return [last, first] if layout == "permuted" else [last]

    def peers(self, case: Case) -> list[Entry]:
        """Return `torch.nn.Conv2d` on both memory formats. It pads both sides equally: no causal convolution."""
        row, mode = case.row, case.modes[0]
        if len(set(case.modes)) > 1 or mode in ("constant", "ignore") or row.padding == "causal":
            return []
        if row.transposed and mode != "zeros":
            return []
        amounts = tuple(before for before, _ in row.even_pairs)
        options = {"stride": row.stride, "padding": amounts, "bias": False, "padding_mode": mode}
        options["dilation"] = row.dilation
        options |= {"groups": row.channels if row.depthwise else row.groups, "dtype": getattr(torch, case.dtype)}
        kind = getattr(torch.nn, f"Conv{'Transpose' if row.transposed else ''}{row.rank}d")
        module = kind(row.channels, row.filters, row.window, **options)
        first = Entry("torch.nn", lambda x, weight: module(x), row.even_pairs, case.modes, "first", module)
        module_last = kind(row.channels, row.filters, row.window, **options)
        last = Entry(
            "torch.nn channels_last",
            lambda x, weight: module_last(x),
            row.even_pairs,
            case.modes,
            "permuted",
            module_last,
        )
        return [first, last] if row.rank in FORMATS else [first]

    def _tensors(self, entry: Entry, case: Case) -> tuple[Any, Any, Any]:
        x, kernel, cotangent = case.arrays
        if entry.layout != "last":
            kernel = layouts.kernel_first(kernel, case.row)
        x, kernel, cotangent = (torch.tensor(array).to(getattr(torch, case.dtype)) for array in (x, kernel, cotangent))
        if entry.layout != "last":
            x, cotangent = x.movedim(-1, 1), cotangent.movedim(-1, 1)
        if entry.layout == "first":
            x, cotangent = x.contiguous(), cotangent.contiguous()
        if entry.layout == "permuted":
            kernel = kernel.contiguous(memory_format=FORMATS[case.row.rank])
        if isinstance(entry.layer, torch.nn.Module):
            weight = getattr(entry.layer, "weight", None)
            if weight is not None:  # a module of torch.nn
                weight.data = kernel
                return x, weight, cotangent
            kernel = entry.layer.kernel.value  # a layer of Keras
        return x, kernel, cotangent

    def steps(self, function: Any, x: Any, kernel: Any, cotangent: Any) -> MeasuredSteps:
        steps = super().steps(function, x, kernel, cotangent)

        def saved_bytes() -> int:
            arguments = {tensor.untyped_storage().data_ptr() for tensor in (x, kernel)}
            sizes: dict[int, int] = {}

            def pack(tensor: Any) -> Any:
                storage = tensor.untyped_storage()
                if storage.data_ptr() not in arguments:
                    sizes[storage.data_ptr()] = storage.nbytes()
                return tensor

            with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
                steps.backward()
            return sum(sizes.values())

        return MeasuredSteps(steps.forward, steps.backward, saved_bytes=saved_bytes)

    def compiled(self, entry: Entry, case: Case) -> tuple[Steps, Any]:
        steps = self.steps(entry.function, *self._tensors(entry, case))
        return steps, lambda tensors: layouts.read(self.arrays(tensors), entry.layout, case.row)


RUNNER = Torch()
