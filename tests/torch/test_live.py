"""`repad_`: live PyTorch models changed in place, and changed back."""

from __future__ import annotations

import copy
import doctest
import functools
import gc
import io
import pickle
import threading
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import live_modules as live
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from doctests import failures
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

import convpad
from convpad import Learned, PaddingError
from convpad.torch import repad_
from convpad.torch.traced_call import scratch_copy

pytestmark = pytest.mark.needs("torch")

GLOBE = ("zeros", "circular")


def image(*shape: int, rank: int = 2) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(shape or (2, 3, *(13, 16, 12)[:rank]))


def globe_pad(x: Tensor, rows: tuple[int, int] = (1, 1), columns: tuple[int, int] = (1, 1)) -> Tensor:
    """A pad by hand: the last axis goes round, the one before has zeros."""
    return F.pad(F.pad(x, (*columns, 0, 0), mode="circular"), (0, 0, *rows))


def facts(model: nn.Module) -> list[Any]:
    """All that an undone change gives back: classes, attributes in their order, and what is registered."""
    rows: list[Any] = []
    for module in model.modules():
        plain = [(name, id(value)) for name, value in module.__dict__.items() if name[0] != "_"]
        kept = [(name, id(value)) for name, value in [*module._parameters.items(), *module._buffers.items()]]
        rows.append((type(module), plain, kept, list(module._forward_hooks.values()), list(module.__dict__)))
    return rows


def equal(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


# What is reached, against torch.nn's own numbers or a pad by hand

CHANGED: list[tuple[str, Callable[[], nn.Module], Any, Callable[[Any, Tensor], Tensor]]] = [
    ("conv", lambda: nn.Conv2d(3, 4, 3, padding=1), GLOBE, lambda m, x: F.conv2d(globe_pad(x), m.weight, m.bias)),
    (
        "reflect",
        lambda: nn.Conv2d(3, 4, 3, padding=1),
        "reflect",
        lambda m, x: F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), m.weight, m.bias),
    ),
    (
        "words",
        lambda: nn.Conv2d(3, 4, (3, 5), padding="same"),
        GLOBE,
        lambda m, x: F.conv2d(globe_pad(x, columns=(2, 2)), m.weight, m.bias),
    ),
    (
        "mode of torch.nn",
        lambda: nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"),
        "zeros",
        lambda m, x: F.conv2d(x, m.weight, m.bias, padding=1),
    ),
    (
        "standardised",
        lambda: live.Standardised(3, 4, 3, padding=1, stride=2),
        GLOBE,
        lambda m, x: F.conv2d(globe_pad(x), m.standardised(), m.bias, 2),
    ),
    (
        "hooked",
        lambda: live.Hooked(3, 4, 3, padding=1),
        GLOBE,
        lambda m, x: 2 * F.conv2d(globe_pad(x), m.weight * 3, m.bias) + 1,
    ),
    (
        "same",
        lambda: live.Same(3, 4, 3, 2),
        GLOBE,
        lambda m, x: F.conv2d(globe_pad(x, columns=(0, 1)), m.weight, m.bias, 2),
    ),
    (
        "standardised same",
        lambda: live.StandardisedSame(3, 4, 3, 2),
        GLOBE,
        lambda m, x: F.conv2d(globe_pad(x, columns=(0, 1)), m.standardised(), m.bias, 2),
    ),
    (
        "static same",
        lambda: live.StaticSame(3, 4, 3, 2),
        GLOBE,
        lambda m, x: F.conv2d(globe_pad(x, (0, 1), (0, 1)), m.weight, m.bias, 2),
    ),
    ("adapted", lambda: live.Adapted(3, 4, 3, padding=1), GLOBE, lambda m, x: F.conv2d(globe_pad(x), m.weight, m.bias)),
    (
        "adapted, another mode",
        lambda: live.Adapted(3, 4, 3, padding=1, padding_mode="reflect"),
        GLOBE,
        lambda m, x: F.conv2d(globe_pad(x), m.weight, m.bias),
    ),
    ("pad", lambda: nn.ReflectionPad2d((1, 2, 3, 4)), GLOBE, lambda m, x: globe_pad(x, (3, 4), (1, 2))),
    ("constant pad", lambda: nn.ConstantPad2d((1, 2, 3, 4), 5.0), GLOBE, lambda m, x: globe_pad(x, (3, 4), (1, 2))),
]


