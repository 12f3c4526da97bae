"""Plain backends: a framework's own operations alone, for programs that are traced here and run elsewhere.

Such a program may run at other sizes than the traced ones, and in a runtime that knows nothing of gradients of ours, of
kernels of ours, or of updates in place.
"""

from __future__ import annotations

from typing import Any

from convpad.backends.base import Backend, Tensor
from convpad.core.problem import Problem

_TUNED = {
    *("compiled", "kernel_name", "framework_pad", "supports_inplace", "set_kernel_layout"),
    *("prepare_pad", "prepare_conv"),
    *("take_slices", "add_slice", "add_slices", "multiply", "add_bias"),
    *("with_custom_vjp", "rematerialise", "select_for_gradient", "plain_operations"),
}
"""The methods whose defaults in `Backend` are the plain ones."""


class Plain(Backend):
    """A backend whose choices and gradients are the defaults of `Backend`.

    Args:
        backend: the backend whose elementary operations and facts these are.
        sliced_pads: whether padding that copies is written as slices and concatenations, which every runtime knows,
            though the framework may have a pad for it.
    """

    def __init__(self, backend: Backend, *, sliced_pads: bool) -> None:
        for name in dir(Backend):
            if not name.startswith("_") and name not in _TUNED:
                setattr(self, name, getattr(backend, name))
        super().__init__(*[backend.plain_operations] if backend.plain_operations else [])
        self._own_pad = self.framework_pad
        self._sliced_pads = sliced_pads
        self.framework_pad = self._pad

    def _pad(self, x: Tensor, problem: Problem, values: Any, *, needs_gradient: bool) -> Tensor | None:
        if self._sliced_pads and any(mode.copies_input for mode in problem.padded_modes):
            return None
        if any(window.before is None for window in problem.windows):
            return None
        only_zeros = all(value is None for pair in values for value in pair)
        if only_zeros and not any(mode.copies_input for mode in problem.padded_modes):
            return self.pad_zeros(x, problem.around(problem.pads))
        return self._own_pad(x, problem, values, needs_gradient=needs_gradient)
