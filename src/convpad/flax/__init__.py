"""Flax NNX layers with any padding: Flax's own convolutions and pools, under their own names."""

from __future__ import annotations

try:
    import flax as _flax  # noqa: F401 (Flax, not this package)
except ModuleNotFoundError as _error:
    from convpad.core.errors import not_installed

    raise not_installed("convpad.flax", "Flax", "flax") if _error.name in ("flax", "jax") else _error from None

from convpad.flax.convolution import Conv, ConvTranspose
from convpad.flax.pooling import avg_pool, max_pool, min_pool

__all__ = ["Conv", "ConvTranspose", "avg_pool", "max_pool", "min_pool"]