@pytest.mark.parametrize(("make", "mode", "by_hand"), [row[1:] for row in CHANGED], ids=[row[0] for row in CHANGED])
def test_changes_and_gives_back(make: Any, mode: Any, by_hand: Any) -> None:
    module, x = make(), image()
    x.requires_grad_()
    before, known, keys = module(x), facts(module), list(module.state_dict())
    cls = type(module)
    handle = repad_(module, mode)
    assert len(handle.changes.modules("replaced")) == 1, handle.changes
    assert isinstance(module, cls)
    assert type(module).__name__ == cls.__name__ or cls.__module__.startswith("torch.nn.modules")
    assert list(module.state_dict()) == keys
    out, expected = module(x), by_hand(module, x)
    equal(out, expected)
    leaves = [x, *module.parameters()]
    cotangent = torch.randn_like(out)
    for mine, theirs in zip(
        torch.autograd.grad(out, leaves, cotangent), torch.autograd.grad(expected, leaves, cotangent), strict=True
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)
    handle.remove()
    assert facts(module) == known
    assert torch.equal(module(x), before)
    handle.remove()  # once is enough
    assert facts(module) == known


def test_transposed_convolutions_go_round() -> None:
    for rank, cls in enumerate((nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), 1):
        module, x = cls(3, 4, 4, stride=2, padding=1), image(2, 3, *(5, 6, 7)[:rank])
        before = module(x)
        with repad_(module, "circular"):
            out = module(x)
            equal(module(x.roll(1, -1)), out.roll(2, -1))
            inside = (..., *[slice(2, -2)] * rank)
            equal(out[inside], before[inside])
        assert torch.equal(module(x), before)


def test_upsampling_goes_on_beyond_the_edge() -> None:
    model = nn.Sequential(
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.UpsamplingNearest2d(scale_factor=2),
        nn.UpsamplingBilinear2d(scale_factor=2),
    )
    x, known = image(), facts(model)
    before = model[0](x)
    with repad_(model, GLOBE) as handle:
        assert handle.changes.modules("replaced") == ("0",)
        assert handle.changes.rows[0].detail == "convpad.torch.Upsample: ('zeros', 'circular'), before 'replicate'"
        assert [row.reason for row in handle.changes.rows[1:]] == [
            "it looks at no edge",
            "its corners stand on the edge (align_corners), which no mode goes on beyond",
        ]
        equal(model[0](x.roll(1, -1)), model[0](x).roll(2, -1))
        equal(model[0](x)[..., 1:-1, 1:-1], before[..., 1:-1, 1:-1])
        with repad_(model, "circular"):
            equal(model[0](x.roll(1, -2)), model[0](x).roll(2, -2))
        equal(copy.deepcopy(model[0])(x), model[0](x))
    assert facts(model) == known
    assert torch.equal(model[0](x), before)
    row = repad_(nn.Upsample(scale_factor=1.5, mode="bilinear"), "circular").changes.rows[0]
    assert row.reason == "a circle closes where size times scale_factor is whole alone"


