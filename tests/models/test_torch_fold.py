"""Folded PyTorch modules: equal outputs and gradients, without the padding modules that can go."""

from __future__ import annotations

import copy
import doctest
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from doctests import failures

import convpad
from convpad.changes import Changes

pytestmark = pytest.mark.needs("torch")

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import convpad.torch as ours


def folded(model: nn.Module) -> tuple[nn.Module, Changes]:
    reports: list[Changes] = []
    before = repr(model), {name: id(value) for name, value in model.state_dict(keep_vars=True).items()}
    modules = [id(module) for module in model.modules()]
    new = convpad.fold(model, report=reports.append)
    assert (repr(model), {name: id(value) for name, value in model.state_dict(keep_vars=True).items()}) == before
    assert [id(module) for module in model.modules()] == modules
    assert {name: id(value) for name, value in new.state_dict(keep_vars=True).items()} == before[1]
    assert type(new) is type(model)
    assert [name for name, _ in new.named_modules()] == [name for name, _ in model.named_modules()]
    assert [module.training for module in new.modules()] == [module.training for module in model.modules()]
    (report,) = reports
    return new, report


def tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    return [tensor for entry in value for tensor in tensors(entry)]


def assert_same(new: nn.Module, model: nn.Module, *inputs: Any, **named: Any) -> None:
    """Compare outputs, and the gradients of the parameters that both have."""
    results = []
    for module in (new, model):
        torch.manual_seed(0)
        outputs = tensors(module(*inputs, **named))
        model.zero_grad()
        trained = sum((output.double() ** 2).sum() for output in outputs)
        if any(parameter.requires_grad for parameter in model.parameters()):
            trained.backward()
        results.append((outputs, [None if p.grad is None else p.grad.clone() for p in model.parameters()]))
    for got, want in zip(*(outputs for outputs, _ in results), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-6 * max(1.0, float(want.detach().abs().max())))
    for got, want in zip(*(gradients for _, gradients in results), strict=True):
        assert (got is None) == (want is None)
        if want is not None:
            torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4 * max(1.0, float(want.abs().max())))


def reasons(report: Changes) -> dict[str, str]:
    return {row.layer: row.detail for row in report.rows if row.done == "left"}


X = {rank: torch.randn(2, 4, *(9, 8, 7)[:rank], generator=torch.Generator().manual_seed(rank)) for rank in (1, 2, 3)}

