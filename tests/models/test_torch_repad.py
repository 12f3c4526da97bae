"""Repadded copies of PyTorch modules: shared tensors, new padding, the old tree untouched."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from functools import partial
from typing import Any

import numpy as np
import pytest

import convpad

pytestmark = pytest.mark.needs("torch")

import torch
from torch import nn

import convpad.torch as ours

X = torch.randn(2, 4, 9, 8, generator=torch.Generator().manual_seed(0))


def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(4, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1),
        nn.ReplicationPad2d(1), nn.Conv2d(6, 2, 3, stride=2),
    )  # fmt: skip


def tensors(module: nn.Module) -> dict[str, int]:
    named = (*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False))
    return {name: id(value) for name, value in named}


def snapshot(module: nn.Module) -> list[Any]:
    return [(name, id(inner), type(inner), dict(vars(inner)), inner.training) for name, inner in module.named_modules()]


@pytest.mark.parametrize("mode", [None, "circular", ("zeros", "circular"), 0.5, convpad.Constant([1.0, 2.0, 3.0, 4.0])])
def test_copies_share_their_tensors(mode: Any) -> None:
    old = model()
    if isinstance(mode, convpad.Constant):
        old = nn.Sequential(old[0])
    before, output = snapshot(old), old.eval()(X)
    old.train()
    old[0].eval()
    before = snapshot(old)
    reports: list[Any] = []
    new = convpad.repad(old, mode, report=reports.append)
    assert snapshot(old) == before
    assert tensors(new) == tensors(old)
    assert not {id(inner) for inner in new.modules()} & {id(inner) for inner in old.modules()}
    assert [inner.training for inner in new.modules()] == [inner.training for inner in old.modules()]
    assert new.state_dict().keys() == old.state_dict().keys()
    (report,) = reports
    assert report.tool == "repad"
    torch.testing.assert_close(old.eval()(X), output)
    same = torch.allclose(new.eval()(X), output)
    assert same is (mode is None)


def test_the_oracle_agrees() -> None:
    old = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, padding=1, bias=False))
    new = convpad.repad(old, ("reflect", "circular"))
    kernel = old[0].weight.detach().permute(2, 3, 1, 0).numpy()
    wanted = convpad.conv(  # of NumPy arrays: the oracle
        X.permute(0, 2, 3, 1).numpy(), kernel, strides=2, padding=1, padding_mode=("reflect", "circular")
    )
    np.testing.assert_allclose(new(X).detach().permute(0, 2, 3, 1).numpy(), wanted, rtol=1e-4, atol=1e-5)


def test_what_is_tied_stays_tied() -> None:
    conv = nn.Conv2d(4, 4, 3, padding=1)
    other = nn.Conv2d(4, 4, 3, padding=1)
    other.weight = conv.weight
    new: Any = convpad.repad(nn.Sequential(conv, nn.Sequential(conv, other)), "circular")
    assert new[0] is new[1][0]
    assert new[0] is not conv
    assert new[0].weight is conv.weight is new[1][1].weight
    assert new[0].padding_mode == "circular"


def test_only_what_is_chosen_changes() -> None:
    old = model()
    for where in ("0", ["0"], lambda name, module: module is old[0], lambda name, module: name == "0"):
        new: Any = convpad.repad(old, "circular", where=where)
        assert isinstance(new[0], ours.Conv2d)
        assert type(new[4]) is nn.ReplicationPad2d
    with pytest.raises(convpad.PaddingError, match="`where` must"):
        convpad.repad(old, "circular", where="nothing")
    assert type(old[0]) is nn.Conv2d


class Recorder:
    """Keeps the shapes that it is called with."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def record(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self.shapes.append(tuple(output.shape))


def keep(store: list[Any], module: nn.Module, inputs: Any, output: Any) -> None:
    store.append(module)


