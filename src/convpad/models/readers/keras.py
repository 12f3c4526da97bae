"""Reader of Keras models, by their configs, as `Model.get_config` returns them and files hold them.

Nothing of a config is deserialised: no class is looked up, no layer is made, no weight is allocated. Keras itself is
not needed to read a file. Only of a model in memory, layers that are not Keras's own are read.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from convpad.core.errors import ModelFileError, PaddingError
from convpad.core.operation import POOLS
from convpad.core.validation import per_axis
from convpad.models.readers import keras_config as configs
from convpad.models.readers.hdf5 import root_attribute
from convpad.models.readers.keras_config import PADS, WINDOWS, Config, TensorKey
from convpad.models.readers.keras_safety import kind_of, owner_of, refuse_code
from convpad.models.readers.walk import TensorInfo, Walk, check_input_shapes, checked_shape, read_entry
from convpad.models.windows import ModelWindows, Shape, WindowConfig

LARGEST_CONFIG = 64 * 2**20
MAX_CALLS = 20_000

_MODELS = ("Functional", "Sequential", "Model")
_WRAPPERS = ("TimeDistributed", "SpectralNormalization")
_UNSUPPORTED = (
    *(f"ConvLSTM{rank}D" for rank in (1, 2, 3)),
    # Functions of `keras.ops`.
    *("Pad", "Conv", "ConvTranspose", "DepthwiseConv", "SeparableConv", "MaxPool", "AveragePool"),
    "Lambda",
)
_NO_MODEL = "Its config is not that of a Keras model."


def read_file(path: Path, shapes: list[Shape] | None) -> ModelWindows:
    """Read the windows of a `.keras` or HDF5 file."""
    config = json.loads(_config_in_zip(path) if path.suffix.lower() == ".keras" else _config_in_hdf5(path))
    if not isinstance(config, dict):
        raise ModelFileError(_NO_MODEL)
    # The compile config is not read here, and is screened where it is.
    refuse_code({key: value for key, value in config.items() if key != "compile_config"})
    return _Walk(shapes).read(path.name, config)


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
    return _Walk(shapes).read(name, {"class_name": kind, "config": config, "module": "keras"})


def _config_in_zip(path: Path) -> bytes:
    """Return the config in a `.keras` file, which is a zip file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return read_entry(archive, "config.json", "Its config", LARGEST_CONFIG)
    except KeyError:
        raise ModelFileError("There is no config.json in it, which every .keras file has.") from None


def _config_in_hdf5(path: Path) -> bytes:
    """Return the config in an `.h5` file, where it is an attribute."""
    with path.open("rb") as file:
        config = root_attribute(file, "model_config", LARGEST_CONFIG)
    if config is None:
        raise ModelFileError("There is no model in it; a file of weights alone does not say how they are used.")
    return config


