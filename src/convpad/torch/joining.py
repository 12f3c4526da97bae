"""Classes made of one of ours and a module's own, so that a live module keeps what its class does beyond padding."""

from __future__ import annotations

import copyreg
import functools
import threading
import types
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from convpad.core.amounts import AMOUNTS, explicit
from convpad.core.errors import PaddingError
from convpad.core.operation import Operation
from convpad.core.padding import Padding
from convpad.core.window import spanned
from convpad.ops.run import run
from convpad.torch.base import PaddedModule
from convpad.torch.reading import Way
from convpad.torch.traced_call import WINDOWS, arguments_of, own_pairs, pairs_of, per_axis

_LOCK = threading.Lock()


def core_class(cls: type[Any]) -> type[Any]:
    """Return the class under those that `torch.nn.utils.parametrize` makes for one module."""
    while cls.__module__ == "torch.nn.utils.parametrize":
        cls = cls.__bases__[0]
    return cls


def rebased(cls: type[Any], core: type[Any]) -> type[Any]:
    """Return a class with another core: a parametrised module stays one, and can be unparametrised as before."""
    if cls.__module__ != "torch.nn.utils.parametrize":
        return core
    body = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    return type(cls.__name__, (rebased(cls.__bases__[0], core),), body)


def joined_class(cls: type[Any], ours: type[Any], way: Way) -> type[Any]:
    """Return the class in the place of a module's: ours alone for torch.nn's, else one made of both, made once."""
    if issubclass(cls, (PaddedModule, ours)):
        return cls
    if cls in ours.__bases__:
        return ours
    key = (ours, cls, way)
    with _LOCK:
        for known in cls.__subclasses__():  # which are held weakly, so that a class of the user's can go
            if known.__dict__.get("joined") == key:
                return known
        names = ("__module__", "__qualname__", "__doc__")
        body: dict[str, Any] = {name: getattr(cls, name) for name in names}
        body |= {"__new__": _made_by(cls), "__reduce_ex__": _reduce, "joined": key}
        if getattr(cls, "cls_to_become", None) in ours.__bases__:  # a lazy module
            body["cls_to_become"] = ours
        if way == "host":
            body["forward"] = ours.forward
        bases = (ours, cls)
        if way == "own":
            body |= {"forward": _own_forward(cls), "_conv_forward": cls._conv_forward}
            bases = (_OwnForward, ours, cls)
        return types.new_class(cls.__name__, bases, {}, lambda namespace: namespace.update(body))


def _made_by(cls: type[Any]) -> Any:
    """Return a `__new__` by which a call of the joined class makes a module of the original one.

    Adapters make modules of the class that they find (`type(base_layer)(...)`, peft), which knows its own arguments.
    """

    def __new__(joined: type[Any], *args: Any, **kwargs: Any) -> Any:  # noqa: N807
        return cls(*args, **kwargs) if args or kwargs else object.__new__(joined)

    return __new__


def _reduce(self: Any, protocol: Any) -> Any:
    """Return how copy and pickle make the module: its class is made again from the two that it was made of."""
    joined = next(base for base in type(self).__mro__ if "joined" in base.__dict__)
    reduced = super(joined, self).__reduce_ex__(protocol)
    if joined is type(self) and reduced[0] is getattr(copyreg, "__newobj__") and len(reduced[1]) == 1:  # noqa: B009
        return (_new, joined.joined, *reduced[2:])
    return reduced


def _new(ours: type[Any], cls: type[Any], way: Way) -> Any:
    joined: Any = joined_class(cls, ours, way)
    return joined.__new__(joined)


