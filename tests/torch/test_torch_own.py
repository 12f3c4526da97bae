"""PyTorch's own tables of module inputs, as they are installed with PyTorch, on these modules: the same numbers."""

from __future__ import annotations

import inspect
import sys
import unittest
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import settings
from torch import nn

import convpad
from convpad.torch.hosts import declared_padding, host_of

ours = convpad.torch

pytestmark = [
    pytest.mark.needs("torch"),
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths"),
]


def tables() -> tuple[Any, Any]:
    """PyTorch's modules with the tables, `common_modules` and `common_nn`.

    They import `expecttest` for the base class of test cases that are not run here, and set what tests of another
    project should not find set.
    """
    stand_in: Any = ModuleType("expecttest")
    stand_in.TestCase = unittest.TestCase
    flags: Any = torch.backends
    is_missing = "expecttest" not in sys.modules
    sys.modules.setdefault("expecttest", stand_in)
    calls = {cls: cls.__call__ for cls in (torch._C.ScriptFunction, torch._C.ScriptMethod)}
    profile = settings.get_current_profile_name()
    try:
        from torch.testing._internal import common_modules, common_nn
    finally:
        if is_missing:
            del sys.modules["expecttest"]
        for cls, call in calls.items():
            cls.__call__ = call
        settings.load_profile(profile)
        flags.__allow_nonbracketed_mutation_flag = True
    return common_modules, common_nn


MODULES, OLDER = tables()
KINDS = ("Conv", "ConvTranspose", "MaxPool", "AvgPool")
PADS = ("ReflectionPad", "ReplicationPad", "ZeroPad", "ConstantPad", "CircularPad")
CLASSES = {getattr(nn, f"{kind}{rank}d") for kind in (*KINDS, *PADS) for rank in (1, 2, 3)}
INFOS = [info for info in MODULES.module_db if info.module_cls in CLASSES]

ALLOWED = {("MaxPool2d", "pad should be at most half of effective kernel size"): "any amount of padding is allowed"}
"""The mistakes in PyTorch's tables that are none here, with the reason; exact."""


def made(module_cls: type[nn.Module], arguments: Any) -> tuple[nn.Module, nn.Module]:
    """PyTorch's module and ours in its place, with equal parameters."""
    torch.manual_seed(0)
    theirs = module_cls(*arguments.args, **arguments.kwargs)
    name = module_cls.__name__
    if name in ours.__all__:
        torch.manual_seed(0)
        return theirs, getattr(ours, name)(*arguments.args, **arguments.kwargs)
    host: Any = host_of(theirs)
    return theirs, host.ours(*declared_padding(theirs, host))


def outputs(module: nn.Module, inputs: Any) -> list[torch.Tensor]:
    """The outputs of a module, then the gradients to its inputs and parameters, for equal cotangents."""
    args = [x.detach().clone().requires_grad_() if isinstance(x, torch.Tensor) else x for x in inputs.args]
    found = module(*args, **inputs.kwargs)
    found = list(found) if isinstance(found, tuple) else [found]
    cotangent = torch.linspace(-1, 1, found[0].numel(), dtype=found[0].dtype).reshape(found[0].shape)
    leaves = [x for x in args if isinstance(x, torch.Tensor)] + [*module.parameters()]
    return [*found, *torch.autograd.grad(found[0], leaves, cotangent)]


def assert_the_same(theirs: nn.Module, mine: nn.Module, inputs: Any) -> None:
    for found, wanted in zip(outputs(mine, inputs), outputs(theirs, inputs), strict=True):
        assert found.dtype == wanted.dtype
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12)


def inputs_of(info: Any) -> list[Any]:
    options = {"device": "cpu", "dtype": torch.float64, "requires_grad": False, "training": True}
    return info.module_inputs_func(info, **options)


@pytest.mark.parametrize("info", INFOS, ids=lambda info: info.module_cls.__name__)
def test_module_inputs(info: Any) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        rows = inputs_of(info)
        for row in rows:
            assert_the_same(*made(info.module_cls, row.constructor_input), row.forward_input)
    finally:
        torch.set_default_dtype(torch.float32)
    assert rows


def test_every_class_has_a_table() -> None:
    assert {info.module_cls for info in INFOS} == CLASSES