def test_pools_take_a_padding_and_no_mode_alone() -> None:
    model, x = nn.Sequential(nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(3, 2, 1), nn.MaxPool2d(2)), image(1, 3, 24, 24)
    handle = repad_(model, "circular")
    assert handle.changes.modules("replaced") == ()
    assert [row.reason for row in handle.changes.rows] == ["a mode alone leaves pools as they are"] * 3
    with repad_(model, padding="same") as handle:
        assert handle.changes.modules("replaced") == ("0", "1")
        assert handle.changes.rows[2].reason == "it pads nothing"
        equal(model[0](x), F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-torch.inf), 3, 2))
        equal(model[1](x), F.avg_pool2d(F.pad(x, (0, 1, 0, 1)), 3, 2))
    with repad_(model, "circular", padding="same"):
        equal(model[1](x), F.avg_pool2d(F.pad(x, (0, 1, 0, 1), mode="circular"), 3, 2))
    pool = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    with repad_(pool, padding=((1, 0), 1)):
        equal(pool(torch.ones(1, 1, 4, 4)), torch.ones(1, 1, 3, 4))
        assert not pool.count_include_pad
    with repad_(pool, "circular", padding=1):
        equal(pool(x), F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="circular"), 3, 1))
    assert not pool.count_include_pad


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_same_of_other_libraries_keeps_its_numbers(memory: Any) -> None:
    model = nn.Sequential(
        live.Same(3, 8, 3, 2, bias=False),
        live.MaxSame((3, 3), (2, 2)),
        live.Same(8, 8, 5, (2, 3), dilation=1, groups=8),
        live.AverageSame((3, 2), (2, 2), count_include_pad=False),
        live.StaticSame(8, 4, 3, 2),
        nn.Conv2d(4, 4, 3, padding=1),
        live.Same(4, 4, (2, 3)),  # the same amounts for every size, and a pad in every call
    )
    inputs = [image(2, 3, *size).contiguous(memory_format=memory) for size in ((64, 64), (65, 47), (38, 71))]
    before, known = [model(x) for x in inputs], facts(model)
    handle = repad_(model)
    assert handle.changes.modules("replaced") == ("0", "1", "2", "3", "4", "6")
    padding = {row.module: row.padding_after for row in handle.changes.rows}
    assert padding["1"] == "'same' with 'ignore'"
    assert padding["3"] == "'same' with 'zeros'"
    assert padding["4"] == "((0, 1), (0, 1)) with 'zeros'"
    reasons = {row.module: row.reason for row in handle.changes.rows}
    assert reasons["4.static_padding"] == "4 pads for it"
    assert reasons["5"] == "its padding stays"
    for x, known_output in zip(inputs, before, strict=True):
        equal(model(x), known_output)
    handle.remove()
    assert facts(model) == known


def test_causal_convolutions_with_a_cache() -> None:
    module, x, cache = live.Causal(2, 3, 3), image(1, 2, 5, 6, 7), image(1, 2, 1, 6, 7)
    for kept in ((), (cache,)):
        before = module(x, *kept)
        with repad_(module, ("zeros", "zeros", "circular")):
            out = module(x, *kept)
            assert out.shape == before.shape
            equal(out[..., 1:-1], before[..., 1:-1])
            equal(module(x.roll(2, -1), *[each.roll(2, -1) for each in kept]), out.roll(2, -1))
        assert torch.equal(module(x, *kept), before)
    with repad_(module, padding=((2, 0), 2, 2)):
        assert module(x).shape == (1, 3, 5, 8, 9)
        with pytest.raises(PaddingError, match="Leave `padding` out"):
            module(x, cache)


def test_adapters() -> None:
    model = nn.Sequential(live.Wrapper(nn.Conv2d(3, 4, 3, padding=1)), live.Wrapper(nn.Conv2d(4, 4, 3, padding=1)))
    x = image()
    nn.init.normal_(model[0].lora_B["default"].weight)
    with repad_(model, GLOBE) as handle:
        assert handle.changes.modules("replaced") == tuple(
            f"{place}.{name}" for place in (0, 1) for name in ("base_layer", "lora_A.default")
        )
        equal(model(x.roll(3, -1)), model(x).roll(3, -1))
    with repad_(model, GLOBE, where="0.base_layer") as handle:  # what adapts it comes with it
        assert handle.changes.modules("replaced") == ("0.base_layer", "0.lora_A.default")
    with repad_(nn.Sequential(base := live.Standardised(3, 4, 3, padding=1)), GLOBE):
        adapter = type(base)(3, 2, base.kernel_size, base.stride, base.padding, bias=False)  # as peft makes it
        assert type(adapter) is live.Standardised
        assert adapter(x).shape == (2, 2, 13, 16)
    adapted = live.Adapted(3, 4, 3, padding=1)
    with repad_(adapted, GLOBE):
        alone = adapted(x)
        adapted.lora = nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular")
        equal(adapted(x, scale=2.0), alone + 2 * adapted.lora(x))


# What is left alone

