"""Base classes of the layers: a parsed padding with its config and trained values, an operation, and kernels.

They are mixed in before one of Keras's layers. They take the arguments of that layer's constructor as they are, keep
`padding` from it, and leave the rest to Keras.
"""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import inspect
from functools import lru_cache
from reprlib import Repr
from typing import Any, ClassVar

import keras

from convpad.backends import NAMES, backend_named, tensors_of
from convpad.core.errors import ShapeError, refuse
from convpad.core.operation import Operation
from convpad.core.padding import DEFAULT_MODES, Padding
from convpad.core.problem import Problem, make_problem
from convpad.keras import config
from convpad.ops.plan import Plan
from convpad.ops.run import plan_of, run

_SHORT = Repr()
_SHORT.maxother = 60
"""Shows the modes of a layer, of a constant for each of many channels its beginning and its end."""

_problem_of = lru_cache(maxsize=1024)(make_problem)  # Keras asks for the output's shape again and again


def document_arguments(cls: type[Any]) -> type[Any]:
    """Append the docstring of a class's constructor to its own, for `help`, and return the class."""
    if cls.__doc__ and cls.__init__.__doc__:  # there are none under python -OO
        cls.__doc__ = f"{inspect.cleandoc(cls.__doc__)}\n\n{inspect.cleandoc(cls.__init__.__doc__)}"
    return cls


class PaddingLayer(keras.layers.Layer):
    """A layer with a padding.

    A class of a `rank`, the number of spatial axes, is a layer of its own: saved models know it by its name.
    """

    op: str
    rank: int
    data_format: str
    operation: Operation
    kernel_names: ClassVar[dict[str, int]] = {}
    """The names of the kernels, each with the number of its last axes that are those of the outputs."""

    def __init_subclass__(cls, *, rank: int | None = None, **kwargs: Any) -> None:
        """Register a class of a rank, and append the docstring of its constructor to its own.

        The constructors of the base classes document the arguments of all layers: here for `help`, there for editors.
        """
        super().__init_subclass__(**kwargs)
        if rank is None:
            return
        cls.rank = rank
        document_arguments(cls)
        keras.saving.register_keras_serializable(package="convpad")(cls)

    def _bind(self, *args: Any, **kwargs: Any) -> tuple[inspect.BoundArguments, Any]:
        """Return the arguments of Keras's constructor by name, and the `padding` among them."""
        bound = inspect.signature(super().__init__).bind(*args, **kwargs)
        return bound, bound.arguments.get("padding", bound.signature.parameters["padding"].default)

    def _set_padding(self, padding: Padding) -> None:
        """Set all that follows from a padding, once Keras's constructor has set the other attributes."""
        self.padding, self.padding_mode = padding.spelling()
        self.operation = Operation.parse(self.op, self.rank, padding=padding, **self._options())
        self.padding_values: list[Any] = []
        self._declared_values = padding.values
        self._learned = padding.learned
        # As in Keras, a layer without weights is built once it is made, unless a subclass has a `build` of its own.
        self.built = not self._learned and type(self).build is PaddingLayer.build

    def _options(self) -> dict[str, Any]:
        """Return the arguments of `Operation.parse` besides the padding."""
        return {"data_format": self.data_format}

    def _kernel_shapes(self, channels: int | None) -> tuple[Any, ...]:
        """Return the shapes of the kernels for an input with so many channels."""
        return ()

    def _channels(self, input_shape: Any) -> int | None:
        if len(input_shape) != self.rank + 2:
            raise ShapeError(
                f"An input of {type(self).__name__} must have {self.rank + 2} axes: batch, {self.rank} spatial and "
                f"channels. Received: shape {tuple(input_shape)}. Add missing axes, of size 1, or fold others into the "
                "batch."
            )
        return input_shape[-1 if self.data_format == "channels_last" else 1]

    def _problem(self, input_shape: Any) -> Problem:
        return _problem_of(self.operation, tuple(input_shape), *self._kernel_shapes(self._channels(input_shape)))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return the shape of the output, None where unknown."""
        return self._problem(input_shape).output_shape

    def build(self, input_shape: Any) -> None:
        """Make Keras's own weights first, so that they are where Keras has them; then the trained padding."""
        channels = self._channels(input_shape)
        if channels is None and (self.kernel_names or self._learned):
            raise ShapeError(
                "A layer with weights must know the number of channels. Received: an input of shape "
                f"{tuple(input_shape)}. Give keras.Input that number; the sizes may stay None."
            )
        self._problem(input_shape)
        super().build(input_shape)
        self.padding_values = [
            self.add_weight(
                name=f"padding_value_{number}" if number else "padding_value",
                shape=(channels,),
                initializer=keras.initializers.get(learned.initializer),
            )
            for number, learned in enumerate(self._learned)
        ]

    def _current_values(self, inputs: Any) -> Any:
        """Return the constants of the padding, the trained ones as tensors of the inputs' dtype."""
        dtype = keras.backend.standardize_dtype(inputs.dtype)
        weights = zip(self._learned, self.padding_values, strict=True)
        tensors = {id(learned): keras.ops.cast(weight, dtype) for learned, weight in weights}
        return tuple(tuple(tensors.get(id(value), value) for value in pair) for pair in self._declared_values)

    def _run(self, inputs: Any, *kernels: Any) -> Any:
        values = self._current_values(inputs) if self.padding_values else self._declared_values
        return run(self.operation, values, (inputs, *kernels))

    def get_config(self) -> dict[str, Any]:
        """Return Keras's config and `padding_mode`, as JSON can have them."""
        padding_mode = config.to_config(self.padding_mode)
        return {**super().get_config(), "padding": self.padding, "padding_mode": padding_mode}

    def __repr__(self) -> str:
        """Return Keras's line on a layer, with the padding in it."""
        line = super().__repr__()
        if not hasattr(self, "padding_mode"):  # Keras's constructor has not returned yet
            return line
        mode = _SHORT.repr(self.padding_mode)
        return f"{line.removesuffix('>')}, padding={self.padding!r}, padding_mode={mode}>"

    @classmethod
    def from_config(cls, config_of_layer: dict[str, Any]) -> Any:
        """Return the layer of a config of this class, or of Keras's class with its name."""
        options = dict(config_of_layer)
        if "padding_mode" in options:
            options["padding_mode"] = config.from_config(options["padding_mode"])
        return super().from_config(options)


