"""Measured thresholds: when each route and each CPU kernel pays, with the command that measured it.

Every number that was found by timing stands in this file, and nowhere else. A device that nobody measured has no rows:
there the padded tensor is made and convolved, as one would write it by hand, and the plan says so.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

from convpad.core.errors import refuse


def _layers(backend: str) -> str:
    return f"python -m benchmarks layers --backend {backend}"


@dataclass(frozen=True, slots=True)
class Threshold:
    """One measured number, named `"backend.what"`: what it decides, with its unit, and the command that shows it."""

    name: str
    value: int | float
    meaning: str
    command: str


_MEASURED: dict[str, dict[str, tuple[int | float, str]]] = {
    "jax": {
        "taps_padded": (9, "more taps than this are summed over a padded tensor"),
        "taps_per_stride": (4, "taps per step from which the padded tensor is made once"),
        "rows_at_once": (4, "rows of outputs summed at once for the gradient of a depthwise kernel"),
        "strips_min_values": (10_000, "values of an image from which a gradient in strips is worth 0.1 s to compile"),
        "strip_values": (250_000, "values of the outputs' gradient in one strip: half a processor's own 2 MiB"),
        "strips_at_once": (4, "strips handed to XLA at once"),
        "tap_min_channels": (16, "channels from which the gradient of a kernel is a product for each tap"),
        "taps_min_products": (60_000_000, "multiplications from which it is one"),
        "taps_max_vector_bits": (256, "bits of the processor's vectors up to which it is one"),
        "tap_strip_values": (125_000, "values of the outputs' gradient in one strip of such products"),
        "band_min_outputs": (8, "outputs of each band from which a convolution in bands is worth its compilation"),
        "bands_min_saving": (0.35, "share of the multiplications that bands must save"),
        "planes_min_places": (100, "places in a plane from which going by planes is worth 0.1 to 0.4 s of compilation"),
        "extra_row_min_filters": (24, "filters from which YNNPACK leaves threads idle"),
        "extra_row_max_filters": (127, "filters up to which YNNPACK leaves threads idle"),
        "extra_row_max_columns": (6_000, "columns times filters up to which a row of outputs has few tiles"),
        "extra_row_min_products": (60_000_000, "multiplications from which idle threads are worth a row"),
        "extra_row_max_share": (1 / 8, "share of the outputs that rows to spare may be"),
        "extra_column_min_products": (5_000_000, "multiplications from which a column makes up for its gradient's pad"),
        "groups_min_products": (200_000, "multiplications from which groups apart are worth 0.3 to 2 s to compile"),
        "group_max_products": (72, "products for an output up to which groups are small: summed one by one"),
        "stem_max_channels": (3, "channels up to which a convolution without groups may be a sum of products"),
        "stem_max_products": (36, "products for an output up to which it is one"),
        "products_at_once": (36, "products that XLA sums in one loop"),
        "merged_channels": (32, "channels up to which groups are merged for the gradient of a kernel"),
    },
    "torch": {
        "even_pads_max_share": (0.35, "share more outputs, to be dropped, that cost less than a padded copy"),
        "keep_bytes": (2 * 2**20, "bytes up to which a padded tensor is kept for the gradient instead of made again"),
        "remake_min_products": (400, "products of a padded value from which making it again costs under 5 %"),
        "fold_min_values": (2**20, "values of an input from which convpad's own gradient of a circle is faster"),
        "scale_parts_bytes": (2**20, "bytes from which only the outputs whose factor is not 1 are scaled"),
        "reorder_kernel_values": (2**18, "values of a kernel from which the order of its rows matters"),
        "reorder_filters": (256, "filters whose multiples put the rows of a kernel on the same cache lines"),
        "reorder_gap": (16, "values between the rows of such a kernel that set them apart"),
        "strips_min_values": (1_000_000, "values of an image from which a kernel's gradient is summed over strips"),
        "strips_min_kernels": (1024, "channels times filters from which strips are worth another memory order"),
        "strips_max_vector_bits": (256, "bits of the processor's vectors up to which strips are faster"),
        "strip_values": (200_000, "values of the input in one strip, from 100,000 to 400,000 alike"),
        "plain_kernel_values": (20_480, "values of one image up to which PyTorch leaves oneDNN out"),
    },
    "tensorflow": {
        "scale_parts_values": (2_000_000, "values from which only the outputs whose factor is not 1 are scaled"),
        "mirror_values": (200_000, "values of an image up to which a mirror has the gradient of tf.pad, one operation"),
        "merged_channels": (16, "channels up to which groups are merged for the gradient of a kernel"),
    },
}
"""(value, meaning) of every threshold, by backend."""

VECTOR_BITS = {"AVX512": 512, "X86_V4": 512, "AVX2": 256, "X86_V3": 256}
"""The vectors of the processors that were measured, by the names of NumPy's kernels up to 2.3 and from 2.4 on."""

