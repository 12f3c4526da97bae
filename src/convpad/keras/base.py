"""What do all layers of convpad share? A parsed padding, its config, its trained values, its plan.

The classes here are mixed in before one of Keras's layers. They take the arguments of that layer's constructor as
they are, keep `padding` from it, and leave the rest to Keras.
"""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import keras

from convpad.core.errors import ShapeError
from convpad.keras import config as spelling
from convpad.ops.dispatch import plan
from convpad.ops.plan import Plan

__all__ = ["Padded", "Windowed", "registered"]

registered = keras.saving.register_keras_serializable(package="convpad")


class Padded(keras.layers.Layer):
    """A layer with a padding. `rank`, the number of spatial axes, is its subclass's to say."""

    rank: int
    data_format: str
    _kernels: ClassVar[dict[str, int]] = {}
    """By name; how many of the last axes tell what comes out."""

    def _bound(self, *args: Any, **kwargs: Any) -> tuple[inspect.BoundArguments, Any]:
        """The arguments of Keras's constructor by name, and the `padding` among them."""
        bound = inspect.signature(super().__init__).bind(*args, **kwargs)
        return bound, bound.arguments.get("padding", bound.signature.parameters["padding"].default)

    def _keep(self, padding: Any, padding_mode: Any) -> None:
        self.padding, self.padding_mode = padding, padding_mode
        self.padding_values: list[Any] = []
        # What is wrong whatever the sizes are is refused here, in the constructor.
        self.compute_output_shape((None,) * (self.rank + 2))

    def _channels(self, input_shape: Any) -> int | None:
        if len(input_shape) != self.rank + 2:
            raise ShapeError(
                f"An input of {type(self).__name__} must have {self.rank + 2} axes: batch, {self.rank} spatial and "
                f"channels. Received: shape {tuple(input_shape)}. Add missing axes, of size 1, or fold others into the "
                "batch."
            )
        return input_shape[-1 if self.data_format == "channels_last" else 1]

    def build(self, input_shape: Any) -> None:
        """Keras's own weights first, so that they are where Keras has them; then the trained padding."""
        channels, wanted = self._channels(input_shape), spelling.learned(self.padding_mode)
        if channels is None and (self._kernels or wanted):
            raise ShapeError(
                "A layer with weights must know the number of channels. Received: an input of shape "
                f"{tuple(input_shape)}. Give keras.Input that number; the sizes may stay None."
            )
        self.compute_output_shape(input_shape)
        super().build(input_shape)
        self.padding_values = [
            self.add_weight(
                name=f"padding_value_{place}" if place else "padding_value",
                shape=(channels,),
                initializer=keras.initializers.get(entry.initializer),
            )
            for place, entry in enumerate(wanted)
        ]

    def _mode_for(self, inputs: Any) -> Any:
        """The padding mode with the trained values in their places."""
        if not self.padding_values:
            return self.padding_mode
        dtype = keras.backend.standardize_dtype(inputs.dtype)
        return spelling.with_values(self.padding_mode, [keras.ops.cast(value, dtype) for value in self.padding_values])

    def get_config(self) -> dict[str, Any]:
        """Keras's config and `padding_mode`, as JSON can have them."""
        padding = {"padding": self.padding, "padding_mode": spelling.to_config(self.padding_mode)}
        return {**super().get_config(), **padding}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer of a config of this class, or of the Keras layer that it stands for."""
        config = dict(config)
        if "padding_mode" in config:
            config["padding_mode"] = spelling.from_config(config["padding_mode"])
        return super().from_config(config)


class Windowed(Padded):
    """A padded layer with a window: it calls one of convpad's functions, and can say how that will compute."""

    op: str
    function: Callable[..., Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """The signature that editors and `help` show: Keras's own, and `padding_mode`."""
        super().__init_subclass__(**kwargs)
        _, *shown = inspect.signature(cls.__init__).parameters.values()
        if shown and shown[0].kind is inspect.Parameter.VAR_POSITIONAL:  # else it is a constructor of its own
            _, *theirs = inspect.signature(super().__init__).parameters.values()
            shown = [*theirs[:-1], shown[1], theirs[-1]] if len(shown) > 1 else theirs
        cls.__signature__ = inspect.Signature(shown)

    def __init__(self, *args: Any, padding_mode: Any = "zeros", **kwargs: Any) -> None:
        bound, padding = self._bound(*args, **kwargs)
        spelled = spelling.canonical(padding, padding_mode, self.rank)
        # Keras's constructors know a few words only, and refuse or keep what else they get.
        bound.arguments["padding"] = "valid"
        super().__init__(*bound.args, **bound.kwargs)
        self._keep(*spelled)

    def _window(self, channels: int | None) -> Any:
        """What `convpad.plan` takes as its second argument: the kernel's shape, or the pool's size."""
        raise NotImplementedError

    def _options(self) -> dict[str, Any]:
        """The other arguments of the function."""
        raise NotImplementedError

    def plan(self, input_shape: Any) -> Plan:
        """How this layer would compute an input of that shape on Keras's backend, and why so.

        Raises:
            ShapeError: it would refuse such an input.
        """
        return plan(
            tuple(input_shape),
            self._window(self._channels(input_shape)),
            op=self.op,
            padding=self.padding,
            padding_mode=self.padding_mode,
            backend=keras.config.backend(),
            **self._options(),
        )

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The shape of what comes out, None where unknown."""
        return self.plan(input_shape).output_shape

    def _answer(self, inputs: Any, *window: Any) -> Any:
        """The function on the inputs and the kernels, or the pool's size."""
        mode = self._mode_for(inputs)
        return self.function(inputs, *window, padding=self.padding, padding_mode=mode, **self._options())
