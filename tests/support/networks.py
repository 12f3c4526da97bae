"""Sizes of published networks, as printed, and the page of the documentation made of them.

Only what a paper prints is in a table: `?` is what it leaves out, `valid` where nothing is said to be padded.
`python tests/support/networks.py` writes the answers into docs/solve.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import convpad
from convpad.display.text import to_text
from convpad.solver.chain import Chain

PAGE = Path(__file__).parents[2] / "docs" / "solve.md"
START, END = "<!-- answers: python tests/support/networks.py -->\n", "<!-- end of answers -->\n"


@dataclass(frozen=True)
class Network:
    """One table of a paper.

    Args:
        name: of the network.
        source: authors, year, where it was published, and which table or figure has the sizes.
        table: what it prints.
        paddings: of each layer, as the likeliest solution says it; None where no padding explains the row.
        remark: what to know of it.
        meant: where a row is impossible, the reading that its authors' code or later papers bear out.
        rank: spatial axes.
    """

    name: str
    source: str
    table: str
    paddings: tuple[object, ...]
    remark: str = ""
    meant: tuple[str, ...] = ()
    rank: int = 2

    def solved(self) -> Chain:
        return convpad.solve_chain(self.table, rank=self.rank)


VGG = "\n".join(
    [
        "name op size kernel stride padding",
        "image - 224",
        *(
            row
            for block, convolutions in ((1, 2), (2, 2), (3, 3), (4, 3), (5, 3))
            for row in (
                *(f"conv{block}_{place} conv ? 3 1 1" for place in range(1, convolutions + 1)),
                f"pool{block} pool {7 if block == 5 else '?'} 2 2 ?",
            )
        ),
    ]
)

UNET = """
name   op              size  kernel  stride
image  -               572
conv1  conv            570   3       1
conv2  conv            568   3       1
pool1  pool            284   2       2
conv3  conv            282   3       1
conv4  conv            280   3       1
pool2  pool            140   2       2
conv5  conv            138   3       1
conv6  conv            136   3       1
pool3  pool            68    2       2
conv7  conv            66    3       1
conv8  conv            64    3       1
pool4  pool            32    2       2
conv9  conv            30    3       1
conv10 conv            28    3       1
up1    conv_transpose  56    2       2
conv11 conv            54    3       1
conv12 conv            52    3       1
up2    conv_transpose  104   2       2
conv13 conv            102   3       1
conv14 conv            100   3       1
up3    conv_transpose  200   2       2
conv15 conv            198   3       1
conv16 conv            196   3       1
up4    conv_transpose  392   2       2
conv17 conv            390   3       1
conv18 conv            388   3       1
last   conv            388   1       1
"""

NETWORKS = (
    Network(
        "LeNet-5",
        "LeCun, Bottou, Bengio, Haffner 1998, Proceedings of the IEEE 86(11), figure 2",
        """
        name   op    size  kernel  stride
        input  -     32
        C1     conv  28    5       1
        S2     pool  14    2       2
        C3     conv  10    5       1
        S4     pool  5     2       2
        C5     conv  1     5       1
        """,
        ("valid",) * 5,
    ),
    Network(
        "AlexNet, as printed",
        "Krizhevsky, Sutskever, Hinton 2012, NIPS 25, figure 2 and section 3.5; no padding is mentioned",
        """
        name   op    size  kernel  stride  padding
        image  -     224
        conv1  conv  55    11      4       valid
        pool1  pool  27    3       2       valid
        conv2  conv  27    5       1       ?
        pool2  pool  13    3       2       valid
        conv3  conv  13    3       1       ?
        conv4  conv  13    3       1       ?
        conv5  conv  13    3       1       ?
        """,
        (None, "valid", "same", "valid", "same", "same", "same"),
        "224 with kernel 11 and stride 4 gives 54. 55 needs at least 3 values more: an image of 227, as Caffe has it, "
        "or padding of 1 and 2. Padding of 2 and 2, as torchvision has it, leaves one value unread.",
        meant=("input 227", "padding (1, 2) or (2, 1)", "padding 2"),
    ),
    Network(
        "ZFNet",
        "Zeiler, Fergus 2013, arXiv:1311.2901, figure 3",
        """
        name   op    size  kernel  stride
        image  -     224
        conv1  conv  110   7       2
        pool1  pool  55    3       2
        conv2  conv  26    5       2
        pool2  pool  13    3       2
        conv3  conv  13    3       1
        conv4  conv  13    3       1
        conv5  conv  13    3       1
        pool5  pool  6     3       2
        """,
        (1, "valid", "valid", "valid", "same", "same", "same", "valid"),
        "The first two pools round up, or pad one value after.",
    ),
    Network(
        "OverFeat, fast",
        "Sermanet et al. 2013, arXiv:1312.6229, table 1 (its row 'spatial input size')",
        """
        name   op    in   kernel  stride  padding
        conv1  conv  231  11      4       valid
        pool1  pool  ?    2       2       valid
        conv2  conv  24   5       1       valid
        pool2  pool  ?    2       2       valid
        conv3  conv  12   3       1       1
        conv4  conv  12   3       1       1
        conv5  conv  12   3       1       1
        pool5  pool  ?    2       2       valid
        full6  conv  6    6       1       valid
        full7  conv  1    1       1       valid
        """,
        ("valid", None, "valid", None, "same", "same", "same", "valid", "valid", "valid"),
        "231 becomes 56, then 28. The 24 printed as the input of layer 2 is what its convolution gives: with 28 there, "
        "everything agrees.",
        meant=("output 28",),
    ),
    Network(
        "OverFeat, accurate",
        "Sermanet et al. 2013, arXiv:1312.6229, table 3",
        """
        name   op    in   kernel  stride  padding
        conv1  conv  221  7       2       valid
        pool1  pool  ?    3       3       valid
        conv2  conv  36   7       1       valid
        pool2  pool  ?    2       2       valid
        conv3  conv  15   3       1       1
        conv4  conv  15   3       1       1
        conv5  conv  15   3       1       1
        conv6  conv  15   3       1       1
        pool6  pool  ?    3       3       valid
        full7  conv  5    5       1       valid
        """,
        ("valid", "valid", "valid", "valid", "same", "same", "same", "same", "valid", "valid"),
    ),
    Network(
        "VGG-16",
        "Simonyan, Zisserman 2014, arXiv:1409.1556, table 1 and section 2.1; sizes between 224 and 7 are not printed",
        VGG,
        ("same",) * 2 + ("valid",) + ("same",) * 2 + ("valid",) + (("same",) * 3 + ("valid",)) * 3,
        "224, 112, 56, 28, 14 and 7 follow.",
    ),
    Network(
        "GoogLeNet",
        "Szegedy et al. 2014, arXiv:1409.4842, table 1; Inception modules keep the size",
        """
        name       op            size         kernel
        image      -             224x224x3
        conv1      conv          112x112x64   7x7/2
        pool1      max_pool      56x56x64     3x3/2
        conv2      conv          56x56x192    3x3/1
        pool2      max_pool      28x28x192    3x3/2
        pool3      max_pool      14x14x480    3x3/2
        pool4      max_pool      7x7x832      3x3/2
        pool5      average_pool  1x1x1024     7x7/1
        """,
        ("same", "valid", "same", "valid", "valid", "valid", "valid"),
        "Caffe's model has 3 on both sides of the first convolution, and its pools round up.",
    ),
    Network(
        "ResNet-50",
        "He, Zhang, Ren, Sun 2015, arXiv:1512.03385, table 1; inside the blocks only the 1x1 that begin conv3, "
        "conv4 and conv5 change the size",
        """
        name     op            size  kernel  stride
        image    -             224
        conv1    conv          112   7       2
        pool1    max_pool      56    3       2
        conv2_x  conv          56    3       1
        conv3_1  conv          28    1       2
        conv4_1  conv          14    1       2
        conv5_1  conv          7     1       2
        pool5    average_pool  1     7       1
        """,
        ("same", "valid", "same", "valid", "valid", "valid", "valid"),
        "The sizes cannot tell 'same' from 'half' in conv1: PyTorch and the authors' Caffe model pad 3 and 3, "
        "TensorFlow's 'same' 2 and 3.",
    ),
    Network(
        "U-Net",
        "Ronneberger, Fischer, Brox 2015, arXiv:1505.04597, figure 1",
        UNET,
        ("valid",) * 27,
        "Nothing is padded anywhere, which is why 572 becomes 388.",
    ),
    Network(
        "DCGAN's generator",
        "Radford, Metz, Chintala 2015, arXiv:1511.06434, figure 1",
        """
        name   op              size  kernel  stride
        z      -               4
        conv1  conv_transpose  8     5       2
        conv2  conv_transpose  16    5       2
        conv3  conv_transpose  32    5       2
        conv4  conv_transpose  64    5       2
        """,
        ("same",) * 4,
        "PyTorch writes it differently: 2 on both sides, and an output_padding of 1.",
    ),
    Network(
        "Inception v3, as printed",
        "Szegedy, Vanhoucke, Ioffe, Shlens, Wojna 2015, arXiv:1512.00567, table 1: padding only where it is marked",
        """
        name    op    size         kernel  padding
        image   -     299x299x3
        conv1   conv  149x149x32   3x3/2   valid
        conv2   conv  147x147x32   3x3/1   valid
        conv3   conv  147x147x64   3x3/1   same
        pool3   pool  73x73x64     3x3/2   valid
        conv4   conv  71x71x80     3x3/1   valid
        conv5   conv  35x35x192    3x3/2   valid
        conv6   conv  35x35x288    3x3/1   valid
        """,
        ("valid", "valid", "same", "valid", "valid", "valid", None),
        "The sixth convolution is not marked as padded and yet keeps 35. Unpadded it would give 33.",
        meant=("padding 'same'",),
    ),
    Network(
        "SqueezeNet, as printed",
        "Iandola et al. 2016, arXiv:1602.07360, table 1; fire modules keep the size; no padding is mentioned",
        """
        name      op            size         kernel  padding
        image     -             224x224x3
        conv1     conv          111x111x96   7x7/2   valid
        maxpool1  max_pool      55x55x96     3x3/2   valid
        maxpool4  max_pool      27x27x256    3x3/2   valid
        maxpool8  max_pool      13x13x512    3x3/2   valid
        conv10    conv          13x13x1000   1x1/1   valid
        avgpool10 average_pool  1x1x1000     13x13/1 valid
        """,
        (None, "valid", "valid", "valid", "valid", "valid"),
        "224 with kernel 7 and stride 2 gives 109. The authors' Caffe model reads 227.",
        meant=("input 227", "padding (1, 2) or (2, 1)", "padding 2"),
    ),
    Network(
        "WaveNet's causal stack",
        "van den Oord et al. 2016, arXiv:1609.03499, section 2.1 and figure 3: dilations 1, 2, 4, ..., 512, as long "
        "as its input (here 16,000 samples, one second)",
        "\n".join(
            [
                "name size kernel stride dilation padding",
                "audio 16000",
                *(f"by{2**n} 16000 2 1 {2**n} causal" for n in range(10)),
            ]
        ),
        ("causal",) * 10,
        "The amounts before add up to 1,023: a receptive field of 1,024, as the paper has it.",
        rank=1,
    ),
)
"""The table of published networks."""


def answers() -> str:
    """The part of the page that is made."""
    parts: list[str] = []
    for network in NETWORKS:
        parts += [f"### {network.name}", "", fill(f"{network.source}.", 120), ""]
        parts += ["```", to_text(network.solved().to_table(), None), "```", ""]
        parts += [fill(network.remark, 120), ""] if network.remark else []
    return "\n".join(parts)


def page(text: str) -> str:
    """The page with the answers put in."""
    pattern = f"(?<={re.escape(START)}).*(?={re.escape(END)})"
    return re.sub(pattern, lambda _: f"\n{answers()}\n", text, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
