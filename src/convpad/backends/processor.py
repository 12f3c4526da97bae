"""The processor that this runs on."""

from __future__ import annotations

from functools import lru_cache
from math import inf

from numpy.lib import introspect

from convpad.tuning import VECTOR_BITS


@lru_cache(maxsize=1)
def vector_bits() -> float:
    """Return how many bits the vectors of this processor have: 256 or 512, endless where nobody measured.

    The libraries of the frameworks have kernels for each, so what is faster with one may be slower with the other.
    """
    found = introspect.opt_func_info(func_name="^exp$", signature="^float32$").get("exp", {})
    kernels = " ".join(kernel["current"] for kernel in found.values())
    return next((bits for name, bits in VECTOR_BITS.items() if name in kernels), inf)