LEFT: list[tuple[Callable[[], nn.Module], str]] = [
    (lambda: nn.Conv2d(3, 4, 1), "it pads nothing"),
    (
        lambda: live.Twice(3, 4, 3, padding=1),
        "its own forward runs 2 convolutions with its attributes: only one can be told apart",
    ),
    (lambda: live.Branching(3, 4, 3), "its own forward pads in a way that is no padding of its convolution"),
    (lambda: live.Failing(3, 4, 3), "its own forward could not be followed: RuntimeError: no such cable"),
    (lambda: live.Odd(3, 4, 3), "its own forward pads by amounts that follow no rule known here"),
    (live.Down, "its forward pads (F.pad), which cannot be seen from outside: subclass it"),
    (live.DownByMethod, "its forward pads (F.pad), which cannot be seen from outside: subclass it"),
    (live.Magnitude, "its forward calls F.conv2d, with a padding of its own"),
    (
        live.Renamed,
        "its forward calls F.conv1d, with a padding of its own; its forward calls F.conv2d, with a padding of its own",
    ),
    (
        live.SelfAttention,
        "attention looks at all positions, and at no edge: what it knows of places is in their embeddings",
    ),
    (
        lambda: nn.MultiheadAttention(4, 2),
        "attention looks at all positions, and at no edge: what it knows of places is in their embeddings",
    ),
    (lambda: nn.GroupNorm(1, 3), "its statistics are those of the whole image: it looks at no edge"),
    (
        lambda: live.Up("bilinear"),
        "its forward resizes (bilinear) and looks across the edge, which it replicates: put a module of convpad there",
    ),
    (live.Tiled, "it works in tiles (use_tiling), each of which has edges of its own: disable_tiling() first"),
]


@pytest.mark.parametrize(("make", "reason"), LEFT, ids=[row[1][:50] for row in LEFT])
def test_left_alone_with_the_reason(make: Any, reason: str) -> None:
    model = nn.Sequential(make())
    known = facts(model)
    handle = repad_(model, "circular")
    assert facts(model) == known
    row = next(row for row in handle.changes.rows if row.module == "0")
    assert (row.done, row.reason, row.kind_after) == ("left", reason, row.kind)


def test_nothing_is_said_of_what_looks_at_no_edge() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), live.Nearest(), nn.BatchNorm2d(3))
    assert repad_(model, "circular").changes.rows == ()


def test_forwards_put_in_place_from_outside() -> None:
    module = nn.Conv2d(3, 4, 3, padding=1)
    original = module.forward
    module.forward = lambda x: original(x) * 2
    assert repad_(module, "circular").changes.rows[0].reason == "its forward was replaced from outside: undo that first"
    module = nn.Conv2d(3, 4, 3, padding=1)
    module._conv_forward = lambda x, w, b: F.conv2d(x, w, b, padding=1)
    assert (
        repad_(module, "circular").changes.rows[0].reason
        == "its _conv_forward was replaced from outside: undo that first"
    )


def test_a_forward_that_wraps_its_class_s() -> None:
    """As accelerate's hooks do, which move weights to a device and back."""
    for cls in (nn.Conv2d, live.Hooked, live.Standardised):
        module, x = cls(3, 4, 3, padding=1), image()
        original = module.forward
        module.forward = functools.wraps(original)(lambda x, original=original: original(x) + 1)
        before = module(x)
        with repad_(module, GLOBE) as handle:
            if cls is live.Standardised:  # what it wraps is bound to the class before
                assert handle.changes.rows[0].reason == "its forward was replaced from outside: undo that first"
            else:
                equal(module(x.roll(2, -1)), module(x).roll(2, -1))
                equal(module(x)[..., 1:-1], before[..., 1:-1])
        assert torch.equal(module(x), before)


def test_what_a_module_holds_besides_is_not_copied() -> None:
    module = live.Standardised(3, 4, 3, padding=1)
    others = [nn.Parameter(torch.ones(3)), torch.ones(3)]
    module.held = others
    copied = scratch_copy(module, with_values=False).held
    assert [value.device.type for value in copied] == ["meta", "meta"]
    with repad_(module, GLOBE) as handle:
        assert handle.changes.modules("replaced") == ("",)
        assert module.held is others


def test_a_forward_that_calls_another_way_later_is_an_error() -> None:
    class Switch(nn.Conv2d):
        off = False

        def forward(self, x: Tensor, scale: float = 1.0) -> Tensor:
            return x if self.off else F.conv2d(x, self.weight, self.bias, padding=self.padding)

    module, x = Switch(3, 3, 3, padding=1), image()
    with repad_(module, "circular"):
        equal(module(x.roll(1, -1)), module(x).roll(1, -1))
        module.off = True
        with pytest.raises(PaddingError, match="ran no convolution with its own weight's shape"):
            module(x)


# Refusals

