"""Resized axes: which values each output is made of, and with which weights, in integers and fractions.

With half-pixel centres, output i of an axis stands at ``(i + 1/2) * step - 1/2`` on the input, a step being the inputs
per output. A step is a fraction ``inputs / outputs`` in lowest terms, so that outputs i and i + outputs have the same
weights: they are of one phase.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, isfinite
from numbers import Rational
from types import MappingProxyType
from typing import Any

from convpad.core.errors import ShapeError, closest, refuse
from convpad.core.operation import reads_channels_last
from convpad.core.padding import Learned, Padding
from convpad.core.validation import each, is_number, listed, per_axis


def _linear_weights(t: Any, coefficient: float) -> tuple[Any, ...]:
    return 1.0 - t, t


def _cubic_weights(t: Any, coefficient: float) -> tuple[Any, ...]:
    a, u = coefficient, 1.0 - t

    def near(d: Any) -> Any:
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d: Any) -> Any:
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    return far(1.0 + t), near(t), near(u), far(1.0 + u)


def _nearest_weights(t: Any, coefficient: float) -> tuple[Any, ...]:
    return (1.0,)


@dataclass(frozen=True, slots=True)
class Method:
    """One way to compute a value between others.

    Args:
        name: convpad's word for it.
        taps: the number of values that an output is made of.
        weights: `(t, cubic_coefficient) -> weights` of these values, where the output stands t after the middle one of
            them, the first of two; written with operators alone, so that t may be an array.
        aliases: other words for it.
    """

    name: str
    taps: int
    weights: Callable[[Any, float], tuple[Any, ...]]
    aliases: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[Callable[[str], Method], tuple[str]]:
        return method_named, (self.name,)


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        method.name: method
        for method in (
            Method("nearest", 1, _nearest_weights, ("nearest-exact",)),
            Method("linear", 2, _linear_weights, ("bilinear", "trilinear")),
            Method("cubic", 4, _cubic_weights, ("bicubic", "tricubic")),
        )
    }
)
"""Every method by name."""

_WORDS = {word: method for method in METHODS.values() for word in (method.name, *method.aliases)}


def method_named(word: Any) -> Method:
    """Return the method of that name, or refuse."""
    if isinstance(word, str) and word in _WORDS:
        return _WORDS[word]
    mend = closest(word, _WORDS) if isinstance(word, str) else ""
    raise refuse("method", f"be one of {', '.join(map(repr, _WORDS))}", word, mend)


MOST_PHASES = 16
"""The phases that are computed one by one: for more of them a gather is one operation in the place of many."""

MOST_OPEN_PHASES = 4096
"""The phases of a scale whose positions are computed when a program runs, in 32 bits."""

CUBIC_COEFFICIENT = -0.5
"""The slope of `cubic` one value away, by Keys 1981, as in TensorFlow, Keras, JAX and Pillow; PyTorch's is -0.75."""


