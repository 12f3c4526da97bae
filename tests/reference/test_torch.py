"""The oracle against torch.nn's own modules and autograd, in double precision."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from frameworks import CHOSEN

import convpad
from convpad import reference
from convpad.core.padding import Padding
from convpad.core.problem import Problem, parse_problem

pytestmark = pytest.mark.needs("torch")

if "torch" not in CHOSEN:
    pytest.skip("torch is not among the chosen backends", allow_module_level=True)
torch = pytest.importorskip("torch")

MODES = ("zeros", "reflect", "replicate", "circular")
"""torch.nn's padding modes, which go by the same names here."""

SIZES = {1: (9,), 2: (8, 7), 3: (5, 6, 4)}
CONVS = {1: torch.nn.Conv1d, 2: torch.nn.Conv2d, 3: torch.nn.Conv3d}
TRANSPOSED = {1: torch.nn.ConvTranspose1d, 2: torch.nn.ConvTranspose2d, 3: torch.nn.ConvTranspose3d}
MAX_POOLS = {1: torch.nn.MaxPool1d, 2: torch.nn.MaxPool2d, 3: torch.nn.MaxPool3d}
AVERAGE_POOLS = {1: torch.nn.AvgPool1d, 2: torch.nn.AvgPool2d, 3: torch.nn.AvgPool3d}
RANKS = (1, 2, 3)


def _tensor(*shape: int) -> Any:
    array = np.random.default_rng(sum(shape)).normal(size=shape)
    return torch.tensor(array, requires_grad=True)


def _flat(tensor: Any) -> Any:
    return tensor.detach().numpy()


def _kernel(weight: Any) -> Any:
    """torch has (filters, channels of a group, *window), its transposed ones (channels, filters of a group, ...)."""
    return np.moveaxis(weight, (0, 1), (-1, -2))