_ROWS = {
    "jax.rows_at_once": " --row mobilenet-56-s1 --row convnext-56",
    "jax.tap_min_channels": " --row resnet-56 --row globe-181",
    "jax.taps_min_products": " --row resnet-56 --row resnext-28",
    "jax.taps_max_vector_bits": " --row resnet-56 --row vgg-224",
    "jax.tap_strip_values": " --row resnet-56 --row globe-181",
    "jax.band_min_outputs": " --row aspp-33-d12",
    "jax.bands_min_saving": " --row aspp-33-d6 --row aspp-33-d12",
    "jax.planes_min_places": " --row unet3d-64",
    "jax.groups_min_products": " --row resnext-28",
    "jax.group_max_products": " --row resnext-28 --row resnext-14",
    "jax.merged_channels": " --row resnext-28 --row resnext-14",
    "jax.products_at_once": " --row resnext-28",
    "jax.stem_max_channels": " --row stem-320",
    "jax.stem_max_products": " --row stem-320 --row resnet-224",
    "tensorflow.mirror_values": " --row mobilenet-14-s1 --row mobilenet-56-s1 --mode reflect",
    "torch.strips_min_values": " --row vgg-224 --row globe-181 --row resnet-56",
    "torch.strips_min_kernels": " --row vgg-224 --row globe-181 --row resnet-224 --row stem-320",
    "torch.strips_max_vector_bits": " --row vgg-224 --row globe-181",
    "torch.strip_values": " --row vgg-224 --row globe-181",
    "tensorflow.merged_channels": " --row resnext-28 --row resnext-14",
}
"""The row of the benchmark that shows a threshold, where not every row does."""

_COMMANDS = {"torch.remake_min_products": "python -m benchmarks remake --backend torch"}
"""The command that shows a threshold, where it is another one than the layers'."""

THRESHOLDS: dict[str, Threshold] = {
    f"{backend}.{name}": Threshold(
        f"{backend}.{name}",
        *row,
        _COMMANDS.get(f"{backend}.{name}") or _layers(backend) + _ROWS.get(f"{backend}.{name}", ""),
    )
    for backend, rows in _MEASURED.items()
    for name, row in rows.items()
}
"""Every measured number by name."""


@dataclass(frozen=True, slots=True)
class Preference:
    """One finding: where a route is faster than the routes after it.

    Args:
        route: the name of the route.
        backend, device: where it was measured.
        reason: the finding, in a few words.
        command: the command that shows it.
        gradient: True for calls that are differentiated, False for those that are not, None for both.
        eager: True for calls outside of a graph, False for calls inside, None for both.
        ops: the operations it was measured for; none named is every one.
        max_halo_share: largest share of the multiplications that the padding may take.
        min_size_per_side: values of the input, for each side that is padded with more than zeros; no size may be open.
        not_for_growth: not where the outputs hold more values than the input: beside the convolution of a few channels
            into many, a padded copy of the input is little.
        only_constants: whether no side may copy from the input.
        only_ungrouped: not for groups: what the border adds would be as many operations more for every group, each of
            which XLA compiles (2 to 3 times as long in all), and slow ones where they are small.
        unless_padded_is_faster: not for a padded tensor that is one gather, or is read by many taps.
    """

    route: str
    backend: str
    device: str
    reason: str
    command: str
    gradient: bool | None = None
    eager: bool | None = None
    ops: tuple[str, ...] = ()
    max_halo_share: float = 1.0
    min_size_per_side: int = 0
    not_for_growth: bool = False
    only_constants: bool = False
    only_ungrouped: bool = False
    unless_padded_is_faster: bool = False