MIXED = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv3d(3, 4, 3, padding=1))
REFUSED: list[tuple[Callable[[], Any], dict[str, Any], str]] = [
    (lambda: 3, {}, "`module` must be a torch.nn.Module. Received: 3."),
    (
        lambda: torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1))),
        {},
        "`module` must be a live torch.nn.Module, not a ScriptModule. Received: 'RecursiveScriptModule'. "
        "Repad the model that it was made of, and script or trace it again.",
    ),
    (
        lambda: nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), torch.jit.script(nn.Conv2d(3, 4, 3, padding=1))),
        {},
        "The module '1' must have a padding that can be changed. Received: RecursiveScriptModule, which was compiled "
        "by torch.jit. Repad the model before it is scripted or traced, or leave it out with where=.",
    ),
    (
        lambda: torch.export.export(nn.Conv2d(3, 4, 3, padding=1), (image(),)),
        {},
        "`module` must be a live torch.nn.Module, not an exported program. Received: 'ExportedProgram'. "
        "Repad the model that it was exported from, and export again.",
    ),
    (
        lambda: torch.export.export(nn.Conv2d(3, 4, 3, padding=1), (image(),)).module(),
        {},
        "`module` must be a live torch.nn.Module, not an exported program. Received: 'GraphModule'. "
        "Repad the model that it was exported from, and export again.",
    ),
    (
        lambda: MIXED,
        {"padding_mode": GLOBE},
        "The module '1' (Conv3d) cannot pad so. `padding_mode` must have one entry for each of the 3 spatial axes. "
        "Received: ('zeros', 'circular'). Choose modules that can with where=.",
    ),
    (
        lambda: MIXED,
        {"where": "decoder"},
        "`where` must fit at least one module that pads or could pad. Received: 'decoder'. Such modules are named like "
        "['0', '1'].",
    ),
    (
        lambda: MIXED,
        {"where": 3},
        "`where` must be a name, a pattern, a class, several of these, or a function of a name and a module. "
        "Received: 3.",
    ),
    (
        lambda: nn.ReLU(),
        {"where": "0"},
        "`where` must fit at least one module that pads or could pad. Received: '0'. This model has none.",
    ),
    (lambda: nn.ReLU(), {"padding_mode": "circle"}, "`padding_mode` must be one of "),
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("make", "options", "text"), REFUSED, ids=[row[2][:40] for row in REFUSED])
def test_refusals(make: Any, options: Any, text: str) -> None:
    model = make()
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    classes = [type(module) for module in modules]
    with pytest.raises(PaddingError) as caught:
        repad_(model, **{"padding_mode": "circular", **options})
    assert str(caught.value).startswith(text)
    assert [type(module) for module in modules] == classes


class FullyShardedDataParallel(nn.Sequential):
    """Looks like PyTorch's."""

    __module__ = "torch.distributed.fsdp"


def test_quantised_and_sharded_convolutions_are_refused() -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), FullyShardedDataParallel(nn.Conv2d(3, 3, 3, padding=1)))
    known = facts(model)
    with pytest.raises(PaddingError, match=r"The module '1' must .* is sharded \(FSDP\). Repad the model before"):
        repad_(model, "circular")
    assert facts(model) == known
    with repad_(model, "circular", where="0") as handle:
        assert handle.changes.modules("replaced") == ("0",)

    class Conv2d(nn.Module):
        __module__ = "torch.ao.nn.quantized.modules.conv"

    with pytest.raises(PaddingError, match="The module '0' must .* Received: Conv2d, which is quantised"):
        repad_(nn.Sequential(Conv2d()), "circular")


def test_a_change_that_fails_half_way_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from convpad.torch import undo

    model = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1))
    known, commit = facts(model), undo.Step.commit

    def failing(step: Any) -> None:
        if step.module is model[1]:
            raise KeyboardInterrupt
        commit(step)

    monkeypatch.setattr(undo.Step, "commit", failing)
    with pytest.raises(KeyboardInterrupt):
        repad_(model, "circular")
    assert facts(model) == known


# Which modules


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 5, padding=2))
        self.decoder = nn.ModuleDict({"conv": live.Standardised(3, 3, 3, padding=1), "pad": nn.ZeroPad2d(1)})
        self.again = self.encoder[0]

    def forward(self, x: Tensor) -> Tensor:
        x = self.again(self.encoder(x))
        return self.decoder["pad"](self.decoder["conv"](x))


