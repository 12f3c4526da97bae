"""convpad: any padding, in any convolution, on any backend, at the price of zero padding.

The public names are loaded when they are first used, so importing convpad imports no framework and no NumPy:
`convpad.keras` needs Keras, and the functions need the framework of their tensors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convpad.core.version import __version__ as __version__

if TYPE_CHECKING:
    from convpad import equinox as equinox
    from convpad import flax as flax
    from convpad import frameworks as frameworks
    from convpad import keras as keras
    from convpad import reference as reference
    from convpad import torch as torch
    from convpad import tuning as tuning
    from convpad.benchmark import bench
    from convpad.benchmark.result import Bench
    from convpad.changes import Changes
    from convpad.core.amounts import AMOUNTS
    from convpad.core.errors import ConvpadError, DisagreementError, ModelFileError, PaddingError, ShapeError
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
    from convpad.ops.portable import low_memory, portable_pads
    from convpad.ops.resize import resize
    from convpad.ops.run import plan
    from convpad.seams import seam
    from convpad.solver import Solutions, solve
    from convpad.solver.chain import Chain, solve_chain
    from convpad.solver.solution import Solution

__all__ = [
    "AMOUNTS",
    "MODES",
    "Audit",
    "Bench",
    "Chain",
    "Changes",
    "Comparison",
    "Constant",
    "ConvpadError",
    "DisagreementError",
    "Explanation",
    "Learned",
    "ModelFileError",
    "Padding",
    "PaddingError",
    "Plan",
    "ShapeError",
    "Solution",
    "Solutions",
    "audit",
    "average_pool",
    "bench",
    "compare",
    "conv",
    "conv_transpose",
    "depthwise_conv",
    "explain",
    "fold",
    "low_memory",
    "max_pool",
    "pad",
    "plan",
    "portable_pads",
    "repad",
    "resize",
    "seam",
    "separable_conv",
    "solve",
    "solve_chain",
]

# For type checkers the imports above say it all: a name that is not there is an error to them.
if not TYPE_CHECKING:
    _MODULES = {
        "convpad.benchmark": ("bench",),
        "convpad.benchmark.result": ("Bench",),
        "convpad.core.amounts": ("AMOUNTS",),
        "convpad.core.errors": (
            "ConvpadError",
            "DisagreementError",
            "ModelFileError",
            "PaddingError",
            "ShapeError",
        ),
        "convpad.core.modes": ("MODES",),
        "convpad.core.padding": ("Constant", "Learned", "Padding"),
        "convpad.explanation": ("Explanation", "explain"),
        "convpad.models.audit": ("Audit", "audit"),
        "convpad.changes": ("Changes",),
        "convpad.models.compare": ("Comparison", "compare"),
        "convpad.models.fold": ("fold",),
        "convpad.models.repad": ("repad",),
        "convpad.ops.functions": (
            "average_pool",
            "conv",
            "conv_transpose",
            "depthwise_conv",
            "max_pool",
            "pad",
            "separable_conv",
        ),
        "convpad.ops.plan": ("Plan",),
        "convpad.ops.portable": ("low_memory", "portable_pads"),
        "convpad.ops.resize": ("resize",),
        "convpad.ops.run": ("plan",),
        "convpad.seams": ("seam",),
        "convpad.solver": ("Solutions", "solve"),
        "convpad.solver.chain": ("Chain", "solve_chain"),
        "convpad.solver.solution": ("Solution",),
    }
    _MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}
    _SUBMODULES = ("equinox", "flax", "frameworks", "keras", "reference", "torch", "tuning")

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name not in _MODULE_OF and name not in _SUBMODULES:
            raise AttributeError(f"module 'convpad' has no attribute {name!r}")
        try:
            module = import_module(_MODULE_OF.get(name, f"convpad.{name}"))
        except ModuleNotFoundError as error:
            from convpad.core.errors import without_keras

            raise without_keras(f"convpad.{name}", error) from None
        value = module if name in _SUBMODULES else getattr(module, name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted([*__all__, *_SUBMODULES, "__version__"])

    # Keras finds the layers of a saved model by their names, which convpad.keras registers.
    from convpad.core.imports import when_imported

    when_imported("keras", lambda: __getattr__("keras"))
    del when_imported