class _Walk(Walk):
    """The walk through a config, call by call. Without shapes of the model's inputs, all shapes in the config hold."""

    def __init__(self, shapes: list[Shape] | None) -> None:
        super().__init__()
        self.shapes = shapes
        self.calls = 0

    def read(self, source: str, entry: Config) -> ModelWindows:
        self._layer(entry, "", None if self.shapes is None else [TensorInfo(shape) for shape in self.shapes])
        return self.result(source, "keras")

    def _layer(
        self, entry: Config, prefix: str, inputs: list[TensorInfo] | None, hint: Shape | None = None
    ) -> list[TensorInfo]:
        """Return the outputs of one call of a layer, whose path begins with `prefix`.

        Inputs that are None are those that a model itself declares; `hint` is the shape of the output in the config.
        """
        self.calls += 1
        if self.calls > MAX_CALLS:
            raise ModelFileError(f"It must call its layers at most {MAX_CALLS:,} times.")
        kind, config = kind_of(entry), entry["config"]
        if not isinstance(kind, str) or not isinstance(config, dict):
            raise ModelFileError(_NO_MODEL)
        is_known = owner_of(entry) in ("keras", "convpad")
        name = prefix + str(config.get("name", kind))
        if "layers" in config and (kind in _MODELS or not is_known):
            return self._model(kind, config, "" if self.calls == 1 else f"{name}/", inputs)
        tensors = inputs or [TensorInfo()]
        if is_known and kind in WINDOWS:
            return [self._window(kind, self.numbered(name), config, tensors[0])]
        if is_known and kind in PADS:
            return [self._pad(kind, self.numbered(name), config, tensors[0])]
        if is_known and kind in _WRAPPERS:
            return [self._wrapped(kind, name, config, tensors[0])]
        if not is_known or kind in _UNSUPPORTED:
            self.add_unsupported(name, kind)
        return [self._other(kind, name, config, tensors, hint)]

    def _wrapped(self, kind: str, name: str, config: Config, tensor: TensorInfo) -> TensorInfo:
        """Return the output of a layer in another, which runs it for each step of time, or on other weights."""
        if kind != "TimeDistributed":
            return self._layer(config["layer"], f"{name}/", [tensor])[0]
        shape = tensor.shape
        step = TensorInfo(shape and (shape[0], *shape[2:]), itemsize=tensor.itemsize)
        output = self._layer(config["layer"], f"{name}/", [step])[0]
        if output.shape is None or shape is None:
            return TensorInfo()
        return replace(output, shape=(output.shape[0], shape[1], *output.shape[1:]), pads=())

    def _other(
        self, kind: str, name: str, config: Config, tensors: list[TensorInfo], shape: Shape | None
    ) -> TensorInfo:
        """Return the output of a layer that has no window and does not pad; its shape, where it is known."""
        shapes = [tensor.shape for tensor in tensors if tensor.shape is not None]
        if shape is None and kind in configs.SHAPES and len(shapes) == len(tensors):
            shape = checked_shape(name, configs.SHAPES[kind](config, shapes))
        stays = kind in configs.STAYS_NONNEGATIVE and all(tensor.nonnegative for tensor in tensors)
        pads = tensors[0].pads if kind in ("Dropout", "Identity", "ActivityRegularization") else ()
        itemsize = configs.itemsize_of(config, tensors[0].itemsize)
        return TensorInfo(shape, pads, stays or configs.is_rectified(kind, config), itemsize)

    def _pad(self, kind: str, name: str, config: Config, tensor: TensorInfo) -> TensorInfo:
        rank, channels_last = PADS[kind], configs.is_channels_last(config)
        padding = configs.padding_of(config, rank, "zeros")
        shape = (None,) * (rank + 2) if tensor.shape is None else tensor.shape
        if len(shape) != rank + 2:
            raise PaddingError(f"{name}: a {kind} must have an input of {rank + 2} axes. Received: {len(shape)}.")
        return self.add_pad(replace(tensor, shape=shape), name, kind, padding, channels_last=channels_last)

    def _window(self, kind: str, name: str, config: Config, tensor: TensorInfo) -> TensorInfo:
        op, rank = WINDOWS[kind]
        is_pool = op in POOLS
        kernel = per_axis(f"{name}.kernel_size", config["pool_size" if is_pool else "kernel_size"], rank)
        strides = config.get("strides", 1)
        channels_last = configs.is_channels_last(config)
        filters = config.get("filters")
        if op == "depthwise_conv":
            channels = tensor.shape_of_rank(rank)[-1 if channels_last else 1]
            filters = None if channels is None else channels * int(config.get("depth_multiplier", 1))
        window = WindowConfig(
            op,
            configs.padding_of(config, rank, "ignore" if is_pool else "zeros"),
            kernel,
            kernel if strides is None else per_axis(f"{name}.strides", strides, rank),
            per_axis(f"{name}.dilation_rate", config.get("dilation_rate", 1), rank),
            groups=int(config.get("groups") or 1),
            filters=filters,
            channels_last=channels_last,
            output_padding=config.get("output_padding"),
            ceil_mode=is_pool and bool(config.get("ceil_mode")),
        )
        output = self.add_window(tensor, name, kind, window)
        nonnegative = output.nonnegative or configs.is_rectified(kind, config)
        return replace(output, nonnegative=nonnegative, itemsize=configs.itemsize_of(config, tensor.itemsize))

    def _model(self, kind: str, config: Config, prefix: str, inputs: list[TensorInfo] | None) -> list[TensorInfo]:
        entries = config["layers"]
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise ModelFileError(_NO_MODEL)
        if "input_layers" in config and kind != "Sequential":
            return self._functional(config, prefix, inputs)
        tensors = inputs or [TensorInfo(configs.first_input_shape(config))]
        for entry in entries:
            if entry["class_name"] != "InputLayer":
                if inputs is None and tensors[0].shape is None:
                    tensors = [TensorInfo(configs.built_for(entry))]
                tensors = self._layer(entry, prefix, tensors)
            elif inputs is None:
                tensors = [TensorInfo(configs.input_shape(entry))]
        return tensors

    def _functional(self, config: Config, prefix: str, inputs: list[TensorInfo] | None) -> list[TensorInfo]:
        entries = {str(entry.get("name") or entry["config"]["name"]): entry for entry in config["layers"]}
        is_input = {name: entry["class_name"] == "InputLayer" for name, entry in entries.items()}
        results = {(name, 0, 0): TensorInfo(configs.input_shape(entries[name])) for name in entries if is_input[name]}
        keys = configs.keys_of(config["input_layers"])
        if inputs is not None:
            if prefix:
                inputs = (inputs + [TensorInfo()] * len(keys))[: len(keys)]
            declared = [(key[0], results.get(key, TensorInfo()).shape) for key in keys]
            check_input_shapes([tensor.shape for tensor in inputs], declared)
            results |= dict(zip(keys, inputs, strict=True))
        calls = [
            (name, index, configs.tensors_of(call))
            for name, entry in entries.items()
            for index, call in enumerate(entry.get("inbound_nodes") or [])
            if not is_input[name]
        ]
        hints: dict[TensorKey, Shape] = {}
        if self.shapes is None:
            shapes = [row for _, _, tensors in calls for row in tensors if row[1] is not None]
            hints = {key: checked_shape(key[0], shape) for key, shape in shapes}
        for call in _in_order(calls, results):
            name, index, tensors = calls[call]
            arguments = [results.get(key, TensorInfo(hints.get(key))) for key, _ in tensors]
            outputs = self._layer(entries[name], prefix, arguments or [TensorInfo()], hints.get((name, index, 0)))
            results |= {(name, index, number): tensor for number, tensor in enumerate(outputs)}
        outputs = configs.keys_of(config.get("output_layers") or [])
        return [results.get(key, TensorInfo()) for key in outputs] or [TensorInfo()]


def _in_order(calls: list[tuple[str, int, list[tuple[TensorKey, Any]]]], known: Iterable[TensorKey]) -> Iterator[int]:
    """Yield the index of every call once its arguments are there; a config may have calls in any order."""
    done = {key[:2] for key in known}
    makers = {(name, index): call for call, (name, index, _) in enumerate(calls)}
    sorter = TopologicalSorter[int]()
    try:
        for call, (_, _, tensors) in enumerate(calls):
            sorter.add(call, *(makers[key[:2]] for key, _ in tensors if key[:2] not in done))
        sorter.prepare()
    except (KeyError, CycleError):
        raise ModelFileError("Its layers must form a graph without circles, of layers that are there.") from None
    ready: list[int] = []
    while sorter.is_active():
        for call in sorter.get_ready():
            heappush(ready, call)
        call = heappop(ready)  # as they stand in the model, where they can
        yield call
        sorter.done(call)