WHERE: list[tuple[Any, tuple[str, ...]]] = [
    (None, ("encoder.0", "encoder.1", "decoder.conv", "decoder.pad")),
    ("decoder", ("decoder.conv", "decoder.pad")),
    ("encoder.1", ("encoder.1",)),
    ("*.0", ("encoder.0",)),
    ("again", ("encoder.0",)),  # by its other name
    (["encoder.0", "*pad"], ("encoder.0", "decoder.pad")),
    (live.Standardised, ("decoder.conv",)),
    ({nn.ZeroPad2d, live.Standardised}, ("decoder.conv", "decoder.pad")),
    (lambda name, module: getattr(module, "kernel_size", None) == (5, 5), ("encoder.1",)),
    (lambda name, module: name.startswith("dec"), ("decoder.conv", "decoder.pad")),
]


@pytest.mark.parametrize(("where", "names"), WHERE, ids=map(str, range(len(WHERE))))
def test_where(where: Any, names: tuple[str, ...]) -> None:
    model = Net()
    with repad_(model, "circular", where=where) as handle:
        assert handle.changes.modules("replaced") == names
        others = {row.reason for row in handle.changes.rows if row.done == "left"}
        assert others <= {"not chosen"}
        assert isinstance(model.again, convpad.torch.Conv2d) == ("encoder.0" in names)
        assert model.again is model.encoder[0]


# Handles


def test_nested_handles_undo_in_any_order() -> None:
    first = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), live.Standardised(4, 3, 3, padding=1))
    known, x = facts(first), image()
    before = first(x)
    requests = [("circular", None), ("reflect", None), (None, 2)]
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0), (0, 2, 1), (2, 0, 1)):
        handles = [repad_(first, mode, padding=padding) for mode, padding in requests]
        left = [0, 1, 2]
        for number in order:
            handles[number].remove()
            left.remove(number)
            modes = [requests[each][0] for each in left if requests[each][0]]
            amounts = [requests[each][1] for each in left if requests[each][1]]
            fresh = copy.deepcopy(first)
            fresh[0] = nn.Conv2d(3, 4, 3, padding=(amounts or [1])[-1], padding_mode=(modes or ["zeros"])[-1])
            fresh[0].load_state_dict(first[0].state_dict())
            equal(first[0](x), fresh[0](x))
        assert facts(first) == known
        assert torch.equal(first(x), before)


def test_trained_padding() -> None:
    model, x = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 1)), image()
    keys, known = list(model.state_dict()), facts(model)
    handle = repad_(model, Learned("ones"))
    assert handle.changes.rows[0].reason == "state_dict gains padding_value"
    assert [*keys[:2], "0.padding_value", *keys[2:]] == list(model.state_dict())
    value = model[0].padding_value
    equal(model[0](x), F.conv2d(F.pad(x, (1, 1, 1, 1), value=1.0), model[0].weight, model[0].bias))
    model(x).sum().backward()
    assert value.grad is not None
    amounts = repad_(model, padding=2)
    assert model[0].padding_value is value
    mode = repad_(model, "reflect")
    assert list(model.state_dict()) == keys
    amounts.remove()
    mode.remove()
    assert model[0].padding_value is value  # trained, and the same again
    handle.remove()
    assert facts(model) == known
    lazy = nn.LazyConv2d(3, 3, padding=1)
    with pytest.raises(PaddingError, match="Call the model once before"):
        repad_(lazy, Learned())
    assert type(lazy) is nn.LazyConv2d


def test_a_context_ends_well_after_an_exception() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1))
    known = facts(model)
    with pytest.raises(ZeroDivisionError), repad_(model, "circular") as handle:
        assert facts(model) != known
        _ = 1 / 0
    assert facts(model) == known
    assert repr(handle) == "<Handle of repad_: 1 module replaced, 0 left alone, removed>"


def test_the_report() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.GroupNorm(2, 4)
    )
    with repad_(model, GLOBE) as handle:
        assert handle.changes.to_dict()["modules"][1] == {
            "module": "1",
            "kind": "Conv2d",
            "kind_after": "convpad.torch.Conv2d",
            "padding": "(1, 1) with 'zeros'",
            "padding_after": "(1, 1) with ('zeros', 'circular')",
            "done": "replaced",
            "reason": "",
        }
        rows = handle.changes.to_table().rows
        assert rows == (
            (
                "0 and 1 more",
                "Conv2d",
                "replaced",
                "convpad.torch.Conv2d: (1, 1) with ('zeros', 'circular'), before (1, 1) with 'zeros'",
            ),
            ("2 and 1 more", "GroupNorm", "left", "its statistics are those of the whole image: it looks at no edge"),
        )
        assert str(handle.changes).startswith("repad_: 2 modules replaced, 2 left alone\n")
        assert "<table" in handle.changes.to_html()


