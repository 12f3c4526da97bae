"""Base classes of the layers: a parsed padding with its config and trained values, and an operation without shapes.

They are mixed in before one of Keras's layers. They take the arguments of that layer's constructor as they are, keep
`padding` from it, and leave the rest to Keras.
"""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import Any, ClassVar

import keras

from convpad.core.errors import ShapeError
from convpad.core.operation import Operation
from convpad.core.padding import Learned, Padding
from convpad.core.problem import Problem, make_problem
from convpad.keras import config
from convpad.ops.plan import Plan
from convpad.ops.run import plan_of, run

__all__ = ["PaddingLayer", "WindowLayer", "registered"]

_problem_of = lru_cache(maxsize=1024)(make_problem)  # Keras asks for the output's shape again and again

registered = keras.saving.register_keras_serializable(package="convpad")


class PaddingLayer(keras.layers.Layer):
    """A layer with a padding. A subclass says its `rank`, the number of spatial axes, and its operation."""

    op: str
    rank: int
    data_format: str
    operation: Operation
    kernel_names: ClassVar[dict[str, int]] = {}
    """The names of the kernels, each with the number of its last axes that are those of the outputs."""

    def _bound(self, *args: Any, **kwargs: Any) -> tuple[inspect.BoundArguments, Any]:
        """Return the arguments of Keras's constructor by name, and the `padding` among them."""
        bound = inspect.signature(super().__init__).bind(*args, **kwargs)
        return bound, bound.arguments.get("padding", bound.signature.parameters["padding"].default)

    def _keep(self, padding: Padding) -> None:
        """Keep a padding, once Keras's constructor has set all other attributes."""
        self.padding, self.padding_mode = padding.spelling()
        self.operation = Operation.parse(self.op, self.rank, padding=padding, **self._options())
        self.padding_values: list[Any] = []
        self._constants = padding.values
        values = [value for pair in padding.values for value in pair if isinstance(value, Learned)]
        self._learned = list({id(value): value for value in values}.values())

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
                initializer=keras.initializers.get(entry.initializer),
            )
            for number, entry in enumerate(self._learned)
        ]

    def _values(self, inputs: Any) -> Any:
        """Return the constants of the padding, the trained ones as tensors of the inputs' dtype."""
        dtype = keras.backend.standardize_dtype(inputs.dtype)
        trained = zip(self._learned, self.padding_values, strict=True)
        tensors = {id(entry): keras.ops.cast(value, dtype) for entry, value in trained}
        return tuple(tuple(tensors.get(id(value), value) for value in pair) for pair in self._constants)

    def _run(self, inputs: Any, *kernels: Any) -> Any:
        values = self._values(inputs) if self.padding_values else self._constants
        return run(self.operation, values, (inputs, *kernels))

    def get_config(self) -> dict[str, Any]:
        """Return Keras's config and `padding_mode`, as JSON can have them."""
        padding = {"padding": self.padding, "padding_mode": config.to_config(self.padding_mode)}
        return {**super().get_config(), **padding}

    @classmethod
    def from_config(cls, config_of_layer: dict[str, Any]) -> Any:
        """Return the layer of a config of this class, or of the Keras layer that it stands for."""
        options = dict(config_of_layer)
        if "padding_mode" in options:
            options["padding_mode"] = config.from_config(options["padding_mode"])
        return super().from_config(options)


class WindowLayer(PaddingLayer):
    """A layer whose operation has a window, in the place of Keras's layer of that name."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Show editors and `help` the signature of Keras's constructor, and `padding_mode`."""
        super().__init_subclass__(**kwargs)
        _, *shown = inspect.signature(cls.__init__).parameters.values()
        if shown and shown[0].kind is inspect.Parameter.VAR_POSITIONAL:  # else it is a constructor of its own
            _, *theirs = inspect.signature(super().__init__).parameters.values()
            shown = [*theirs[:-1], shown[1], theirs[-1]] if len(shown) > 1 else theirs
        cls.__signature__ = inspect.Signature(shown)

    def __init__(self, *args: Any, padding_mode: Any = "zeros", **kwargs: Any) -> None:
        bound, padding = self._bound(*args, **kwargs)
        parsed = config.parse(padding, padding_mode, self.rank)
        # Keras's constructors know a few words only, and refuse or keep what else they get.
        bound.arguments["padding"] = "valid"
        super().__init__(*bound.args, **bound.kwargs)
        self._keep(parsed)

    def plan(self, input_shape: Any) -> Plan:
        """Return how this layer would compute an input of that shape on Keras's backend, and why so.

        Raises:
            ShapeError: it would refuse such an input.
        """
        shapes = tuple(input_shape), *self._kernel_shapes(self._channels(input_shape))
        return plan_of(self.operation, keras.config.backend(), *shapes)