def _correction(backend: str, reason: str, **fits: Any) -> Preference:
    return Preference("correction", backend, "cpu", reason, _layers(backend), **fits)


_ungrouped = partial(_correction, only_ungrouped=True)
_DEPTHWISE = ("depthwise_conv", "separable_conv")
_LINEAR = ("conv", "average_pool")
_TAPS = "a sum over few taps is corrected faster than its input is padded"
_FEW = "few outputs meet the border, and what it adds is computed apart"
_COPY = "the gradient of a padded tensor is a copy more"
_LARGE = "what the border adds is computed faster than a copy as large is padded"

PREFERENCES = (
    _correction("jax", _TAPS, gradient=False, ops=_DEPTHWISE, unless_padded_is_faster=True),
    _correction("jax", _COPY, gradient=True, ops=_DEPTHWISE),
    _ungrouped("jax", _FEW, ops=_LINEAR, only_constants=True, max_halo_share=0.06),
    _ungrouped("jax", _FEW, ops=_LINEAR, max_halo_share=0.03),
    _ungrouped("jax", _COPY, gradient=True, ops=("conv",), only_constants=True, max_halo_share=0.25),
    _ungrouped("jax", _COPY, gradient=True, ops=("conv",), max_halo_share=0.12),
    _correction("torch", _LARGE, ops=("conv",), min_size_per_side=500_000, not_for_growth=True),
    _correction("tensorflow", _LARGE, eager=False, ops=("conv",), min_size_per_side=500_000),
)
"""Where a route was found faster than the padded tensor, best first."""

LIMITS: dict[str, Any] = {name: row.value for name, row in THRESHOLDS.items()}
"""The values in force, by name: read by subscript, as every eager call asks for some."""


class State:
    """The switch of the CPU kernels, the numbers of `portable_pads` and `low_memory` blocks entered, the preferences in
    force, and a number that changes with every replacement.
    """

    cpu_kernels: bool = True
    portable_pads: int = 0
    low_memory: int = 0
    preferences: tuple[Preference, ...] = PREFERENCES
    version: int = 0

    def is_measured(self, backend: str, device: str) -> bool:
        """Return whether any route was measured on a device."""
        return any((row.backend, row.device) == (backend, device) for row in self.preferences)


STATE = State()
_LOCK = Lock()


@contextmanager
def entered(name: str) -> Generator[None]:
    """Count a block as entered: `name` is the attribute of `STATE` that counts it."""
    _count(name, 1)
    try:
        yield
    finally:
        _count(name, -1)


def _count(name: str, step: int) -> None:
    with _LOCK:  # blocks of several threads may end in any order
        setattr(STATE, name, getattr(STATE, name) + step)
        STATE.version += 1


@contextmanager
def replace(
    *, cpu_kernels: bool | None = None, preferences: Iterable[Preference] | None = None, **limits: int | float
) -> Generator[None]:
    """Change thresholds within a `with` block; `cpu_kernels=False` leaves every convolution to the framework's own.

    Example:

    >>> from convpad import tuning
    >>> with tuning.replace(cpu_kernels=False, torch_keep_bytes=0):
    ...     tuning.STATE.cpu_kernels, tuning.LIMITS["torch.keep_bytes"]
    (False, 0)

    Args:
        cpu_kernels: whether convpad's own CPU kernels may be used.
        preferences: the routes that are preferred, best first, instead of `PREFERENCES`.
        **limits: new values by name, with an underscore in the place of the dot.

    Raises:
        PaddingError: there is no threshold of that name.
    """
    changed = {name.replace("_", ".", 1): value for name, value in limits.items()}
    for name in changed:
        if name not in THRESHOLDS:
            raise refuse(name.replace(".", "_", 1), f"be one of {', '.join(THRESHOLDS)}", changed[name])
    limits_before, kernels_before, preferences_before = dict(LIMITS), STATE.cpu_kernels, STATE.preferences
    LIMITS.update(changed)
    STATE.cpu_kernels = kernels_before if cpu_kernels is None else cpu_kernels
    STATE.preferences = preferences_before if preferences is None else tuple(preferences)
    STATE.version += 1
    try:
        yield
    finally:
        LIMITS.update(limits_before)
        STATE.cpu_kernels, STATE.preferences = kernels_before, preferences_before
        STATE.version += 1