# Hosts of every kind


def test_copies_and_pickles_stay_changed() -> None:
    model, x = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), live.StandardisedSame(3, 3, 3, 2), nn.ZeroPad2d(1)), image()
    before = model(x)
    handle = repad_(model, GLOBE)
    out, deep, shallow = model(x), copy.deepcopy(model), copy.copy(model[1])
    again = pickle.loads(pickle.dumps(model))
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    handle.remove()
    assert torch.equal(model(x), before)
    for other in (deep, again, loaded):
        assert torch.equal(other(x), out)
        assert isinstance(other[1], live.StandardisedSame)
        assert isinstance(other[2], nn.ZeroPad2d)
        assert other[0].weight is not model[0].weight
    assert type(deep[1]) is type(again[1]) is type(shallow)
    with repad_(deep, "zeros"):  # a copy has the changed padding for its own
        equal(deep(x), before)
    assert torch.equal(deep(x), out)
    replica = deep[1]._replicate_for_data_parallel()
    assert type(replica) is type(deep[1])


def test_two_threads_with_two_models_do_not_meet() -> None:
    x, failures = image(), []

    def work(mode: str) -> None:
        try:
            model = nn.Sequential(live.Standardised(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1))
            before = model(x)
            for _ in range(15):
                with repad_(model, mode):
                    expected = F.pad(x, (1, 1, 1, 1), mode=mode)
                    equal(model[0](x), F.conv2d(expected, model[0].standardised(), model[0].bias))
                assert torch.equal(model(x), before)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(mode,)) for mode in ("circular", "reflect", "replicate")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_parametrised_modules() -> None:
    module, x = nn.Conv2d(3, 4, 3, padding=1), image()
    parametrizations.weight_norm(module)
    before, known, cls = module(x), facts(module), type(module)
    with repad_(module, "circular"):
        equal(module(x.roll(1, -1)), module(x).roll(1, -1))
        assert parametrize.is_parametrized(module, "weight")
        equal(copy.deepcopy(module)(x), module(x))
    assert type(module).__name__ == cls.__name__ == "ParametrizedConv2d"
    assert [row[1:] for row in facts(module)] == [row[1:] for row in known]
    assert torch.equal(module(x), before)
    handle = repad_(module, "circular")
    parametrize.remove_parametrizations(module, "weight")  # while changed
    assert type(module) is convpad.torch.Conv2d
    parametrizations.spectral_norm(module)
    handle.remove()
    assert isinstance(module, nn.Conv2d)
    assert not isinstance(module, convpad.torch.Conv2d)
    parametrize.remove_parametrizations(module, "weight")
    assert type(module) is nn.Conv2d


def test_a_class_that_something_else_changed_is_not_touched() -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1))
    handle = repad_(model, "circular")
    ours, model[1].__class__ = type(model[1]), live.Standardised
    with pytest.raises(PaddingError, match="'1' cannot be changed back: its class became Standardised since"):
        handle.remove()
    assert type(model[0]) is ours
    model[1].__class__ = ours
    handle.remove()
    assert type(model[0]) is type(model[1]) is nn.Conv2d


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_hooks_and_norms_by_hooks() -> None:
    model, x = nn.Sequential(nn.utils.weight_norm(nn.Conv2d(3, 4, 3, padding=1))), image()
    calls: list[str] = []
    model[0].register_forward_hook(lambda *_: calls.append("forward"))
    model[0].register_full_backward_hook(lambda *_: calls.append("backward"))
    with repad_(model, "circular"):
        equal(model(x.roll(1, -1)), model(x).roll(1, -1))
        calls.clear()
        model(x.requires_grad_()).sum().backward()
    assert calls == ["forward", "backward"]


