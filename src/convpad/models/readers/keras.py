"""Which windows does a Keras model have? Its config is walked, as `Model.get_config` gives it and files hold it.

Nothing of a config is deserialised: no class is looked up, no layer is made, no weight is allocated. Keras itself is
not needed to read a file. A layer that is not Keras's own is only read where the model is there, as an object.
"""

from __future__ import annotations

import json
import zipfile
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from convpad.core.errors import PaddingError, refuse
from convpad.core.validation import per_axis
from convpad.models.readers.hdf5 import root_attribute
from convpad.models.readers.keras_config import (
    PADS,
    WINDOWS,
    End,
    behind,
    built_for,
    ends_of,
    input_shape,
    itemsize_of,
    padding_of,
    rectified,
    started,
    tensors_of,
)
from convpad.models.readers.keras_safety import kind_of, owner_of, refuse_code
from convpad.models.readers.keras_shapes import SHAPES, STAYS_NONNEGATIVE
from convpad.models.tensor_info import Shape, Signal, checked_shape, window_of
from convpad.models.windows import PaddedWindow, Reading

__all__ = ["read_file", "read_model"]

LARGEST_CONFIG = 64 * 2**20
MOST_CALLS = 20_000

_MODELS = ("Functional", "Sequential", "Model")
_UNREAD = (
    *(f"ConvLSTM{rank}D" for rank in (1, 2, 3)),
    # What functions of `keras.ops` are written as.
    *("Pad", "Conv", "ConvTranspose", "DepthwiseConv", "SeparableConv", "MaxPool", "AveragePool"),
)


def read_file(path: Path, shapes: list[Shape] | None) -> Reading:
    """The windows of a `.keras` or `.h5` file."""
    text = _zipped(path) if path.suffix.lower() == ".keras" else _attribute(path)
    config = json.loads(text)
    if not isinstance(config, dict):
        raise PaddingError("Its config is not that of a Keras model.")
    # What it was compiled with is not read here, and is screened where it is.
    refuse_code({key: value for key, value in config.items() if key != "compile_config"})  # pyright: ignore
    return _Walk().reading(path.name, config, shapes)  # pyright: ignore[reportUnknownArgumentType]


def read_model(model: Any, shapes: list[Shape] | None) -> Reading:
    """The windows of a model that is there."""
    name = str(model.name)
    try:
        config = model.get_config()
    except NotImplementedError:
        config = None
    if not isinstance(config, dict) or "layers" not in config:
        raise PaddingError(
            f"The model {name!r} must be functional or Sequential, for its layers to be seen. Received: "
            f"{type(model).__name__}. Give keras.Model(inputs, model.call(inputs)) with inputs = keras.Input(shape)."
        )
    kind = "Sequential" if "Sequential" in {base.__name__ for base in type(model).__mro__} else "Functional"
    return _Walk().reading(name, {"class_name": kind, "config": config, "module": "keras"}, shapes)