MELTS: dict[str, Any] = {
    **{
        f"{name}{rank}d": (lambda name=name, rank=rank: (
            getattr(nn, f"{name}{rank}d")(1, *([0.5] * (name == "ConstantPad"))),
            getattr(nn, f"Conv{rank}d")(4, 3, 3, 2),
        ))
        for name in ("ZeroPad", "ReflectionPad", "ReplicationPad", "CircularPad", "ConstantPad")
        for rank in (1, 2, 3)
    },
    "uneven": lambda: (nn.ReflectionPad2d((0, 3, 2, 1)), nn.Conv2d(4, 3, (3, 2))),
    "own zeros": lambda: (nn.ZeroPad2d(2), nn.Conv2d(4, 3, 3, padding=1)),
    "own same": lambda: (nn.ZeroPad2d((0, 1, 0, 0)), nn.Conv2d(4, 3, (3, 4), padding="same")),
    "own replicate": lambda: (nn.ReplicationPad2d(1), nn.Conv2d(4, 3, 3, padding=1, padding_mode="replicate")),
    "dilated, grouped": lambda: (nn.CircularPad2d(2), nn.Conv2d(4, 6, 3, dilation=2, groups=2, bias=False)),
    "two in a row": lambda: (nn.ZeroPad2d(1), nn.ZeroPad2d((0, 2, 1, 0)), nn.Conv2d(4, 3, 3)),
    "two modes in a row": lambda: (nn.ConstantPad1d((2, 1), 0.0), nn.ReflectionPad2d((0, 0, 1, 1)), nn.Conv2d(4, 3, 3)),
    "the last axis alone": lambda: (nn.ZeroPad1d((3, 1)), nn.Conv2d(4, 3, 3)),
    "an axis that is not padded": lambda: (nn.ReflectionPad2d((1, 1, 0, 0)), nn.Conv2d(4, 3, 3)),
    "an identity between": lambda: (nn.ZeroPad2d(1), nn.Identity(), nn.Conv2d(4, 3, 3)),
    "stacks": lambda: (nn.Sequential(nn.ZeroPad2d(1)), nn.Sequential(nn.Sequential(nn.Conv2d(4, 3, 3)), nn.ReLU())),
    "max pool": lambda: (nn.ConstantPad2d(1, 0.5), nn.MaxPool2d(3, 2)),
    "max pool, lowest": lambda: (nn.ConstantPad2d(1, float("-inf")), nn.MaxPool2d(3, 2)),
    "average pool": lambda: (nn.ZeroPad2d(1), nn.AvgPool2d(3, 2, padding=1)),
    "average pool, of its own": lambda: (nn.ZeroPad2d(1), nn.AvgPool2d(3, 2, count_include_pad=False)),
    "average pool, divisor": lambda: (nn.ReflectionPad2d(1), nn.AvgPool2d(3, 2, divisor_override=4)),
    "average pool 1": lambda: (nn.ReplicationPad1d(1), nn.AvgPool1d(3, 2)),
    "ours": lambda: (ours.Pad2d(((1, 0), (2, 1)), ("symmetric", "circular")), ours.Conv2d(4, 3, 3)),
    "ours, odd": lambda: (ours.Pad2d(2, "reflect_odd"), nn.Conv2d(4, 3, 3)),
    "ours, of no amount": lambda: (ours.Pad2d(0), ours.Conv2d(4, 3, 3, 2, "same")),
    "per channel": lambda: (ours.Pad2d(1, convpad.Constant([0.5, -1.0, 2.0, 0.0])), nn.Conv2d(4, 3, 3)),
    "a class without a forward": lambda: (nn.ReflectionPad2d(1), type("Named", (nn.Conv2d,), {})(4, 3, 3)),
    "repadded": lambda: convpad.repad(nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(4, 3, 3)), "symmetric"),
    "a mode of the window without an amount": lambda: (ours.Pad2d(1), ours.Conv2d(4, 3, 3, padding_mode="reflect")),
}  # fmt: skip


class Doubled(nn.Conv2d):
    """A convolution that does something else besides."""

    def forward(self, input: Any) -> Any:
        return 2 * super().forward(input)