class WindowLayer(PaddingLayer):
    """A layer whose operation has a window, in the place of Keras's layer of that name."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Show `help` and notebooks the arguments of Keras's constructor, and the keywords of the classes before it."""
        super().__init_subclass__(**kwargs)
        keywords: dict[str, inspect.Parameter] = {}
        for base in reversed(cls.__mro__):
            if issubclass(base, WindowLayer) and "__init__" in vars(base):
                for name, parameter in inspect.signature(base.__init__).parameters.items():
                    if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                        keywords[name] = parameter
        _, *parameters = inspect.signature(cls.__init__).parameters.values()
        if parameters and parameters[0].kind is inspect.Parameter.VAR_POSITIONAL:  # else it is a constructor of its own
            _, *keras_parameters, others = inspect.signature(super().__init__).parameters.values()
            parameters = [*keras_parameters, *keywords.values(), others]
        cls.__signature__ = inspect.Signature(parameters)

    def __init__(self, *args: Any, padding_mode: Any = "zeros", **kwargs: Any) -> None:
        """Make the layer from the arguments of Keras's layer with this name, in their order, and `padding_mode`.

        Args:
            padding: how much, as `convpad.conv` takes it: a word (`"valid"`, `"same"`, `"same_lower"`, `"half"`,
                `"full"`, `"causal"`), an int, or for each spatial axis a word, an int or a pair `(before, after)`.
            padding_mode: with what, as `convpad.conv` takes it: a mode's name, a number, `Constant` or `Learned`; or
                one for each spatial axis, or a pair of them `(before, after)`. Every `Learned` that is written
                becomes a trained weight `padding_value` of shape `(channels,)`.

        Raises:
            PaddingError: from the constructor, on every backend alike: no such padding.
            ShapeError: when built: it does not fit the input.

        Source: the layer with this name in https://keras.io/api/layers
        """
        bound, padding = self._bind(*args, **kwargs)
        is_default_mode = isinstance(padding_mode, str) and padding_mode in DEFAULT_MODES
        if "padding" not in bound.arguments and not is_default_mode:
            mend = "Give `padding='same'`, or an amount."
            raise refuse("padding", "be given with a `padding_mode`: its default pads nothing", padding, mend)
        parsed = config.parse(padding, padding_mode, self.rank)
        # Keras's constructors know a few words only, and refuse or keep what else they get.
        bound.arguments["padding"] = "valid"
        super().__init__(*bound.args, **bound.kwargs)
        self._set_padding(parsed)

    def plan(self, input_shape: Any) -> Plan:
        """Return how this layer would compute an input of that shape on Keras's backend, and why so.

        Raises:
            ShapeError: it would refuse such an input.
        """
        shapes = tuple(input_shape), *self._kernel_shapes(self._channels(input_shape))
        return plan_of(self.operation, keras.config.backend(), *shapes, dtype=self.compute_dtype)


