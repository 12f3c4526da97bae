"""Published networks, and their answers in docs/solve.md."""

from __future__ import annotations

import doctest
import re

import pytest
from doctests import failures
from networks import END, NETWORKS, PAGE, START, Network, page

import convpad

TEXT = PAGE.read_text(encoding="utf-8")
ALL = pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)


@ALL
def test_the_likeliest_padding_of_every_layer(network: Network) -> None:
    chain = network.solved()
    assert tuple(row.solutions[0].padding if row.solutions else None for row in chain) == network.paddings
    assert chain.possible == (None not in network.paddings)


@ALL
def test_what_was_meant_is_found_where_a_table_is_impossible(network: Network) -> None:
    broken = [row for row in network.solved() if not row.possible]
    readings = [
        f"{one.changed} {one.instead}"
        for row in broken
        for one in (row.solutions.nearest if row.solutions is not None else ())
    ]
    assert set(network.meant) <= set(readings)
    assert bool(network.meant) == bool(broken)
    assert readings[: len(network.meant)] == [*network.meant], "what was meant comes first"


@ALL
def test_sizes_are_those_that_convpad_gives(network: Network) -> None:
    """Forward again, by another way: the plan of each layer with the padding found."""
    for row in network.solved():
        if not row.solutions:
            continue
        solution = row.solutions[0]
        pool = "pool" in solution.op
        plan = convpad.plan(
            (1, *solution.input, 1),
            solution.kernel if pool else (*solution.kernel, 1, 1),
            op=solution.op,
            strides=solution.strides,
            padding=solution.padding,
            **({} if pool else {"dilation_rate": solution.dilation_rate}),
        )
        up = int(solution.rounding == "ceil")
        assert tuple(size + up for size in plan.output_shape[1:-1]) == row.output


def test_words_that_are_known_of_the_authors_code() -> None:
    """What the authors' own code pads is among the first three answers, where the sizes leave a choice."""
    known = [
        ((224, 112), {"kernel_size": 7, "strides": 2}, "half"),  # ResNet, GoogLeNet: pad 3 in Caffe
        ((27, 27), {"kernel_size": 5, "strides": 1}, "half"),  # AlexNet's conv2: pad 2
        ((224, 110), {"kernel_size": 7, "strides": 2}, 1),  # ZFNet: pad 1 in Caffe
        ((224, 112), {"kernel_size": 3, "strides": 2}, "same"),  # MobileNet: SAME in TensorFlow
        ((112, 56), {"kernel_size": 3, "strides": 2, "op": "max_pool"}, "valid"),  # GoogLeNet: rounded up in Caffe
        ((572, 570), {"kernel_size": 3, "strides": 1}, "valid"),  # U-Net
        ((4, 8), {"kernel_size": 4, "strides": 2, "op": "conv_transpose"}, 1),  # DCGAN in PyTorch's examples
    ]
    for sizes, options, padding in known:
        first = convpad.solve(*sizes, **options)[:3]
        spellings = [
            {*solution.words, solution.padding, *(pair[0] for pair in solution.pads if len({*pair}) == 1)}
            for solution in first
        ]
        assert any(padding in words for words in spellings), (sizes, padding)


def test_wavenets_receptive_field() -> None:
    [network] = [network for network in NETWORKS if network.rank == 1]
    assert 1 + sum(row.solutions[0].pads[0][0] for row in network.solved() if row.solutions) == 1024


def test_the_page_says_what_is_found() -> None:
    assert page(TEXT) == TEXT, "python tests/support/networks.py writes it again"


def test_that_a_stale_page_is_noticed() -> None:
    stale = TEXT.replace("227", "228")
    assert stale != TEXT
    assert page(stale) != stale
    assert TEXT.count(START) == TEXT.count(END) == 1
    assert page(f"{START}old\n{END}").count("### ") == len(NETWORKS) == 13


def test_the_code_of_the_page() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        test = doctest.DocTestParser().get_doctest(block, {}, "solve", "solve.md", 0)
        assert failures(test, doctest.NORMALIZE_WHITESPACE) == ""