STAYS: dict[str, tuple[Any, str]] = {
    "a layer between": (
        lambda: (nn.ZeroPad2d(1), nn.BatchNorm2d(4), nn.Conv2d(4, 3, 3)),
        "1 (BatchNorm2d) reads it, which is no convolution or pool",
    ),
    "dropout between": (
        lambda: (nn.ZeroPad2d(1), nn.Dropout(0.5), nn.Conv2d(4, 3, 3)),
        "1 (Dropout) reads it, which is no convolution or pool",
    ),
    "nothing": (lambda: (nn.ZeroPad2d(1),), "Sequential gives it out"),
    "transposed": (
        lambda: (nn.ZeroPad2d(1), nn.ConvTranspose2d(4, 3, 3)),
        "1 (ConvTranspose2d) reads it, which crops where others pad",
    ),
    "a mode on another": (
        lambda: (nn.ReflectionPad2d(1), nn.Conv2d(4, 3, 3, padding=1)),
        "1 reads it: it pads the same axis with 'zeros', after 'reflect'",
    ),
    "reflect twice": (
        lambda: (nn.ReflectionPad2d(1), nn.Conv2d(4, 3, 3, padding=1, padding_mode="reflect")),
        "1 reads it: it pads the same axis with 'reflect', after 'reflect'",
    ),
    "a pool that leaves out": (
        lambda: (nn.ZeroPad2d(1), nn.MaxPool2d(3, 2, padding=1)),
        "1 reads it: it leaves its own padding out of the count",
    ),
    "a pool that leaves out, on average": (
        lambda: (nn.ZeroPad2d(1), nn.AvgPool2d(3, 2, padding=1, count_include_pad=False)),
        "1 reads it: it leaves its own padding out of the count",
    ),
    "a pool that rounds up": (
        lambda: (nn.ZeroPad2d(1), nn.AvgPool2d(3, 2, ceil_mode=True)),
        "1 (AvgPool2d) reads it, which rounds its size up",
    ),
    "places of maxima": (
        lambda: (nn.ZeroPad2d(1), nn.MaxPool2d(3, 2, return_indices=True)),
        "1 (MaxPool2d) reads it, which gives places in its input",
    ),
    "cropping": (lambda: (nn.ZeroPad2d((-1, 1, 0, 0)), nn.Conv2d(4, 3, 3)), "it crops"),
    "other axes": (lambda: (nn.ZeroPad2d(1), nn.Conv1d(11, 3, 3)), "1 reads it: it has other axes"),
    "an unknown size": (
        lambda: (nn.ZeroPad2d(1), ours.Conv2d(4, 3, 3, 2, "same")),
        "1 reads it: how much it pads depends on a size that is not known",
    ),
    "a trained value": (
        lambda: (nn.ZeroPad2d(1), ours.Conv2d(4, 3, 3, padding=1, padding_mode=convpad.Learned())),
        "1 reads it: its own padding is trained",
    ),
    "a class of its own": (
        lambda: (nn.ZeroPad2d(1), Doubled(4, 3, 3)),
        "1 (Doubled) reads it, which has its own forward",
    ),
    "another pool": (
        lambda: (nn.ZeroPad2d(1), nn.LPPool2d(2, 3)),
        "1 (LPPool2d) reads it, which is no convolution or pool",
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("case", MELTS)
def test_what_melts(case: str) -> None:
    model = nn.Sequential(*MELTS[case]())
    new, report = folded(model)
    assert not report.layers("left"), str(report)
    assert not any("Pad" in type(module).__name__ for module in new.modules())
    rank = next((rank for rank in (1, 3) if f"{rank}d(" in repr(model[-1])), 2)
    assert_same(new, model, X[rank])
    assert_same(new, model, X[rank][0])  # without a batch


@pytest.mark.parametrize("case", STAYS)
def test_what_stays_says_why(case: str) -> None:
    make, reason = STAYS[case]
    model = nn.Sequential(*make())
    new, report = folded(model)
    assert reasons(report) == {"0": reason}
    assert_same(new, model, X[2][0] if case == "other axes" else X[2])


class Net(nn.Module):
    """A forward given by a function of the module and the input."""

    def __init__(self, forward: Any, **modules: nn.Module) -> None:
        super().__init__()
        self.run = forward
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, x: Any) -> Any:
        return self.run(self, x)


def pad() -> nn.Module:
    return nn.ReflectionPad2d(1)


def conv() -> nn.Module:
    return nn.Conv2d(4, 4, 3)


FORWARDS: dict[str, tuple[Any, dict[str, str]]] = {
    "in a row": (lambda: Net(lambda m, x: m.conv(m.pad(x)), pad=pad(), conv=conv()), {}),
    "two windows": (
        lambda: Net(
            lambda m, x: (lambda y: m.conv(y) + m.pool(y))(m.pad(x)), pad=pad(), conv=conv(), pool=nn.MaxPool2d(3, 1)
        ),
        {},
    ),
    "two inputs": (lambda: Net(lambda m, x: m.conv(m.pad(x)) + m.conv(m.pad(2 * x)), pad=pad(), conv=conv()), {}),
    "twice in a row": (lambda: Net(lambda m, x: m.conv(m.pad(m.conv(m.pad(x)))), pad=pad(), conv=conv()), {}),
    "a residual": (
        lambda: Net(lambda m, x: (lambda y: m.conv(y) + y[..., 1:-1, 1:-1])(m.pad(x)), pad=pad(), conv=conv()),
        {"pad": "getitem reads it, a function"},
    ),
    "its shape": (
        lambda: Net(lambda m, x: (lambda y: m.conv(y).reshape(y.shape[0], -1))(m.pad(x)), pad=pad(), conv=conv()),
        {"pad": "the code reads its shape"},
    ),
    "an output": (
        lambda: Net(lambda m, x: (lambda y: (m.conv(y), y))(m.pad(x)), pad=pad(), conv=conv()),
        {"pad": "Net gives it out"},
    ),
    "an unpadded call": (
        lambda: Net(lambda m, x: m.conv(m.pad(x)) + F.pad(m.conv(x), (1, 1, 1, 1)), pad=pad(), conv=conv()),
        {"pad": "conv reads x as well", "Net": "its forward calls this function, which no module stands for"},
    ),
    "two pads of one window": (
        lambda: Net(lambda m, x: m.conv(m.pad(x)) + m.conv(m.other(x)), pad=pad(), other=pad(), conv=conv()),
        {"pad": "conv reads other as well", "other": "conv reads pad as well"},
    ),
    "its weight": (
        lambda: Net(lambda m, x: m.conv(m.pad(x)) + m.conv.weight.sum(), pad=pad(), conv=conv()),
        {"pad": "conv is also called by code"},
    ),
    "read by nothing": (
        lambda: Net(lambda m, x: (m.pad(x), m.conv(x))[1], pad=pad(), conv=conv()),
        {"pad": "nothing reads it"},
    ),
    "never called": (
        lambda: Net(lambda m, x: m.conv(x), pad=pad(), conv=conv()),
        {"pad": "no forward that can be followed calls it"},
    ),
    "within and without": (
        lambda: Net(lambda m, x: m.inner(m.pad(x)), pad=pad(), inner=nn.Sequential(nn.Identity(), conv())),
        {},
    ),
    "control flow": (
        lambda: Net(lambda m, x: m.conv(m.pad(x)) if x.sum() > 0 else x, pad=pad(), conv=conv()),
        {
            "pad": "Net calls it, whose forward torch.fx cannot run",
            "Net": "torch.fx cannot run its forward: its control flow depends on values",
        },
    ),
    "a stack under control flow": (
        lambda: Net(lambda m, x: m.inner(x) if x.sum() > 0 else m.inner(-x), inner=nn.Sequential(pad(), conv())),
        {"Net": "torch.fx cannot run its forward: its control flow depends on values"},
    ),
    "the class of a value": (
        lambda: Net(
            lambda m, x: m.conv(m.pad(x)) if isinstance(x, torch.Tensor) else m.pad(x[0]), pad=pad(), conv=conv()
        ),
        {
            "pad": "Net calls it, whose forward torch.fx cannot run",
            "Net": "torch.fx cannot run its forward: its code asks for the class of a value",
        },
    ),
    "training": (
        lambda: Net(
            lambda m, x: (lambda y: (m.conv(y), y) if m.training else m.conv(y))(m.pad(x)), pad=pad(), conv=conv()
        ),
        {"pad": "Net gives it out"},
    ),
    "a shared pad": (
        lambda: (lambda p: Net(lambda m, x: m.b(m.a(x)), a=nn.Sequential(p, conv()), b=nn.Sequential(p, conv())))(
            pad()
        ),
        {},
    ),
    "a shared pad, read in another way": (
        lambda: (lambda p: Net(lambda m, x: m.b(m.a(x)), a=nn.Sequential(p, conv()), b=nn.Sequential(p, nn.ReLU())))(
            pad()
        ),
        {"a.0": "b.1 (ReLU) reads it, which is no convolution or pool"},
    ),
    "a list": (
        lambda: Net(
            lambda m, x: [x := layer(x) for layer in m.layers][-1], layers=nn.ModuleList([pad(), conv(), nn.ReLU()])
        ),
        {},
    ),
    "output_size": (
        lambda: Net(lambda m, x: m.up(m.pad(x), output_size=(11, 10)), pad=pad(), up=nn.ConvTranspose2d(4, 4, 1)),
        {"pad": "up reads it with other arguments"},
    ),
    "in place": (
        lambda: Net(lambda m, x: (lambda y: m.conv(y.mul_(2)))(m.pad(x)), pad=pad(), conv=conv()),
        {"pad": "mul_ reads it, a function"},
    ),
}


@pytest.mark.parametrize("case", FORWARDS)
def test_forwards(case: str) -> None:
    make, left = FORWARDS[case]
    model = make()
    new, report = folded(model)
    assert reasons(report) == left
    assert bool(report.layers("folded")) == (not left or case == "a stack under control flow"), str(report)
    for training in (True, False):
        assert_same(new.train(training), model.train(training), X[2])


class Optional(nn.Module):
    """Pads for something else where an optional argument is given."""

    def __init__(self) -> None:
        super().__init__()
        self.pad, self.conv = pad(), conv()

    def forward(self, x: Any, skip: Any = None, tap: bool = False) -> Any:
        y = self.pad(x)
        if skip is not None:
            return self.conv(y) + skip * y[..., 1:-1, 1:-1]
        return (self.conv(y), y) if tap else self.conv(y)


def test_optional_arguments_are_followed_both_ways() -> None:
    model = Optional()
    new, report = folded(model)
    assert set(reasons(report)) == {"pad"}
    for more in ({}, {"skip": X[2]}, {"tap": True}):
        assert_same(new, model, X[2], **more)
    model = Net(lambda m, x: m.inner(x, tap=False), inner=Optional())  # called in one way alone
    new, report = folded(model)
    assert report.layers("folded") == ("inner.pad",)
    assert_same(new, model, X[2])


class Features(nn.Module):
    """Calls the layers of a stack one by one, for the features that are asked for."""

    def __init__(self, whole: bool) -> None:
        super().__init__()
        self.model = nn.Sequential(pad(), conv(), nn.ReLU())
        self.whole = whole

    def forward(self, x: Any, layers: Any = ()) -> Any:
        if len(layers) > 0:
            return self.features(x, layers)
        return self.model(x)

    def features(self, x: Any, layers: Any) -> Any:
        found = []
        for index, layer in enumerate(self.model):
            x = layer(x)
            if index in layers:
                found.append(x)
        return found


def test_code_that_takes_a_stack_apart_and_cannot_be_followed() -> None:
    model = Features(whole=False)
    new, report = folded(model)
    assert set(reasons(report)) == {"model.0", "Features"}
    assert_same(new, model, X[2], layers=(0, 2))


class Own(nn.Sequential):
    """A stack with a forward of its own."""

    def forward(self, input: Any) -> Any:
        out = self[0](input)
        return self[1](out) + out.mean()


def test_stacks_with_a_forward_of_their_own() -> None:
    model = nn.Sequential(Own(pad(), conv()), type("Plain", (nn.Sequential,), {})(pad(), conv()))
    new, report = folded(model)
    assert reasons(report) == {"0.0": "mean reads it, a function"}
    assert report.layers("folded") == ("1.0",)
    assert_same(new, model, X[2])


def seen_by(module: nn.Module) -> list[tuple[int, ...]]:
    shapes: list[tuple[int, ...]] = []
    module.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(inputs[0].shape)))
    return shapes


