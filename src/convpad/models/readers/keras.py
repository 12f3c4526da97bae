"""Reader of Keras models, by their configs, as `Model.get_config` returns them and files hold them.

Nothing of a config is deserialised: no class is looked up, no layer is made, no weight is allocated. Keras itself is
not needed to read a file. Only of a model in memory, layers that are not Keras's own are read.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from convpad.core.effective import effective_fills
from convpad.core.errors import ModelFileError, PaddingError, refuse
from convpad.core.problem import POOLS
from convpad.core.validation import per_axis
from convpad.models.readers.hdf5 import root_attribute
from convpad.models.readers.keras_config import (
    PADS,
    WINDOWS,
    TensorKey,
    built_for,
    first_input_shape,
    input_shape,
    is_rectified,
    itemsize_of,
    keys_of,
    padding_of,
    tensors_of,
)
from convpad.models.readers.keras_safety import kind_of, owner_of, refuse_code
from convpad.models.readers.keras_shapes import SHAPES, STAYS_NONNEGATIVE
from convpad.models.readers.walk import Walk
from convpad.models.tensor_info import TensorInfo, checked_shape
from convpad.models.windows import ModelWindows, Shape

__all__ = ["read_file", "read_model"]

LARGEST_CONFIG = 64 * 2**20
MAX_CALLS = 20_000

_MODELS = ("Functional", "Sequential", "Model")
_UNSUPPORTED = (
    *(f"ConvLSTM{rank}D" for rank in (1, 2, 3)),
    # Functions of `keras.ops`.
    *("Pad", "Conv", "ConvTranspose", "DepthwiseConv", "SeparableConv", "MaxPool", "AveragePool"),
)


def read_file(path: Path, shapes: list[Shape] | None) -> ModelWindows:
    """Read the windows of a `.keras` or `.h5` file."""
    text = _config_in_zip(path) if path.suffix.lower() == ".keras" else _config_in_hdf5(path)
    config = json.loads(text)
    if not isinstance(config, dict):
        raise ModelFileError("Its config is not that of a Keras model.")
    # The compile config is not read here, and is screened where it is.
    refuse_code({key: value for key, value in config.items() if key != "compile_config"})  # pyright: ignore
    return _Walk().read(path.name, config, shapes)  # pyright: ignore[reportUnknownArgumentType]


def read_model(model: Any, shapes: list[Shape] | None) -> ModelWindows:
    """Read the windows of a model in memory."""
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
    return _Walk().read(name, {"class_name": kind, "config": config, "module": "keras"}, shapes)


def _config_in_zip(path: Path) -> bytes:
    """Return the config in a `.keras` file, which is a zip file."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("config.json") as file:
            text = file.read(LARGEST_CONFIG + 1)
    except KeyError:
        raise ModelFileError("There is no config.json in it, which every .keras file has.") from None
    if len(text) > LARGEST_CONFIG:
        raise ModelFileError(f"Its config must be of at most {LARGEST_CONFIG:,} bytes.")
    return text


def _config_in_hdf5(path: Path) -> bytes:
    """Return the config in an `.h5` file, where it is an attribute."""
    with path.open("rb") as file:
        config = root_attribute(file, "model_config", LARGEST_CONFIG)
    if config is None:
        raise ModelFileError("There is no model in it; a file of weights alone does not say how they are used.")
    return config