class KernelLayer(WindowLayer):
    """A layer with kernels: inputs of the kernels' dtype, then bias and activation as in Keras."""

    kernel_names: ClassVar = {"kernel": 1}
    kernel_size: tuple[int, ...]

    def build(self, input_shape: Any) -> None:
        """Build Keras's layer, then reorder the memory of its kernels for the backend. Their shapes are Keras's."""
        super().build(input_shape)
        if keras.config.backend() in NAMES:
            backend = backend_named(keras.config.backend())
            for name, trailing_axes in self.kernel_names.items():
                backend.set_kernel_layout(lambda name=name: getattr(self, name).value, trailing_axes)

    @property
    def _output_is_unaliased(self) -> bool:
        """Whether nothing else holds the convolution's output, so that it may be overwritten."""
        return True

    def _options(self) -> dict[str, Any]:
        return {"strides": self.strides, "dilation_rate": self.dilation_rate, "data_format": self.data_format}

    def _convolve(self, inputs: Any) -> Any:
        return self._run_with_kernels(inputs, *(getattr(self, name) for name in self.kernel_names))

    def _run_with_kernels(self, inputs: Any, *kernels: Any) -> Any:
        # Not convert_to_tensor: on TensorFlow it leaves a Keras variable what it is.
        arrays = [inputs, *(kernel.value if isinstance(kernel, keras.Variable) else kernel for kernel in kernels)]
        dtype = arrays[1].dtype
        for number, array in enumerate(arrays):
            if getattr(array, "dtype", None) != dtype:
                arrays[number] = keras.ops.cast(array, keras.backend.standardize_dtype(dtype))
        return self._run(*arrays)

    def call(self, inputs: Any) -> Any:
        """Return the layer's output for a tensor of inputs."""
        outputs = self._convolve(inputs)
        if self.use_bias:
            # Not keras.ops.add: on TensorFlow it guesses where the channels are from the sizes, and takes the last
            # axis where that is as long as the bias, channels first or not (keras 3.15.1).
            after = () if self.data_format == "channels_last" else (None,) * self.rank
            bias = self.bias.value[(slice(None), *after)]
            backend = tensors_of(("x", "bias"), (outputs, bias))[0] if self._output_is_unaliased else None
            outputs = outputs + bias if backend is None else backend.add_bias(outputs, bias)
        return outputs if self.activation is None else self.activation(outputs)