@pytest.mark.parametrize("place", ["0", "1", "2", ""])
def test_hooks_that_would_see_another_input(place: str) -> None:
    model = nn.Sequential(pad(), nn.Sequential(conv()), nn.ReLU())
    shapes = seen_by(model.get_submodule(place))
    new, report = folded(model)
    model(X[2])
    before = shapes.copy()
    assert_same(new, model, X[2])
    assert shapes == before * 3
    said = {"0": "it has hooks", "1": "1, at whose border 1.0 reads it, has hooks"}
    assert reasons(report) == ({"0": said[place]} if place in said else {})


def test_hooks_of_a_window() -> None:
    model = nn.Sequential(pad(), conv())
    seen_by(model[1])
    assert reasons(folded(model)[1]) == {"0": "1 (Conv2d) reads it, which has hooks"}
    for utility in (
        nn.utils.spectral_norm,
        nn.utils.parametrizations.spectral_norm,
        nn.utils.parametrizations.weight_norm,
    ):
        model = nn.Sequential(pad(), utility(conv())).eval()
        new, report = folded(model)
        assert report.layers("folded") == ("0",), utility
        with torch.no_grad():
            torch.testing.assert_close(new(X[2]), model(X[2]))


def test_a_forward_that_was_replaced() -> None:
    model = nn.Sequential(pad(), conv())
    model[0].forward = partial(lambda x: x + 1)
    new, report = folded(model)
    assert reasons(report) == {"0": "it has its own forward"}
    assert_same(new, model, X[2])


