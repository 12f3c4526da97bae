"""The change of one module: its class and padding afterwards, tried on a probe, or the reason to leave it alone."""

from __future__ import annotations

from dataclasses import dataclass
from reprlib import Repr
from typing import Any

from torch import nn
from torch.nn.parameter import UninitializedParameter

from convpad.changes import ModuleChange
from convpad.core.errors import PaddingError, refuse
from convpad.core.padding import Padding
from convpad.torch.base import PaddedModule
from convpad.torch.hosts import Host, declared_padding, pads_nothing
from convpad.torch.joining import core_class, joined_class
from convpad.torch.reading import NotUnderstood, Reading, read, sample_shape
from convpad.torch.selection import PlacedModule
from convpad.torch.traced_call import trace
from convpad.torch.undo import Step, probe_of, step_between

_SHORT = Repr()
_SHORT.maxother = _SHORT.maxstring = 60


@dataclass(frozen=True, slots=True)
class Request:
    """The arguments of `repad_`."""

    padding_mode: Any
    padding: Any


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to be done with one module.

    Args:
        row: of the report.
        step: the change; None where it is left alone.
        absorbed: the modules in it that no longer pad for it.
    """

    row: ModuleChange
    step: Step | None = None
    absorbed: tuple[nn.Module, ...] = ()


def plan_module(place: PlacedModule, host: Host, request: Request) -> Planned:
    """Return what is to be done with a chosen module, or refuse a padding that it cannot have."""
    module = place.module
    try:
        reading = _read(module, host)
    except NotUnderstood as error:
        return Planned(row_left(place, host, str(error), None))
    try:
        reason = _why_left(module, reading, host, request)
        if reason:
            return Planned(row_left(place, host, reason, reading))
        step, probe = plan_step(module, host, reading, request)
    except NotUnderstood as error:
        return Planned(row_left(place, host, str(error), reading))
    except PaddingError as error:
        name = f"The module {place.name!r}" if place.name else "The module"
        mend = "Choose modules that can with where=."
        raise PaddingError(f"{name} ({core_class(type(module)).__name__}) cannot pad so. {error} {mend}") from None
    kind = core_class(type(module)).__name__
    now = f"convpad.torch.{host.ours.__name__}"
    if "joined" in core_class(type(probe)).__dict__:
        now = f"{kind} on {now}"
    added = ", ".join(step.added_parameters())
    before, after = described(reading.padding, reading.padding_mode), described(*declared_padding(probe, host))
    reason = f"state_dict gains {added}" if added else ""
    if host.kind == "resize" and _is_fractional(module):
        reason = "a circle closes where size times scale_factor is whole alone"
    row = ModuleChange(place.name, kind, now, before, after, "replaced", reason)
    return Planned(row, step, reading.absorbed)


def row_left(place: PlacedModule, host: Host | None, reason: str, reading: Reading | None) -> ModuleChange:
    """Return the row of a module that is left alone."""
    kind = core_class(type(place.module)).__name__
    padding = ""
    if reading is not None:
        padding = described(reading.padding, reading.padding_mode)
    elif host is not None:
        padding = described(*declared_padding(place.module, host))
    return ModuleChange(place.name, kind, kind, padding, padding, "left", reason)


def described(padding: Any, padding_mode: Any) -> str:
    """Return a padding for a table; of a module that resizes, the mode alone."""
    if padding is None:
        return _SHORT.repr(padding_mode)
    mode = "" if padding_mode is None else f" with {_SHORT.repr(padding_mode)}"
    return f"{padding!r}{mode}"


def _read(module: nn.Module, host: Host) -> Reading:
    if isinstance(module, (PaddedModule, host.ours)):
        way = getattr(type(module), "joined", (None, None, "plain"))[2]
        return Reading(
            way, *declared_padding(module, host), seen=getattr(module, "seen", ()), words=getattr(module, "words", ())
        )
    return read(module, core_class(type(module)), host)


def _why_left(module: Any, reading: Reading, host: Host, request: Request) -> str:
    """Return why nothing is to be done; empty where something is."""
    if host.kind == "resize":
        return _why_not_resized(module, request)
    takes_over = reading.follows_size or reading.pads_apart or bool(reading.absorbed)
    if host.kind == "pool" and request.padding is None:
        reason = "its padding stays" if request.padding_mode is None else "a mode alone leaves pools as they are"
        return "" if takes_over else reason
    if request.padding_mode is None and (request.padding is None or host.kind == "pad"):
        return "" if takes_over else "its padding stays"
    return "it pads nothing" if pads_nothing(reading.padding) else ""


def _is_fractional(module: Any) -> bool:
    if module.scale_factor is None or module.recompute_scale_factor:
        return False
    factors = module.scale_factor if isinstance(module.scale_factor, tuple) else (module.scale_factor,)
    return not all(float(factor).is_integer() for factor in factors)


def _why_not_resized(module: Any, request: Request) -> str:
    if module.mode in ("nearest", "nearest-exact", "area"):
        return "it looks at no edge"
    if request.padding_mode is None:
        return "its padding stays"
    return "its corners stand on the edge (align_corners), which no mode goes on beyond" if module.align_corners else ""


def plan_step(module: nn.Module, host: Host, reading: Reading, request: Request) -> tuple[Step, Any]:
    """Return the step that gives a module its new class and padding, and the probe on which that was tried."""
    try:
        probe = probe_of(module, joined_class(core_class(type(module)), host.ours, reading.way))
    except TypeError as error:
        raise NotUnderstood(f"its class cannot be joined with another: {error}") from error
    amounts, mode = request.padding, request.padding_mode
    if host.kind == "pool" and amounts is None:
        mode = None  # of a pool alone
    if amounts is None or host.kind == "pad":
        amounts = reading.padding
    if host.kind == "resize":
        probe._set_padding(mode)
        return _made(module, probe, host, request)
    state = probe.__dict__
    if reading.way == "own":
        is_first = not isinstance(module, PaddedModule)
        state["seen"], state["words"] = reading.seen, reading.words
        state["amounts_are_own"] = request.padding is None and (is_first or state["amounts_are_own"])
    _set_padding(probe, amounts, mode, reading)
    if reading.way != "plain" and not isinstance(module, PaddedModule):
        _verify(module, probe, host, same_amounts=request.padding is None)
    return _made(module, probe, host, request)


def _made(module: nn.Module, probe: Any, host: Host, request: Request) -> tuple[Step, Any]:
    step = step_between(module, probe)
    step.request = host, request
    return step, probe


def _set_padding(probe: Any, amounts: Any, mode: Any, reading: Reading) -> None:
    if mode is None and "_parsed" in probe.__dict__:  # the values that are trained stay
        known = probe._parsed
        parsed = Padding(Padding.parse(amounts, rank=probe.rank).amounts, known.modes, known.values)
        probe._set_parsed(parsed, probe._spelled_padding(parsed, amounts), reading.padding_mode)
        return
    mode = reading.padding_mode if mode is None else mode
    if probe.__dict__.get("count_include_pad") is False and mode != "ignore":
        probe.__dict__["count_include_pad"] = True  # the mode says what counts
    probe._set_padding(amounts, mode)
    if probe._trained and isinstance(probe._parameters.get("weight"), UninitializedParameter):
        mend = "Call the model once before, so that its lazy modules know their channels."
        raise refuse("padding_mode", "be without Learned for a module without parameters yet", mode, mend)


def _verify(module: nn.Module, probe: nn.Module, host: Host, *, same_amounts: bool) -> None:
    """Call a module with its own forward as it was and as it will be, and leave it alone where that goes wrong."""
    shape = sample_shape(module, host, 1)
    error: Exception | None = None
    for with_values in (False, True):
        try:
            before, after = (trace(each, shape, host.rank, with_values=with_values).output for each in (module, probe))
            if same_amounts and before.shape != after.shape:
                raise NotUnderstood("with convpad's padding its forward returned another size")
            return
        except NotUnderstood:
            raise
        except Exception as failure:
            error = failure
    raise NotUnderstood(f"with convpad's padding its forward failed: {str(error).partition(chr(10))[0]}")


def again(step: Step) -> Step:
    """Return a step made again on the module as it is now."""
    host, request = step.request
    return plan_step(step.module, host, _read(step.module, host), request)[0]