def _held_against(
    op: str, torch_module: Any, x: Any, mode: str, torch_kernel: Any, kernel: Any, **options: Any
) -> None:
    """The oracle's answer and its gradients are the module's."""
    rank = x.ndim - 2
    torch_out = torch_module(x)
    arrays = [_flat(x)] if torch_kernel is None else [_flat(x), _kernel(_flat(torch_kernel))]
    padding = Padding.parse(options.pop("padding"), mode, rank=rank)
    problem: Problem = parse_problem(op, arrays[0].shape, kernel, padding, data_format="channels_first", **options)
    got = reference.solve(problem, padding.values, *arrays)
    np.testing.assert_allclose(got, _flat(torch_out), rtol=1e-11, atol=1e-11)
    cotangent = np.random.default_rng(0).normal(size=got.shape)
    torch_out.backward(torch.tensor(cotangent))
    computed, _ = reference.gradients(problem, padding.values, cotangent, *arrays)
    np.testing.assert_allclose(computed[0], x.grad.numpy(), rtol=1e-10, atol=1e-10)
    if torch_kernel is not None:
        np.testing.assert_allclose(computed[1], _kernel(torch_kernel.grad.numpy()), rtol=1e-10, atol=1e-10)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "padding", "groups"),
    [
        (3, 1, 1, 1, 1),
        (3, 2, 1, 1, 2),
        (2, 1, 2, 2, 1),
        (3, 2, 1, 3, 4),
        (1, 1, 1, 0, 2),
        (3, 1, 1, "same", 1),
        (2, 1, 1, "same", 1),
    ],
)
def test_conv(rank: int, mode: str, kernel: int, stride: int, dilation: int, padding: Any, groups: int) -> None:
    options = {"stride": stride, "dilation": dilation, "padding": padding, "groups": groups}
    module = CONVS[rank](4, 8, kernel, padding_mode=mode, bias=False, dtype=torch.float64, **options)
    x = _tensor(2, 4, *SIZES[rank])
    shape = (*[kernel] * rank, 4 // groups, 8)
    _held_against(
        "conv",
        module,
        x,
        mode,
        module.weight,
        shape,
        strides=stride,
        dilation_rate=dilation,
        padding=padding,
        groups=groups,
    )


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "padding", "output_padding", "groups"),
    [
        (3, 1, 1, 1, 0, 1),
        (3, 2, 1, 1, 1, 1),
        (4, 2, 1, 1, 0, 2),
        (2, 3, 1, 0, 2, 1),
        (3, 2, 2, 2, 1, 2),
        (1, 2, 1, 0, 1, 1),
    ],
)
def test_conv_transpose(
    rank: int, kernel: int, stride: int, dilation: int, padding: int, output_padding: int, groups: int
) -> None:
    options = {"stride": stride, "dilation": dilation, "padding": padding, "output_padding": output_padding}
    module = TRANSPOSED[rank](4, 6, kernel, groups=groups, bias=False, dtype=torch.float64, **options)
    options = {"strides": stride, "dilation_rate": dilation, "padding": padding, "output_padding": output_padding}
    shape = (*[kernel] * rank, 6 // groups, 4)
    x = _tensor(2, 4, *SIZES[rank])
    _held_against("conv_transpose", module, x, "zeros", module.weight, shape, groups=groups, **options)


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_conv_transpose_is_torchs_gradient_of_the_padded_convolution(rank: int, mode: str) -> None:
    module = CONVS[rank](3, 4, 3, stride=2, padding=1, padding_mode=mode, bias=False, dtype=torch.float64)
    x = _tensor(2, 3, *SIZES[rank])
    out = module(x)
    cotangent = np.random.default_rng(1).normal(size=out.shape)
    out.backward(torch.tensor(cotangent))
    kernel = _kernel(_flat(module.weight))
    # The forward windows leave one value unread on even axes; output_padding tells the sizes apart.
    left = tuple((size - 1) % 2 for size in SIZES[rank])
    options = {"strides": 2, "padding": 1, "padding_mode": mode, "data_format": "channels_first"}
    got = convpad.conv_transpose(cotangent, kernel, output_padding=left, **options)
    np.testing.assert_allclose(got, x.grad.numpy(), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize(("size", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 1), (4, 2, 2)])
def test_pools(rank: int, size: int, stride: int, padding: int) -> None:
    x = _tensor(2, 3, *SIZES[rank])
    options = {"strides": stride, "padding": padding}
    _held_against("max_pool", MAX_POOLS[rank](size, stride, padding), x, "ignore", None, size, **options)
    for counted, mode in ((True, "zeros"), (False, "ignore")):
        x = _tensor(2, 3, *SIZES[rank])
        module = AVERAGE_POOLS[rank](size, stride, padding, count_include_pad=counted)
        _held_against("average_pool", module, x, mode, None, size, **options)


@pytest.mark.parametrize(
    ("mode", "torch_mode"),
    [("reflect", "reflect"), ("replicate", "replicate"), ("circular", "circular"), (2, "constant")],
)
def test_pad(mode: Any, torch_mode: str) -> None:
    x = _tensor(2, 3, 6, 5)
    for top, bottom, left, right in product((0, 2), (1, 3), (0, 4), (2,)):
        more = {"value": 2.0} if torch_mode == "constant" else {}
        want = torch.nn.functional.pad(x, (left, right, top, bottom), mode=torch_mode, **more)
        got = convpad.pad(_flat(x), ((top, bottom), (left, right)), mode, data_format="channels_first")
        np.testing.assert_array_equal(got, _flat(want))


def test_the_helper_can_fail() -> None:
    module = CONVS[1](4, 8, 3, padding=1, padding_mode="reflect", bias=False, dtype=torch.float64)
    with pytest.raises(AssertionError):
        _held_against("conv", module, _tensor(2, 4, 9), "circular", module.weight, (3, 4, 8), padding=1)


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
@pytest.mark.parametrize("dilation", [1, 2])
def test_pools_rounded_up_and_dilated(ceil: bool, kernel: int, dilation: int) -> None:
    pools: list[tuple[str, str, Any]] = [
        ("max_pool", "ignore", lambda x, *window: torch.nn.functional.max_pool1d(x, *window, dilation, ceil)),
        ("average_pool", "ignore", lambda x, *window: torch.nn.functional.avg_pool1d(x, *window, ceil, False)),
        ("average_pool", "zeros", lambda x, *window: torch.nn.functional.avg_pool1d(x, *window, ceil, True)),
    ]
    answered = 0
    for size, stride, pad in product(range(1, 10), range(1, 5), range(kernel // 2 + 1)):
        x = np.random.default_rng(0).normal(size=(1, size, 2))
        for op, mode, pool in pools[: 1 if dilation > 1 else 3]:  # PyTorch dilates no average
            padding = Padding.parse(pad, mode, rank=1)
            options = {"strides": stride, "dilation_rate": dilation, "ceil_mode": ceil}
            try:
                want = pool(torch.as_tensor(x).movedim(-1, 1), kernel, stride, pad).movedim(1, -1).numpy()
            except RuntimeError:
                with pytest.raises(convpad.ShapeError):
                    parse_problem(op, x.shape, kernel, padding, **options)
                continue
            got = reference.solve(parse_problem(op, x.shape, kernel, padding, **options), padding.values, x)
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
            answered += 1
    assert answered > 20