@dataclass(frozen=True, slots=True)
class Resize:
    """A resizing without shapes: its method, its padding modes, and the size or the scale of every spatial axis.

    Args:
        method: how values between others are computed.
        padding: the modes, and the values that they carry. Its amounts are the most that the method reads.
        sizes: the sizes of the outputs; None where they follow from the scales.
        scales: outputs per input, as a fraction `(outputs, inputs)` in lowest terms; None where they follow from the
            sizes.
        coefficient: the slope of `cubic` one value away.
        channels_last: whether the channels are the last axis, or the second.
    """

    method: Method
    padding: Padding
    sizes: tuple[int, ...] | None
    scales: tuple[tuple[int, int], ...] | None
    coefficient: float = CUBIC_COEFFICIENT
    channels_last: bool = True

    @classmethod
    def parse(
        cls,
        rank: int,
        size: Any = None,
        scale: Any = None,
        method: Any = "linear",
        padding_mode: Any = "replicate",
        cubic_coefficient: Any = CUBIC_COEFFICIENT,
        data_format: Any = "channels_last",
    ) -> Resize:
        """Read the arguments of `convpad.resize` for an input with `rank` spatial axes.

        Raises:
            PaddingError: an argument is wrong by itself.
        """
        if (size is None) == (scale is None):
            mend = "`size` is that of the output, `scale` how many outputs an input becomes."
            raise refuse("size", "be given, or `scale`, and not both", (size, scale), mend)
        known = method_named(method)
        if not (is_number(cubic_coefficient) and isfinite(cubic_coefficient)):
            raise refuse("cubic_coefficient", "be a number: -0.5, or PyTorch's -0.75", cubic_coefficient)
        padding = Padding.parse(known.taps // 2, padding_mode, rank=rank, has_window=False)
        for value in (value for pair in padding.values for value in pair):
            if isinstance(value, Learned):
                raise refuse("padding_mode", "carry its value here", value, "Give Constant(tensor).")
        return cls(
            known,
            padding,
            None if size is None else per_axis("size", size, rank),
            None if scale is None else _scales(scale, rank),
            float(cubic_coefficient),
            reads_channels_last(data_format),
        )

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return self.padding.rank


def _scales(scale: Any, rank: int) -> tuple[tuple[int, int], ...]:
    entries = listed(scale)
    if entries is None:
        return (as_fraction(scale),) * rank
    if len(entries) != rank:
        raise refuse("scale", f"be a number, or one {each(rank)}", scale)
    return tuple(as_fraction(entry) for entry in entries)


def as_fraction(scale: Any) -> tuple[int, int]:
    """Return a scale as the simplest fraction that it is the float of: 0.7 is 7/10."""
    if type(scale) is int and scale > 0:
        return scale, 1
    if not is_number(scale) or not isfinite(scale) or scale <= 0:
        raise refuse("scale", "be a finite number above 0", scale)
    if isinstance(scale, Rational):
        return int(scale.numerator), int(scale.denominator)
    exact = Fraction(float(scale))
    simple = exact.limit_denominator(4096)
    return (simple if float(simple) == float(scale) else exact).as_integer_ratio()


@dataclass(frozen=True, slots=True)
class ResizedAxis:
    """One axis that is resized: sizes, and the positions of its outputs.

    Args:
        size, output: the sizes of input and output; None where unknown.
        inputs, outputs: the step, inputs per output, as a fraction in lowest terms.
        method, coefficient: as of `Resize`.
    """

    size: int | None
    output: int | None
    inputs: int
    outputs: int
    method: Method
    coefficient: float

    @property
    def is_whole(self) -> bool:
        """Whether every output is an input: nothing is to be done."""
        return self.inputs == self.outputs and self.size == self.output

    def taps(self, output: Any) -> tuple[Any, tuple[Any, ...]]:
        """Return the first value of an output, which may lie outside the axis, and the weights from there on.

        `output` is an int, or an array of ints.
        """
        period = 2 * self.outputs
        if self.method.taps == 1:  # a tie is decided for the value after
            return (2 * output + 1) * self.inputs // period, self.method.weights(0.0, self.coefficient)
        place = (2 * output + 1) * self.inputs - self.outputs  # in units of 1 / period
        middle = place // period
        weights = self.method.weights((place - middle * period) / period, self.coefficient)
        return middle + 1 - self.method.taps // 2, weights

    def reach(self) -> tuple[int, int]:
        """Return how many values before and after the axis are read; at most, where sizes are unknown."""
        before = max(-self.taps(0)[0], 0)
        if self.size is None or self.output is None:
            return before, self.method.taps // 2
        return before, max(self.taps(self.output - 1)[0] + self.method.taps - self.size, 0)


def resized_axes(resize: Resize, input_shape: Iterable[int | None]) -> tuple[ResizedAxis, ...]:
    """Check a resizing against the shape of its input; return its axes.

    Raises:
        ShapeError: they do not fit.
    """
    shape = tuple(input_shape)
    if len(shape) != resize.rank + 2:
        raise ShapeError(
            f"The input must have {resize.rank + 2} axes: batch, {resize.rank} spatial and channels. Received: "
            f"shape {shape}."
        )
    resize.padding.check_channels(shape[-1] if resize.channels_last else shape[1])
    sizes = shape[1:-1] if resize.channels_last else shape[2:]
    return tuple(_resized_axis(resize, axis, size) for axis, size in enumerate(sizes))


def _resized_axis(resize: Resize, axis: int, size: int | None) -> ResizedAxis:
    if size == 0:
        raise ShapeError(f"An empty axis has no values to resize. Received: spatial axis {axis} of size 0.")
    output = resize.sizes[axis] if resize.sizes is not None else None
    if resize.scales is not None:
        outputs, inputs = resize.scales[axis]
        if output is None and size is not None:
            output = size * outputs // inputs
    elif size is None or output is None:
        raise ShapeError(
            f"A `size` needs an input whose size is known. Received: spatial axis {axis} of unknown size. "
            "Give `scale` instead."
        )
    else:
        common = gcd(size, output)
        inputs, outputs = size // common, output // common
    if output == 0:
        raise ShapeError(
            f"Every axis must keep at least one value. Received: spatial axis {axis} of size {size} with a scale of "
            f"{outputs / inputs:.6g}."
        )
    return ResizedAxis(size, output, inputs, outputs, resize.method, resize.coefficient)
