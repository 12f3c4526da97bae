"""convpad: any padding, in any convolution, on any backend, at the price of zero padding.

The public names are resolved when they are first used, so importing convpad imports no framework:
`convpad.keras` needs Keras, and the functions need the framework of the tensors they are given.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convpad.benchmark import bench
    from convpad.benchmark.result import Bench
    from convpad.core.errors import PaddingError, ShapeError
    from convpad.core.modes import MODES
    from convpad.core.padding import Constant, Learned, Padding
    from convpad.explanation import Explanation, explain
    from convpad.models.audit import Audit, audit
    from convpad.models.compare import Comparison, compare
    from convpad.models.fold import fold
    from convpad.models.repad import repad
    from convpad.ops.functions import (
        average_pool,
        conv,
        conv_transpose,
        depthwise_conv,
        max_pool,
        pad,
        separable_conv,
    )
    from convpad.ops.plan import Plan
    from convpad.ops.run import plan
    from convpad.solver import solve
    from convpad.solver.chain import solve_chain

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
    "convpad.core.errors": ("PaddingError", "ShapeError"),
    "convpad.core.modes": ("MODES",),
    "convpad.explanation": ("Explanation", "explain"),
    "convpad.core.padding": ("Constant", "Learned", "Padding"),
    "convpad.solver": ("solve",),
    "convpad.solver.chain": ("solve_chain",),
    "convpad.models.audit": ("Audit", "audit"),
    "convpad.models.compare": ("Comparison", "compare"),
    "convpad.ops.plan": ("Plan",),
    "convpad.ops.run": ("plan",),
    "convpad.ops.functions": (
        "average_pool",
        "conv",
        "conv_transpose",
        "depthwise_conv",
        "max_pool",
        "pad",
        "separable_conv",
    ),
    "convpad.benchmark": ("bench",),
    "convpad.benchmark.result": ("Bench",),
    "convpad.models.fold": ("fold",),
    "convpad.models.repad": ("repad",),
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
        from convpad.core.errors import without_keras

        raise without_keras(f"convpad.{name}") from None
    if name in _SUBMODULES:
        return home
    value = getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, *_SUBMODULES, "__version__"])