class Counter(nn.Module):
    """Writes into a buffer and into an attribute in its forward."""

    def __init__(self) -> None:
        super().__init__()
        self.pad, self.conv, self.last = pad(), conv(), None
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: Any) -> Any:
        self.count.add_(1)
        self.last = x
        torch.rand(3)
        return self.conv(self.pad(x))


def test_nothing_is_written_while_forwards_are_followed() -> None:
    model = Counter()
    state = torch.get_rng_state()
    new, report = folded(model)
    assert report.layers("folded") == ("pad",)
    assert (model.count.item(), model.last) == (0, None)
    assert torch.equal(torch.get_rng_state(), state)
    new(X[2])
    assert model.count.item() == 1  # the buffer is shared
    assert model.last is None


def test_one_step_of_training_trains_both() -> None:
    model = nn.Sequential(
        nn.CircularPad2d(1), nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.ZeroPad2d(1), nn.Conv2d(8, 2, 3)
    )
    new, _ = folded(model)
    optimizer = torch.optim.SGD(new.parameters(), 0.1)
    before = model(X[2]).detach()
    new(X[2]).square().mean().backward()
    optimizer.step()
    assert not torch.allclose(model(X[2]), before)
    torch.testing.assert_close(new.eval()(X[2]), model.eval()(X[2]))


