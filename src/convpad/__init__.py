"""convpad: any padding, in any convolution, on any backend, at the price of zero padding.

The public names are resolved when they are first used, so importing convpad imports no framework:
`convpad.keras` needs Keras, and the functions need the framework of the tensors they are given.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convpad.benching import bench
    from convpad.benching.result import Bench
    from convpad.errors import PaddingError, ShapeError
    from convpad.explanation import Explanation, explain
    from convpad.modes import MODES
    from convpad.ops.conv import conv, conv_transpose, depthwise_conv, separable_conv
    from convpad.ops.dispatch import plan
    from convpad.ops.pad import pad
    from convpad.ops.plan import Plan
    from convpad.ops.pool import average_pool, max_pool
    from convpad.solving import solve
    from convpad.solving.chain import solve_chain
    from convpad.spec import Constant, Learned, Padding
    from convpad.tools.audit import Audit, audit
    from convpad.tools.compare import Comparison, compare
    from convpad.tools.folding import fold
    from convpad.tools.repadding import repad

__version__ = "0.1.0"

__all__ = [
    "MODES",
    "Audit",
    "Bench",
    "Comparison",
    "Constant",
    "Explanation",
    "Learned",
    "Padding",
    "PaddingError",
    "Plan",
    "ShapeError",
    "audit",
    "average_pool",
    "bench",
    "compare",
    "conv",
    "conv_transpose",
    "depthwise_conv",
    "explain",
    "fold",
    "max_pool",
    "pad",
    "plan",
    "repad",
    "separable_conv",
    "solve",
    "solve_chain",
]

_HOMES = {
    "convpad.errors": ("PaddingError", "ShapeError"),
    "convpad.modes": ("MODES",),
    "convpad.explanation": ("Explanation", "explain"),
    "convpad.spec": ("Constant", "Learned", "Padding"),
    "convpad.solving": ("solve",),
    "convpad.solving.chain": ("solve_chain",),
    "convpad.tools.audit": ("Audit", "audit"),
    "convpad.tools.compare": ("Comparison", "compare"),
    "convpad.ops.plan": ("Plan",),
    "convpad.ops.dispatch": ("plan",),
    "convpad.ops.pad": ("pad",),
    "convpad.ops.conv": ("conv", "conv_transpose", "depthwise_conv", "separable_conv"),
    "convpad.ops.pool": ("average_pool", "max_pool"),
    "convpad.benching": ("bench",),
    "convpad.benching.result": ("Bench",),
    "convpad.tools.folding": ("fold",),
    "convpad.tools.repadding": ("repad",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
_SUBMODULES = ("keras", "reference")


def __getattr__(name: str) -> Any:
    if name not in _HOME and name not in _SUBMODULES:
        raise AttributeError(f"module 'convpad' has no attribute {name!r}")
    try:
        home = import_module(_HOME.get(name, f"convpad.{name}"))
    except ModuleNotFoundError as error:
        if error.name != "keras":
            raise
        from convpad.errors import without_keras

        raise without_keras(f"convpad.{name}") from None
    if name in _SUBMODULES:
        return home
    value = getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, *_SUBMODULES, "__version__"])
