"""Base class of the modules: a parsed padding with its trained values, and the operation that follows from it."""

from __future__ import annotations

from reprlib import Repr
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from convpad.core.errors import PaddingError, ShapeError, refuse
from convpad.core.fills import normalised_fill
from convpad.core.operation import Operation
from convpad.core.padding import Constant, Learned, Padding, value_names
from convpad.core.validation import map_entries
from convpad.core.window import spanned
from convpad.ops.extension import Values
from convpad.ops.routes import Executor
from convpad.ops.run import executor_of, run
from convpad.tuning import STATE

SHORT = Repr()
SHORT.maxother = 60
"""Shows the modes of a module, of a constant for each of many channels its beginning and its end."""

_DEVICES = ("cpu", "cuda")
"""The devices whose executors are kept."""

_KEPT = 64
"""Executors kept at most, of inputs of different sizes."""

_INITIALIZERS = ("zeros", "ones", "normal", "uniform", "trunc_normal")
"""The functions of torch.nn.init that need no more than a tensor with one axis, without their underscores."""


class PaddedModule(nn.Module):
    """A module with a padding, mixed in before one of torch.nn's.

    A class says its `op` and its `rank`, the number of spatial axes. `_set_padding` makes all that follows from a
    padding, once the other attributes of the module are there. Later changes of an attribute are followed, as by
    torch.nn's modules: programs that dilate a network set `stride`, `dilation` and `padding` in place.

    Attributes:
        padding, padding_mode: as they were written.
        operation: the parsed operation.
        own_padding: the padding as PyTorch's own operation takes it, which then is all that runs; None where it cannot.
    """

    op: ClassVar[str]
    rank: ClassVar[int]
    followed: ClassVar[frozenset[str]] = frozenset({"stride", "dilation", "groups", "kernel_size"})
    """The attributes, besides the padding, that the operation follows from."""
    padding: Any
    padding_mode: Any
    operation: Operation
    own_padding: Any
    _parsed: Padding
    _trained: tuple[tuple[str | None, str | None], ...]
    """The names of the trained values, `(before, after)` for each axis; empty where there are none."""
    _executors: dict[Any, Executor]
    """What runs, by shapes, dtypes and circumstances."""

    def _set_padding(self, padding: Any, padding_mode: Any) -> None:
        """Set all that follows from a padding, or refuse it and leave the module as it was."""
        parsed = self._parse(padding, map_entries(padding_mode, owned))
        self._set_parsed(parsed, self._spelled_padding(parsed, padding), self._spelled_mode(parsed, padding_mode))

    def _parse(self, padding: Any, padding_mode: Any) -> Padding:
        return Padding.parse(padding, padding_mode, rank=self.rank, has_window=self.op != "pad")

    def _spelled_padding(self, parsed: Padding, padding: Any) -> Any:
        """Return the amounts as the attribute `padding` has them: torch.nn's own as torch.nn has them."""
        pairs = [amount.pair for amount in parsed.amounts]
        if all(pair is not None and pair[0] == pair[1] for pair in pairs):
            return tuple(pair[0] for pair in pairs if pair)
        spelled = parsed.spelling()[0]
        return spelled[0] if self.rank == 1 and isinstance(spelled, tuple) else spelled

    def _spelled_mode(self, parsed: Padding, padding_mode: Any) -> Any:
        return parsed.spelling()[1]

    def _set_parsed(self, parsed: Padding, padding: Any, padding_mode: Any) -> None:
        state = self.__dict__
        operation = self._operation(parsed)
        own_padding = self._find_own_padding(operation)
        before = state.get("_parsed")
        if before is None or parsed.values is not before.values:
            self._set_trained(parsed)
        state["_parsed"], state["operation"], state["own_padding"] = parsed, operation, own_padding
        state["padding"], state["padding_mode"], state["_executors"] = padding, padding_mode, {}

    def _set_trained(self, parsed: Padding) -> None:
        """Make the parameters of a padding in the place of those of the padding before."""
        parameters, names = [self._trained_value(value) for value in parsed.learned], value_names(parsed)
        for name in {name for pair in self.__dict__.get("_trained", ()) for name in pair if name}:
            delattr(self, name)
        written = dict.fromkeys(name for pair in names for name in pair if name)
        for name, parameter in zip(written, parameters, strict=True):
            self.register_parameter(name, parameter)
        self.__dict__["_trained"] = names if parameters else ()

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, and what follows from it; a refused value leaves the module as it was."""
        state = self.__dict__
        if "operation" in state:
            if name == "padding":
                parsed = Padding(self._parse(value, "zeros").amounts, self._parsed.modes, self._parsed.values)
                return self._set_parsed(parsed, self._spelled_padding(parsed, value), self.padding_mode)
            if name == "padding_mode":
                return self._set_padding(self.padding, value)
            if name in self.followed:
                before = state[name]
                state[name] = value
                try:
                    parsed = self._parse(self.padding, None) if self.padding_mode is None else self._parsed
                    return self._set_parsed(parsed, self.padding, self.padding_mode)
                except ValueError:
                    state[name] = before
                    raise
        return super().__setattr__(name, value)

    def _operation(self, parsed: Padding) -> Operation:
        return Operation.parse(self.op, self.rank, padding=parsed, **self._options())

    def _options(self) -> dict[str, Any]:
        """Return the arguments of `Operation.parse` besides the padding."""
        return {"data_format": "channels_first"}

    def _find_own_padding(self, operation: Operation) -> Any:
        """Return the padding as PyTorch's own operation takes it, or None where it has no such padding."""
        return None

    def _trained_value(self, learned: Learned) -> nn.Parameter:
        """Return a new trained value for each channel."""
        raise refuse_learned(learned, self.op)

    def _values(self) -> Values:
        """Return the constants of the padding, the trained ones as parameters."""
        declared = self._parsed.values
        if not self._trained:
            return declared
        rows = zip(declared, self._trained, strict=True)
        return tuple(
            (
                values[0] if names[0] is None else getattr(self, names[0]),
                values[1] if names[1] is None else getattr(self, names[1]),
            )
            for values, names in rows
        )

    def _run(
        self, input: Tensor, *kernels: Tensor, bias: tuple[Tensor | None, ...] = (), operation: Operation | None = None
    ) -> Tensor:
        """Return the operation's output by convpad's own way, `operation` in the place of the module's if given."""
        axes = input.dim() - self.rank
        if axes == 1:
            return self._run(input.unsqueeze(0), *kernels, bias=bias, operation=operation).squeeze(0)
        if axes == 2:
            executor = self._kept_executor(input, kernels) if operation is None else None
            if executor is None:
                return run(operation or self.operation, self._values(), (input, *kernels), *bias)
            return executor(self._values() if self._trained else self._parsed.values, input, *kernels, *bias)
        raise ShapeError(
            f"An input of {type(self).__name__} must have {self.rank + 2} axes (batch, channels and {self.rank} "
            f"spatial), or {self.rank + 1} without a batch. Received: shape {tuple(input.shape)}."
        )

    def _kept_executor(self, input: Tensor, kernels: tuple[Tensor, ...]) -> Executor | None:
        """Return the executor that is kept for tensors like these, made if need be; None where none is kept."""
        if torch.compiler.is_compiling() or torch.jit.is_tracing():  # pyright: ignore[reportPrivateImportUsage]
            return None
        device = input.device.type
        if device not in _DEVICES or torch.is_autocast_enabled(device):
            return None
        tensors = (input, *kernels)
        wants_gradient = torch.is_grad_enabled() and any([x.requires_grad for x in tensors])  # noqa: C419
        facts = [(x.shape, x.dtype) for x in tensors]
        try:
            key = (device, wants_gradient, STATE.version, *facts)
            kept = self._executors.get(key)
        except TypeError:  # sizes that a tracer leaves open have no hash
            return None
        if kept is None:
            kept = executor_of(self.operation, tensors)
            if len(self._executors) >= _KEPT:
                self._executors.clear()
            self._executors[key] = kept
        return kept

    def __getstate__(self) -> dict[str, Any]:
        """Return the state to copy or pickle: without executors, which are made again."""
        return {**self.__dict__, "_executors": {}}

    def _shown_mode(self) -> str:
        """Return the mode for a line, as torch.nn shows its words: without quotation marks."""
        return self.padding_mode if isinstance(self.padding_mode, str) else SHORT.repr(self.padding_mode)


