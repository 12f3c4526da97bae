"""PyTorch: tensors are `torch.Tensor`.

PyTorch computes channels first. A channels-last tensor is handed over as a permuted view, which is what PyTorch
calls channels-last memory, so nothing is copied.
"""

from __future__ import annotations

from convpad.backends.base import Backend
from convpad.backends.torch import convolutions, padding, plain, resizing, tensors


class TorchBackend(Backend):
    """The functions of the files of this folder, as methods."""

    name = "torch"
    dilated_pools = frozenset({"max_pool"})


BACKEND = TorchBackend(convolutions, padding, resizing, tensors, plain=plain)