def mistakes() -> list[Any]:
    options = {"device": "cpu", "dtype": torch.float32, "requires_grad": False, "training": True}
    return [
        pytest.param(info.module_cls, row, id=f"{info.module_cls.__name__}-{place}")
        for info in INFOS
        if info.module_error_inputs_func
        for place, row in enumerate(info.module_error_inputs_func(info, **options))
    ]


@pytest.mark.parametrize(("module_cls", "row"), mistakes())
def test_mistakes_are_refused(module_cls: type[nn.Module], row: Any) -> None:
    """With an error of the class that PyTorch's is of."""
    theirs, mine = made(module_cls, row.module_error_input.constructor_input)
    inputs = row.module_error_input.forward_input
    with pytest.raises(row.error_type, match=row.error_regex):
        theirs(*inputs.args, **inputs.kwargs)
    if (module_cls.__name__, row.error_regex) in ALLOWED:
        pad = nn.ConstantPad2d(theirs.padding, -torch.inf)
        assert torch.equal(mine(*inputs.args), module_cls(theirs.kernel_size)(pad(*inputs.args)))
        return
    with pytest.raises(row.error_type):
        mine(*inputs.args, **inputs.kwargs)


def test_every_exception_is_in_the_tables() -> None:
    known = {(each.values[0].__name__, each.values[1].error_regex) for each in mistakes()}
    assert set(ALLOWED) <= known


class Modules(ModuleType):
    """torch.nn of PyTorch's older tables: these modules where there are such."""

    def __getattr__(self, name: str) -> Any:
        return getattr(ours if name in ours.__all__ else nn, name)


def older() -> list[Any]:
    """The rows of PyTorch's older tables that are of these classes. One that is of no class calls a function."""
    rows = [*OLDER.module_tests, *OLDER.get_new_module_tests()]
    names = [row.get("fullname") or f"{row['module_name']}_{row.get('desc', '')}" for row in rows]
    kinds = tuple(f"{kind}{rank}d" for kind in (*KINDS, *PADS) for rank in (1, 2, 3))
    return [
        pytest.param(row, id=name) for row, name in zip(rows, names, strict=True) if name.partition("_")[0] in kinds
    ]


def made_older(row: Any, home: Any) -> nn.Module:
    torch.manual_seed(0)
    if "constructor" in row:
        before, OLDER.nn = OLDER.nn, home
        try:
            return row["constructor"]()
        finally:
            OLDER.nn = before
    return getattr(home, row["module_name"])(*row.get("constructor_args", ()))


@pytest.mark.parametrize("row", older())
def test_older_module_inputs(row: Any) -> None:
    theirs, mine = made_older(row, nn), made_older(row, Modules("nn"))
    if type(mine) is type(theirs):  # a padding module
        host: Any = host_of(theirs)
        mine = host.ours(*declared_padding(theirs, host))
    assert type(mine).__module__.startswith("convpad.torch.")
    x = row["input_fn"]() if "input_fn" in row else torch.randn(row["input_size"])
    x = x if x.is_complex() else x.double()
    assert_the_same(theirs.double(), mine.double(), MODULES.FunctionInput(x))


def test_the_older_tables_are_read() -> None:
    found = {each.id.partition("_")[0] for each in older()}
    assert {f"{kind}{rank}d" for kind in ("Conv", "ConvTranspose") for rank in (1, 2, 3)} <= found


RESIZES = [row for row in OLDER.get_new_module_tests() if row.get("fullname", "").startswith("interpolate_")]


@pytest.mark.parametrize("row", RESIZES, ids=lambda row: row["fullname"])
def test_resizes(row: Any) -> None:
    """The older tables call `F.interpolate`: with its arguments, the module."""
    function = row["constructor"]()
    x = row["input_fn"]() if "input_fn" in row else torch.randn(row["input_size"])
    mine = ours.Upsample(**inspect.getclosurevars(type(function).forward).nonlocals["kwargs"])
    assert_the_same(function, mine, MODULES.FunctionInput(x.double()))


def test_the_tables_of_resizes_are_read() -> None:
    methods = {row["fullname"].split("_")[1] for row in RESIZES}
    assert methods == {"nearest", "linear", "bilinear", "bicubic", "trilinear"}