def equal_sides(operation: Operation, kernel_size: tuple[int, ...], mode: str) -> tuple[int, ...] | None:
    """Return the amount of each axis where both sides have it at every size, with one mode; None elsewhere."""
    padding, counts = operation.padding, []
    rows = zip(padding.amounts, kernel_size, operation.strides, operation.dilation, strict=True)
    for axis, (amount, kernel, stride, dilation) in enumerate(rows):
        before, after = amount.pair_or_none(None, spanned(kernel, dilation), stride) or (0, 1)
        sides = zip(padding.modes[axis], padding.values[axis], strict=True)
        if before != after or (before and any(normalised_fill(m.name, value)[0] != mode for m, value in sides)):
            return None
        counts.append(before)
    return tuple(counts)


def initialized(learned: Learned, channels: int, like: Tensor) -> nn.Parameter:
    """Return a parameter with one value for each channel, with the dtype and device of a tensor."""
    initializer = learned.initializer
    if isinstance(initializer, str) and initializer in _INITIALIZERS:
        initializer = getattr(nn.init, f"{initializer}_")
    if not callable(initializer):
        allowed = f"be one of {', '.join(map(repr, _INITIALIZERS))}, or a function that fills a tensor in place"
        raise refuse("Learned(initializer)", allowed, learned.initializer)
    parameter = nn.Parameter(torch.empty(channels, dtype=like.dtype, device=like.device))
    with torch.no_grad():
        initializer(parameter)
    return parameter


def refuse_learned(learned: Learned, function: str) -> PaddingError:
    """Return the refusal of a trained value in a module that does not know its channels; convpad's function does."""
    mend = f"Give Constant([...]), or call convpad.{function} with Constant(tensor), which can be trained."
    allowed = "be without Learned here: this module does not know the number of channels"
    return refuse("padding_mode", allowed, learned, mend)


def owned(entry: Any) -> Any:
    """Return an entry of a mode that belongs to one module alone, with the constant of a tensor as numbers."""
    if isinstance(entry, Learned):
        return Learned(entry.initializer)
    if isinstance(entry, Constant) and isinstance(entry.value, Tensor):
        if entry.value.requires_grad:
            mend = "To train it, give a convolution Learned(), or call a function of convpad with it."
            raise refuse("padding_mode", "be a constant without a gradient", entry, mend)
        return Constant(entry.value.tolist())
    return entry