def test_folded_modules_are_ordinary_modules() -> None:
    model = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(4, 3, 3))
    new: Any = convpad.fold(model)
    assert isinstance(new[0], nn.Identity)
    assert isinstance(new[1], nn.Conv2d)
    assert isinstance(new[1], ours.Conv2d)
    for other in (copy.deepcopy(new), pickle.loads(pickle.dumps(new)), convpad.fold(new)):
        torch.testing.assert_close(other(X[2]), model(X[2]))


def test_models_on_the_meta_device() -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(4, 3, 3))
        new, report = folded(model)
        assert report.layers("folded") == ("0",)
        assert new(torch.empty(2, 4, 8, 8)).shape == (2, 3, 8, 8)


def test_a_module_that_cannot_be_copied_is_refused() -> None:
    model = nn.Sequential(pad(), conv())
    model.lines = (line for line in "ab")
    with pytest.raises(
        convpad.PaddingError, match=r"that copy.deepcopy can copy. Received: Sequential, where it raises"
    ):
        convpad.fold(model)


def test_layers_of_keras_are_no_model() -> None:
    keras = pytest.importorskip("keras")
    with pytest.raises(convpad.PaddingError, match="be a Keras model or a torch.nn.Module"):
        convpad.fold(keras.layers.ReLU())


def test_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "repad.md").read_text(encoding="utf-8")
    part = page.partition("\n## PyTorch modules")[2]
    test = doctest.DocTestParser().get_doctest(part.replace("```", ""), {}, "repad.md", None, 0)
    assert len(test.examples) >= 10
    torch.manual_seed(0)
    assert failures(test) == ""