class _OwnForward(PaddedModule):
    """A convolution that runs its own class's forward, whose one convolution pads as it is told.

    Attributes:
        declared: `(padding, padding_mode)` as they were written. `padding` and `padding_mode` stay what the forward
            reads.
        seen: (before, after) that the forward itself pads by, None for an axis where they follow its size.
        words: the words for the amounts that follow the size, by axis.
        amounts_are_own: whether the amounts are those of the forward, whatever they are in a call.
    """

    joined: ClassVar[tuple[Any, Any, Way]]
    declared: tuple[Any, Any]
    seen: tuple[Any, ...]
    words: tuple[str, ...]
    amounts_are_own: bool

    def _set_parsed(self, parsed: Padding, padding: Any, padding_mode: Any) -> None:
        state = self.__dict__
        before = state["padding"], state["padding_mode"]
        super()._set_parsed(parsed, padding, padding_mode)
        state["declared"] = state["padding"], state["padding_mode"]
        state["padding"], state["padding_mode"] = before

    def __setattr__(self, name: str, value: Any) -> None:
        nn.Module.__setattr__(self, name, value)

    def extra_repr(self) -> str:
        """Return the line of our class, with the padding that was written."""
        state = self.__dict__
        before = state["padding"], state["padding_mode"]
        state["padding"], state["padding_mode"] = state["declared"]
        try:
            return super().extra_repr()
        finally:
            state["padding"], state["padding_mode"] = before

    def _convolve_as(self, pads: list[Any], x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return the convolution of an unpadded input that the forward would have padded by `pads`."""
        pairs = zip(pads, self.seen, strict=True)
        if all(seen is None or pad == seen for pad, seen in pairs):
            return self.joined[0]._conv_forward(self, x, weight, bias)
        if not self.amounts_are_own:
            raise PaddingError(
                f"The forward of {type(self).__name__} pads by {tuple(pads)} in this call, by {self.seen} when it was "
                "repadded. Leave `padding` out in repad_, so that the amounts stay those of each call."
            )
        padding = Padding(tuple(explicit(*pair) for pair in pads), self._parsed.modes, self._parsed.values)
        operation = Operation.parse(self.op, self.rank, padding=padding, **self._options())
        out = run(operation, self._values(), (x, weight.permute(*range(2, weight.dim()), 1, 0)))
        return out if bias is None else out + bias.to(out.dtype).reshape(-1, *[1] * self.rank)


_RESIZING = (
    "cat",
    "concat",
    "concatenate",
    "stack",
    "narrow",
    "__getitem__",
    "index_select",
    "split",
    "chunk",
    "unfold",
)
"""Functions that join tensors or cut them."""


class _OwnConvolution(TorchFunctionMode):
    """Takes the pads of a module's forward away, and runs its convolution as the module pads now."""

    def __init__(self, module: Any, input: Tensor, *, alone: bool) -> None:
        super().__init__()
        self.module = module
        self.alone = alone  # whether the call is one as it was traced: the input alone, neither joined nor cut
        self.rank = module.rank
        self.size = input.shape[-self.rank :]
        self.pads: list[Any] = []
        self.done = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not self.done:
            name = getattr(func, "__name__", "")
            if name == "pad":
                return self.skip_pad(arguments_of(("input", "pad"), args[:2], kwargs))
            if name == f"conv{self.rank}d":
                arguments = arguments_of(WINDOWS[name], args, kwargs)
                if self.is_own(arguments):
                    self.done = True
                    return self.convolve(arguments)
            self.alone = self.alone and name not in _RESIZING
        return func(*args, **(kwargs or {}))

    def skip_pad(self, arguments: dict[str, Any]) -> Tensor:
        pairs = pairs_of(arguments["pad"], self.rank)
        if pairs is None:
            raise PaddingError(f"The forward of {type(self.module).__name__} pads another axis than before repad_.")
        self.pads = added(self.pads or [(0, 0)] * self.rank, pairs)
        return arguments["input"]

    def is_own(self, arguments: dict[str, Any]) -> bool:
        module, rank = self.module, self.rank
        return (
            tuple(arguments["weight"].shape[2:]) == tuple(module.kernel_size)
            and arguments["weight"].shape[0] == module.out_channels
            and per_axis(arguments.get("stride", 1), rank) == tuple(module.stride)
            and per_axis(arguments.get("dilation", 1), rank) == tuple(module.dilation)
        )

    def convolve(self, arguments: dict[str, Any]) -> Tensor:
        module, x = self.module, arguments["input"]
        own = own_pairs(arguments, module.kernel_size, module.dilation)
        pads = added(self.pads, own) if self.pads else own
        if not self.pads and any(seen != pair for seen, pair in zip(module.seen, own, strict=True)):
            x, pads = self.unpadded(x, own)
        return module._convolve_as(pads, x, arguments["weight"], arguments.get("bias"))

    def unpadded(self, x: Tensor, own: list[Any]) -> tuple[Tensor, list[Any]]:
        """Return an input without the pads that it got unseen: torch.compile shows a mode no F.pad (torch 2.13)."""
        module, pads = self.module, []
        if not self.alone:
            raise PaddingError(
                f"The forward of {type(module).__name__} may pad by other amounts in this call than when it was "
                "repadded, which torch.compile does not show: call it uncompiled, or leave it out with where=."
            )
        for axis, (seen, (before, _)) in enumerate(zip(module.seen, own, strict=True)):
            size = self.size[axis]
            if seen is None:
                span = spanned(module.kernel_size[axis], module.dilation[axis])
                seen = AMOUNTS[module.words[axis]].pair_for(size, span, module.stride[axis])
            pads.append(seen)
            x = x.narrow(axis - self.rank, seen[0] - before, size)
        return x, pads


def added(pads: Any, others: Any) -> list[Any]:
    """Return the sums of pairs."""
    return [(before + more, after + rest) for (before, after), (more, rest) in zip(pads, others, strict=True)]


def _own_forward(cls: type[Any]) -> Any:
    """Return a forward that runs the one of a class, with its convolution padded as the module says."""

    @functools.wraps(cls.forward)
    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        first, *others = [*args, *kwargs.values()]
        convolution = _OwnConvolution(self, first, alone=all(other is None for other in others))
        with convolution:
            out = cls.forward(self, *args, **kwargs)
        if not convolution.done:
            raise PaddingError(
                f"The forward of {cls.__name__} ran no convolution with its own weight's shape, stride and dilation in "
                "this call, so it did not pad as repad_ was told. Leave it out with where=."
            )
        return out

    return forward
