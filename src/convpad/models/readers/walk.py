"""Walk of a reader through a model: the windows, the layers that only pad, and the layers that cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convpad.core.effective import Fill
from convpad.core.padding import Padding
from convpad.models.tensor_info import TensorInfo, apply_pad, apply_window
from convpad.models.windows import ModelWindows, Pad, PaddedWindow

__all__ = ["Walk"]


class Walk:
    """The tensors of a model, followed layer by layer, and all that is met on the way.

    Args:
        tensors: by name, as far as they are known beforehand.
    """

    def __init__(self, tensors: dict[str, TensorInfo] | None = None) -> None:
        self.tensors = tensors or {}
        self.windows: list[PaddedWindow] = []
        self.unsupported: list[str] = []
        self._pads: dict[str, Pad] = {}
        self._calls: dict[str, int] = {}

    def tensor(self, name: str) -> TensorInfo:
        """Return the tensor of that name."""
        return self.tensors.get(name, TensorInfo())

    def numbered(self, name: str, key: str | None = None) -> str:
        """Return the name of a call: a layer that is called again is numbered. Calls of one `key` are of one layer."""
        count = self._calls[key or name] = self._calls.get(key or name, 0) + 1
        return name if count == 1 else f"{name} (call {count})"

    def add_unsupported(self, name: str, layer: str) -> None:
        """Note a layer that may have windows, which cannot be seen."""
        self.unsupported.append(f"{name} ({layer})")

    def add_pad(
        self,
        tensor: TensorInfo,
        name: str,
        layer: str,
        pairs: Sequence[tuple[int, int]],
        fills: Sequence[tuple[Fill, Fill]],
        axes: Sequence[int],
    ) -> TensorInfo:
        """Note a layer that only pads, and return its output; the arguments are those of `apply_pad`."""
        output = apply_pad(tensor, name, layer, pairs, fills, axes)
        self._pads[name] = output.pads[-1]
        return output

    def add_window(
        self, tensor: TensorInfo, name: str, layer: str, op: str, padding: Padding, **numbers: Any
    ) -> TensorInfo:
        """Note a window, and return its output; the arguments are those of `apply_window`."""
        window, output = apply_window(tensor, name, layer, op, padding, **numbers)
        self.windows.append(window)
        return output

    def result(self, source: str, framework: str) -> ModelWindows:
        """Return all that was met; layers that pad ahead of no window are unattached."""
        attached = {pad.name for window in self.windows for pad in window.pads}
        unattached = tuple(pad for name, pad in self._pads.items() if name not in attached)
        return ModelWindows(source, framework, tuple(self.windows), unattached, tuple(dict.fromkeys(self.unsupported)))