class _Walk(Walk):
    """Follows every tensor through a config, layer by layer, call by call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def read(self, source: str, entry: dict[str, Any], shapes: list[Shape] | None) -> ModelWindows:
        inputs = None if shapes is None else [TensorInfo(shape) for shape in shapes]
        self._layer(entry, "", inputs, shapes is None)
        return self.result(source, "keras")

    def _layer(
        self,
        entry: dict[str, Any],
        prefix: str,
        inputs: list[TensorInfo] | None,
        hinted: bool,
        hint: Shape | None = None,
    ) -> list[TensorInfo]:
        """Return the outputs of one call of a layer.

        Args:
            entry: the layer's object in the config.
            prefix: the path of the model that it is in.
            inputs: None for those that a model itself declares.
            hinted: whether the shapes in the config hold for these inputs.
            hint: the shape of the output in the config.
        """
        self.calls += 1
        if self.calls > MAX_CALLS:
            raise ModelFileError(f"It must call its layers at most {MAX_CALLS:,} times.")
        kind, config = kind_of(entry), entry["config"]
        if not isinstance(kind, str) or not isinstance(config, dict):
            raise ModelFileError("Its config is not that of a Keras model.")
        is_known = owner_of(entry) in ("keras", "convpad")
        name = prefix + str(config.get("name", kind))  # pyright: ignore
        if "layers" in config and (kind in _MODELS or not is_known):
            inside = "" if self.calls == 1 else f"{name}/"
            return self._model(kind, config, inside, inputs, hinted)  # pyright: ignore
        tensors = inputs or [TensorInfo()]
        if is_known and kind in WINDOWS:
            return [self._window(kind, self.numbered(name), config, tensors[0])]  # pyright: ignore
        if is_known and kind in PADS:
            return [self._pad(kind, self.numbered(name), config, tensors[0])]  # pyright: ignore
        if is_known and kind in ("TimeDistributed", "SpectralNormalization"):
            return [self._wrapped(kind, name, config, tensors[0], hinted)]  # pyright: ignore
        if not is_known or kind == "Lambda" or kind in _UNSUPPORTED:
            self.add_unsupported(name, kind)
        return [self._other(kind, name, config, tensors, hint if hinted else None)]  # pyright: ignore

    def _wrapped(self, kind: str, name: str, config: dict[str, Any], tensor: TensorInfo, hinted: bool) -> TensorInfo:
        """Return the output of a layer in another, which runs it for each step of time, or on other weights."""
        if kind != "TimeDistributed":
            return self._layer(config["layer"], f"{name}/", [tensor], hinted)[0]
        shape = tensor.shape
        step = TensorInfo(shape and (shape[0], *shape[2:]), itemsize=tensor.itemsize)
        output = self._layer(config["layer"], f"{name}/", [step], hinted)[0]
        if output.shape is None or shape is None:
            return TensorInfo()
        return replace(output, shape=(output.shape[0], shape[1], *output.shape[1:]), pads=())

    def _other(
        self, kind: str, name: str, config: dict[str, Any], tensors: list[TensorInfo], hint: Shape | None
    ) -> TensorInfo:
        """Return the output of a layer that has no window and does not pad."""
        shapes = [tensor.shape for tensor in tensors if tensor.shape is not None]
        rule, shape = SHAPES.get(kind), hint
        if shape is None and rule is not None and len(shapes) == len(tensors):
            shape = checked_shape(name, rule(config, shapes))
        stays = kind in STAYS_NONNEGATIVE and all(tensor.nonnegative for tensor in tensors)
        pads = tensors[0].pads if kind in ("Dropout", "Identity", "ActivityRegularization") else ()
        itemsize = itemsize_of(config, tensors[0].itemsize)
        return TensorInfo(shape, pads, stays or is_rectified(kind, config), itemsize)

    def _pad(self, kind: str, name: str, config: dict[str, Any], tensor: TensorInfo) -> TensorInfo:
        rank = PADS[kind]
        padding = padding_of(config, rank, "zeros")
        pairs = [amount.pair or (0, 0) for amount in padding.amounts]
        shape = (None,) * (rank + 2) if tensor.shape is None else tensor.shape
        if len(shape) != rank + 2:
            raise PaddingError(f"{name}: a {kind} must have an input of {rank + 2} axes. Received: {len(shape)}.")
        start = 2 if config.get("data_format") == "channels_first" else 1
        axes = range(start, start + rank)
        return self.add_pad(replace(tensor, shape=shape), name, kind, pairs, effective_fills(padding), axes)

    def _window(self, kind: str, name: str, config: dict[str, Any], tensor: TensorInfo) -> TensorInfo:
        op, rank = WINDOWS[kind]
        is_pool = op in POOLS
        kernel = per_axis(f"{name}.kernel_size", config["pool_size" if is_pool else "kernel_size"], rank)
        strides = config.get("strides", 1)
        strides = kernel if strides is None else per_axis(f"{name}.strides", strides, rank)
        channels_last = config.get("data_format") != "channels_first"
        channels = tensor.channels(rank, channels_last=channels_last)
        filters = channels if is_pool else config.get("filters")
        if op == "depthwise_conv":
            filters = None if channels is None else channels * int(config.get("depth_multiplier", 1))
        output = self.add_window(
            tensor,
            name,
            kind,
            op,
            padding_of(config, rank, "ignore" if is_pool else "zeros"),
            kernel=kernel,
            strides=strides,
            dilation=per_axis(f"{name}.dilation_rate", config.get("dilation_rate", 1), rank),
            groups=int(config.get("groups") or 1),
            filters=filters,
            channels_last=channels_last,
            output_padding=config.get("output_padding"),
            ceil_mode=is_pool and bool(config.get("ceil_mode")),
        )
        nonnegative = output.nonnegative or is_rectified(kind, config)
        return replace(output, nonnegative=nonnegative, itemsize=itemsize_of(config, tensor.itemsize))

    def _model(
        self, kind: str, config: dict[str, Any], prefix: str, inputs: list[TensorInfo] | None, hinted: bool
    ) -> list[TensorInfo]:
        entries = config["layers"]
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):  # pyright: ignore
            raise ModelFileError("Its config is not that of a Keras model.")
        if "input_layers" in config and kind != "Sequential":
            return self._functional(config, prefix, inputs, hinted)
        tensors = inputs or [TensorInfo(first_input_shape(config))]
        for entry in entries:  # pyright: ignore[reportUnknownVariableType]
            if entry["class_name"] != "InputLayer":
                if inputs is None and hinted and tensors[0].shape is None:
                    tensors = [TensorInfo(built_for(entry))]  # pyright: ignore[reportUnknownArgumentType]
                tensors = self._layer(entry, prefix, tensors, hinted)  # pyright: ignore
            elif inputs is None:
                tensors = [TensorInfo(input_shape(entry))]  # pyright: ignore[reportUnknownArgumentType]
        return tensors

    def _functional(
        self, config: dict[str, Any], prefix: str, inputs: list[TensorInfo] | None, hinted: bool
    ) -> list[TensorInfo]:
        entries = {str(entry.get("name") or entry["config"]["name"]): entry for entry in config["layers"]}
        made = {
            (name, 0, 0): TensorInfo(input_shape(entry))
            for name, entry in entries.items()
            if entry["class_name"] == "InputLayer"
        }
        made |= _given_inputs(keys_of(config["input_layers"]), made, inputs, is_inner=bool(prefix))
        calls = [
            (name, index, tensors_of(call))
            for name, entry in entries.items()
            for index, call in enumerate(entry.get("inbound_nodes") or [])
            if entry["class_name"] != "InputLayer"
        ]
        hints = {key: shape for _, _, tensors in calls for key, shape in tensors if shape is not None}
        for call in _in_order(calls, made):
            name, index, tensors = calls[call]
            arguments = [made.get(key, TensorInfo(hints.get(key) if hinted else None)) for key, _ in tensors]
            hint = hints.get((name, index, 0))
            outputs = self._layer(entries[name], prefix, arguments or [TensorInfo()], hinted, hint)
            made |= {(name, index, number): tensor for number, tensor in enumerate(outputs)}
        outputs = keys_of(config.get("output_layers") or [])
        return [made.get(key, TensorInfo()) for key in outputs] or [TensorInfo()]


def _given_inputs(
    keys: list[TensorKey], declared: dict[TensorKey, TensorInfo], inputs: list[TensorInfo] | None, *, is_inner: bool
) -> dict[TensorKey, TensorInfo]:
    """Return the inputs of a functional model by their keys; none where it is given none."""
    if inputs is None:
        return {}
    if len(inputs) != len(keys):
        if not is_inner:
            raise refuse("input_shape", f"have one shape for each of the {len(keys)} inputs", len(inputs))
        inputs = (inputs + [TensorInfo()] * len(keys))[: len(keys)]
    for key, tensor in zip(keys, inputs, strict=True):
        shape = declared.get(key, TensorInfo()).shape
        if shape is not None and tensor.shape is not None and len(shape) != len(tensor.shape):
            raise refuse("input_shape", f"have {len(shape)} axes, as the input {key[0]!r} has", tensor.shape)
    return dict(zip(keys, inputs, strict=True))


def _in_order(
    calls: list[tuple[str, int, list[tuple[TensorKey, Shape | None]]]], made: Iterable[TensorKey]
) -> Iterator[int]:
    """Yield the index of every call once its arguments are there; a config may have calls in any order."""
    waiting: dict[tuple[str, int], list[int]] = {}
    missing: list[int] = []
    done = {key[:2] for key in made}
    for index, (_, _, tensors) in enumerate(calls):
        needed = {key[:2] for key, _ in tensors} - done
        missing.append(len(needed))
        for call in needed:
            waiting.setdefault(call, []).append(index)
    ready = [index for index, count in enumerate(missing) if count == 0]
    count = 0
    while ready:
        count += 1
        index = heappop(ready)  # as they stand in the model, where they can
        yield index
        for other in waiting.get(calls[index][:2], []):
            missing[other] -= 1
            if not missing[other]:
                heappush(ready, other)
    if count < len(calls):
        raise ModelFileError("Its layers must form a graph without circles, of layers that are there.")