def test_lazy_modules() -> None:
    for ends_first in (True, False):
        model, x = nn.Sequential(nn.LazyConv2d(4, 3, padding=1)), image()
        handle = repad_(model, "circular")
        assert isinstance(model[0], nn.LazyConv2d)
        if ends_first:
            handle.remove()
            assert type(model[0]) is nn.LazyConv2d
        out = model(x)
        assert type(model[0]) is (nn.Conv2d if ends_first else convpad.torch.Conv2d)
        handle.remove()
        assert type(model[0]) is nn.Conv2d
        expected = nn.Conv2d(3, 4, 3, padding=1, padding_mode="zeros" if ends_first else "circular")
        expected.load_state_dict(model[0].state_dict())
        equal(expected(x), out)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_quantisation_aware_training() -> None:
    import torch.ao.quantization as ao

    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1))
    model.train()
    model.qconfig = ao.get_default_qat_qconfig("fbgemm")
    model = ao.prepare_qat(ao.fuse_modules_qat(model, [["0", "1", "2"]]))
    x = image()
    model(x)
    keys, known = list(model.state_dict()), facts(model)
    with repad_(model, "circular") as handle:
        assert handle.changes.modules("replaced") == ("0", "3")
        assert list(model.state_dict()) == keys
        model(x).sum().backward()
        model.eval().apply(ao.disable_observer)
        equal(model(x.roll(1, -1)), model(x).roll(1, -1))
        model.train()
    assert [row[0] for row in facts(model)] == [row[0] for row in known]


def test_training_is_that_of_modules_made_so() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.ConvTranspose2d(4, 3, 4, 2, 1)).double()
    fresh = nn.Sequential(
        convpad.torch.Conv2d(3, 4, 3, padding=1, padding_mode=GLOBE),
        nn.ReLU(),
        convpad.torch.ConvTranspose2d(4, 3, 4, 2, 1, padding_mode=GLOBE),
    ).double()
    fresh.load_state_dict(model.state_dict())
    optimiser = torch.optim.SGD(model.parameters(), 0.1)  # made before
    repad_(model, GLOBE)
    for network, step in ((model, optimiser), (fresh, torch.optim.SGD(fresh.parameters(), 0.1))):
        for _ in range(2):
            step.zero_grad()
            network(image().double()).square().mean().backward()
            step.step()
    for mine, theirs in zip(model.parameters(), fresh.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_compiled_models_see_every_change() -> None:
    model, x = nn.Sequential(live.StandardisedSame(3, 3, 3, 2), nn.Conv2d(3, 3, 3, padding=1)), image()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    before = compiled(x)
    with repad_(compiled, GLOBE) as handle:
        assert handle.changes.modules("replaced") == ("0", "1")
        equal(compiled(x), model(x))
        assert not torch.allclose(compiled(x), before)
        with repad_(model, "reflect", where="1"):
            equal(compiled(x), model(x))
    equal(compiled(x), before)


def test_compiled_forwards_that_pad_otherwise_in_another_call() -> None:
    module, video, cache = live.Causal(2, 3, 3), image(1, 2, 5, 6, 7), image(1, 2, 1, 6, 7)
    with repad_(module, ("zeros", "zeros", "circular")):
        compiled = torch.compile(module, backend="eager")
        equal(compiled(video), module(video))
        equal(compiled(video, cache), module(video, cache))  # by a graph break


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_changed_models_are_exported_with_open_sizes() -> None:
    model = nn.Sequential(live.Same(3, 3, 3, 2), live.StandardisedSame(3, 3, 3, 2), nn.Conv2d(3, 3, 3, padding=1))
    sizes = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    x = image(1, 3, 23, 30)
    for mode in (None, GLOBE):
        with repad_(model, mode):
            program = torch.export.export(model, (x,), dynamic_shapes=({**sizes},)).module()
            for shape in ((1, 3, 23, 30), (1, 3, 40, 17)):
                equal(program(image(*shape)), model(image(*shape)))


def test_no_warning_and_no_patch_of_torch() -> None:
    functions = [F.conv2d, F.pad, nn.Conv2d.forward, nn.Conv2d._conv_forward, nn.Module.__call__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        handle = repad_(Net(), "circular")
        handle.remove()
    assert functions == [F.conv2d, F.pad, nn.Conv2d.forward, nn.Conv2d._conv_forward, nn.Module.__call__]


def test_the_page_runs() -> None:
    page = Path(__file__).parents[2] / "docs" / "torch.md"
    text = page.read_text(encoding="utf-8").replace("```", "")
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, None, 0)
    assert failures(test, doctest.NORMALIZE_WHITESPACE) == ""


def test_a_changed_model_that_nobody_has_any_more_is_collected() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1))
    repad_(model, "circular")
    there = weakref.ref(model[0])
    del model
    gc.collect()
    assert there() is None