def _zipped(path: Path) -> bytes:
    """The config in a `.keras` file, which is a zip file."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("config.json") as file:
            text = file.read(LARGEST_CONFIG + 1)
    except KeyError:
        raise PaddingError("There is no config.json in it, which every .keras file has.") from None
    if len(text) > LARGEST_CONFIG:
        raise PaddingError(f"Its config must be of at most {LARGEST_CONFIG:,} bytes.")
    return text


def _attribute(path: Path) -> bytes:
    """The config in an `.h5` file, where it is an attribute."""
    with path.open("rb") as file:
        found = root_attribute(file, "model_config", LARGEST_CONFIG)
    if found is None:
        raise PaddingError("There is no model in it; a file of weights alone does not say how they are used.")
    return found


class _Walk:
    """Follows every tensor through a config, layer by layer, call by call."""

    def __init__(self) -> None:
        self.windows: list[PaddedWindow] = []
        self.signals: list[Signal] = []
        self.followed: set[str] = set()
        self.unread: list[str] = []
        self.names: dict[str, int] = {}
        self.calls = 0

    def reading(self, source: str, entry: dict[str, Any], shapes: list[Shape] | None) -> Reading:
        given = None if shapes is None else [Signal(shape) for shape in shapes]
        self._layer(entry, "", given, shapes is None)
        loose = {pad.name: pad for signal in self.signals for pad in signal.pads if pad.name not in self.followed}
        return Reading(source, "keras", tuple(self.windows), tuple(loose.values()), tuple(dict.fromkeys(self.unread)))

    def _layer(
        self, entry: dict[str, Any], prefix: str, given: list[Signal] | None, hinted: bool, hint: Shape | None = None
    ) -> list[Signal]:
        """What one call of a layer gives; `given` is None where a model has its own inputs."""
        self.calls += 1
        if self.calls > MOST_CALLS:
            raise PaddingError(f"It must call its layers at most {MOST_CALLS:,} times.")
        kind, config = kind_of(entry), entry["config"]
        if not isinstance(kind, str) or not isinstance(config, dict):
            raise PaddingError("Its config is not that of a Keras model.")
        owner = owner_of(entry)
        ours = owner in ("keras", "convpad")
        name = prefix + str(config.get("name", kind))  # pyright: ignore
        if "layers" in config and (kind in _MODELS or not ours):
            inside = "" if self.calls == 1 else f"{name}/"
            return self._model(kind, config, inside, given, hinted)  # pyright: ignore
        signals = given or [Signal(None)]
        if ours and kind in WINDOWS:
            made = self._window(kind, self._counted(name), config, signals[0])  # pyright: ignore
        elif ours and kind in PADS:
            made = behind(kind, self._counted(name), config, signals[0])  # pyright: ignore
        elif kind in ("TimeDistributed", "SpectralNormalization") and ours:
            made = self._wrapped(kind, name, config, signals[0], hinted)  # pyright: ignore
        else:
            if not ours or kind == "Lambda" or kind in _UNREAD:
                self.unread.append(f"{name} ({kind})")
            made = self._other(kind, name, config, signals, hint if hinted else None)  # pyright: ignore
        self.signals.append(made)
        return [made]

    def _counted(self, name: str) -> str:
        """The name of a call: a layer that is called again is numbered."""
        count = self.names[name] = self.names.get(name, 0) + 1
        return name if count == 1 else f"{name} (call {count})"

    def _wrapped(self, kind: str, name: str, config: dict[str, Any], signal: Signal, hinted: bool) -> Signal:
        """A layer in another, which runs it for each step of time, or on other weights."""
        timed = kind == "TimeDistributed"
        shape = signal.shape
        inner = Signal(shape and (shape[0], *shape[2:]), itemsize=signal.itemsize) if timed else signal
        made = self._layer(config["layer"], f"{name}/", [inner], hinted)[0]
        if not timed or made.shape is None or shape is None:
            return Signal(None) if timed else made
        return Signal((made.shape[0], shape[1], *made.shape[1:]), (), made.nonnegative, made.itemsize)

    def _other(self, kind: str, name: str, config: dict[str, Any], signals: list[Signal], hint: Shape | None) -> Signal:
        shapes = [signal.shape for signal in signals if signal.shape is not None]
        rule = SHAPES.get(kind)
        itemsize = itemsize_of(config, signals[0].itemsize)
        if hint is not None:
            shape: Shape | None = hint
        elif rule is not None and len(shapes) == len(signals):
            shape = checked_shape(name, rule(config, shapes))
        else:
            shape = None
        stays = kind in STAYS_NONNEGATIVE and all(signal.nonnegative for signal in signals)
        pads = signals[0].pads if kind in ("Dropout", "Identity", "ActivityRegularization") else ()
        return Signal(shape, pads, stays or rectified(kind, config), itemsize)

    def _window(self, kind: str, name: str, config: dict[str, Any], signal: Signal) -> Signal:
        op, rank = WINDOWS[kind]
        pools = op in ("max_pool", "average_pool")
        kernel = per_axis(f"{name}.kernel_size", config["pool_size" if pools else "kernel_size"], rank)
        strides = config.get("strides", 1)
        strides = kernel if strides is None else per_axis(f"{name}.strides", strides, rank)
        last = config.get("data_format") != "channels_first"
        channels = signal.channels(rank, channels_last=last)
        filters = channels if pools else config.get("filters")
        if op == "depthwise_conv":
            filters = None if channels is None else channels * int(config.get("depth_multiplier", 1))
        window, made = window_of(
            signal,
            name,
            kind,
            op,
            padding_of(config, rank, "ignore" if pools else "zeros"),
            kernel=kernel,
            strides=strides,
            dilation=per_axis(f"{name}.dilation_rate", config.get("dilation_rate", 1), rank),
            groups=int(config.get("groups") or 1),
            filters=filters,
            channels_last=last,
            output_padding=config.get("output_padding"),
        )
        self.windows.append(window)
        self.followed |= {pad.name for pad in window.pads}
        nonnegative = made.nonnegative or rectified(kind, config)
        return Signal(made.shape, (), nonnegative, itemsize_of(config, signal.itemsize))

    def _model(
        self, kind: str, config: dict[str, Any], prefix: str, given: list[Signal] | None, hinted: bool
    ) -> list[Signal]:
        entries = config["layers"]
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):  # pyright: ignore
            raise PaddingError("Its config is not that of a Keras model.")
        if "input_layers" in config and kind != "Sequential":
            return self._functional(config, prefix, given, hinted)
        signals = given or [Signal(started(config))]
        for entry in entries:  # pyright: ignore[reportUnknownVariableType]
            if entry["class_name"] != "InputLayer":
                if given is None and hinted and signals[0].shape is None:
                    signals = [Signal(built_for(entry))]  # pyright: ignore[reportUnknownArgumentType]
                signals = self._layer(entry, prefix, signals, hinted)  # pyright: ignore
            elif given is None:
                signals = [Signal(input_shape(entry))]  # pyright: ignore[reportUnknownArgumentType]
        return signals

    def _functional(
        self, config: dict[str, Any], prefix: str, given: list[Signal] | None, hinted: bool
    ) -> list[Signal]:
        entries = config["layers"]
        nodes = {str(entry.get("name") or entry["config"]["name"]): entry for entry in entries}
        inputs = ends_of(config["input_layers"])
        if given is not None and len(given) != len(inputs):
            if prefix:
                given = (given + [Signal(None)] * len(inputs))[: len(inputs)]
            else:
                raise refuse("input_shape", f"have one shape for each of the {len(inputs)} inputs", len(given))
        made: dict[End, Signal] = {}
        for name, entry in nodes.items():
            if entry["class_name"] == "InputLayer":
                made[name, 0, 0] = Signal(input_shape(entry))
        for end, signal in zip(inputs, given or [], strict=bool(given)):
            said = made.get(end, Signal(None)).shape
            if said is not None and signal.shape is not None and len(said) != len(signal.shape):
                raise refuse("input_shape", f"have {len(said)} axes, as the input {end[0]!r} has", signal.shape)
            made[end] = signal
        calls = [
            (name, place, tensors_of(call))
            for name, entry in nodes.items()
            for place, call in enumerate(entry.get("inbound_nodes") or [])
            if entry["class_name"] != "InputLayer"
        ]
        hints = {end: shape for _, _, tensors in calls for end, shape in tensors if shape is not None}
        self._in_order(calls, nodes, made, hints, prefix, hinted)
        return [made.get(end, Signal(None)) for end in ends_of(config.get("output_layers") or [])] or [Signal(None)]

    def _in_order(
        self,
        calls: list[tuple[str, int, list[tuple[End, Shape | None]]]],
        nodes: dict[str, Any],
        made: dict[End, Signal],
        hints: dict[End, Shape],
        prefix: str,
        hinted: bool,
    ) -> None:
        """Every call once what it needs is there; a file may have them in any order."""
        waiting: dict[tuple[str, int], list[int]] = {}
        missing: list[int] = []
        run = {(name, place) for name, place in (end[:2] for end in made)}
        for index, (_, _, tensors) in enumerate(calls):
            needed = {end[:2] for end, _ in tensors} - run
            missing.append(len(needed))
            for need in needed:
                waiting.setdefault(need, []).append(index)
        ready = [index for index, count in enumerate(missing) if count == 0]
        done = 0
        while ready:
            done += 1
            index = heappop(ready)  # as they stand in the model, where they can
            name, place, tensors = calls[index]
            given = [made.get(end, Signal(hints.get(end) if hinted else None)) for end, _ in tensors]
            results = self._layer(nodes[name], prefix, given or [Signal(None)], hinted, hints.get((name, place, 0)))
            made |= {(name, place, number): signal for number, signal in enumerate(results)}
            for other in waiting.get((name, place), []):
                missing[other] -= 1
                if not missing[other]:
                    heappush(ready, other)
        if done < len(calls):
            raise PaddingError("Its layers must form a graph without circles, of layers that are there.")