class Watching(nn.Module):
    """Hooks its own method into a module in it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.calls = nn.Conv2d(4, 4, 3, padding=1), 0
        self.conv.register_forward_hook(self.count)

    def count(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self.calls += 1

    def forward(self, x: Any) -> Any:
        return self.conv(x)


def test_hooks_go_along() -> None:
    old, recorder, store = Watching(), Recorder(), list[Any]()
    handle = old.conv.register_forward_hook(recorder.record)
    old.conv.register_forward_hook(partial(keep, store))
    new: Any = convpad.repad(old, "circular")
    new(X)
    assert (old.calls, new.calls) == (0, 1)  # a method of the tree is that of the new tree
    assert recorder.shapes == [(2, 4, 9, 8)]  # what is outside is the same object
    assert store == [new.conv]
    handle.remove()
    new(X)
    old(X)
    assert len(recorder.shapes) == 2  # each tree has its own hooks


def test_training_one_trains_both() -> None:
    old = model()
    new = convpad.repad(old, "circular")
    optimizer = torch.optim.SGD(new.parameters(), 0.1)
    before = old.eval()(X).detach()
    new.train()(X).square().mean().backward()
    optimizer.step()
    assert not torch.allclose(old(X), before)


@pytest.mark.parametrize("utility", [nn.utils.spectral_norm, nn.utils.parametrizations.spectral_norm,
                                     nn.utils.parametrizations.weight_norm])  # fmt: skip
def test_weights_that_are_computed(utility: Any) -> None:
    old = nn.Sequential(utility(nn.Conv2d(4, 3, 3, padding=1))).eval()
    old(X)
    new = convpad.repad(old, "circular").eval()
    assert tensors(new) == tensors(old)
    with torch.no_grad():
        torch.testing.assert_close(new(X)[..., 1:-1, 1:-1], old(X)[..., 1:-1, 1:-1])
        assert not torch.allclose(new(X), old(X))


def test_copies_are_copied_pickled_and_repadded_again() -> None:
    new = convpad.repad(model(), "circular").eval()
    for other in (copy.deepcopy(new), pickle.loads(pickle.dumps(new)), convpad.repad(new)):
        torch.testing.assert_close(other(X), new(X))
    back = convpad.repad(convpad.repad(model(), "circular", where="0"), "zeros", where="0").eval()
    torch.testing.assert_close(back(X), model().eval()(X))


def test_live_changes_go_along() -> None:
    old = model().eval()
    before = old(X)
    with ours.repad_(old, "circular", where="0"):
        new, changed = convpad.repad(old), old(X)
    torch.testing.assert_close(old(X), before)
    torch.testing.assert_close(new.eval()(X), changed)


class Rude(nn.Conv2d):
    """Copies its tensors whatever it is asked."""

    def __deepcopy__(self, memo: Any) -> nn.Conv2d:
        return type(self)(4, 4, 3)


def replaced_forward() -> nn.Module:
    old = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1))
    plain = old[0].forward
    old[0].forward = lambda x: 2 * plain(x)
    return old


def with_a_generator() -> nn.Module:
    old = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1))
    old.lines = (line for line in "ab")
    return old


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: nn.Sequential(Rude(4, 4, 3)), "a class with a __deepcopy__ of its own copies '0.weight'"),
        (replaced_forward, "must not hold modules in a closure. Received: '0'"),
        (with_a_generator, "that copy.deepcopy can copy. Received: Sequential, where it raises TypeError"),
        (lambda: 3, "be a Keras model or a torch.nn.Module. Received: 3."),
        (lambda: torch.export.export(model().eval(), (X,)), "An exported program is a graph"),
    ],
)
def test_what_cannot_be_copied_is_refused(make: Any, said: str) -> None:
    with pytest.raises(convpad.PaddingError, match=said):
        convpad.repad(make(), "circular")


@pytest.mark.parametrize(("mode", "padding"), [("edge", None), (None, "some"), (("zeros",) * 4, None)])
def test_paddings_that_there_are_not(mode: Any, padding: Any) -> None:
    with pytest.raises(convpad.PaddingError, match="`padding"):
        convpad.repad(model(), mode, padding=padding)


def test_a_copy_that_nobody_has_any_more_goes() -> None:
    new: Any = convpad.repad(model(), "circular")
    reference = weakref.ref(new[0])
    del new
    gc.collect()
    assert reference() is None
