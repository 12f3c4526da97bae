"""Reader of Keras models, by their configs, as files hold them; of a model in memory, code is traced into such configs.

Nothing of a config is deserialised: no class is looked up, no layer is made, no weight is allocated. Keras itself is
not needed to read a file. What is not known to be harmless is reported as not read.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convpad.core.errors import ModelFileError, PaddingError
from convpad.models.readers import keras_config as configs
from convpad.models.readers import keras_ops as operations
from convpad.models.readers.hdf5 import root_attribute
from convpad.models.readers.keras_config import PADS, WINDOWS, Config, TensorKey
from convpad.models.readers.keras_graph import in_order, result_of, written_call
from convpad.models.readers.keras_safety import kind_of, owner_of, refuse_code
from convpad.models.readers.keras_windows import layer_window, operation_pad, operation_window, pooled_by_torch
from convpad.models.readers.walk import (
    Doubt,
    TensorInfo,
    Walk,
    check_input_shapes,
    checked_shape,
    read_entry,
    unread_entry,
)
from convpad.models.windows import ModelWindows, Shape

if TYPE_CHECKING:
    from convpad.models.readers.keras_live import LiveModel

LARGEST_CONFIG = 64 * 2**20
MAX_CALLS = 20_000

_MODELS = ("Functional", "Sequential", "Model", "Pipeline")
_WRAPPERS = ("TimeDistributed", "SpectralNormalization")
_NO_MODEL = "Its config is not that of a Keras model."


def read_file(path: Path, shapes: list[Shape] | None) -> ModelWindows:
    """Read the windows of a `.keras` or HDF5 file."""
    config = json.loads(_config_in_zip(path) if path.suffix.lower() == ".keras" else _config_in_hdf5(path))
    if not isinstance(config, dict):
        raise ModelFileError(_NO_MODEL)
    # The compile config is not read here, and is screened where it is.
    refuse_code({key: value for key, value in config.items() if key != "compile_config"})
    return _Walk(shapes).read(path.name, config, shapes)


def read_model(model: Any, shapes: list[Shape] | None) -> ModelWindows:
    """Read the windows of a model, or of a layer, in memory."""
    from convpad.models.readers.keras_live import LiveModel, shapes_of

    live = LiveModel()
    entry = live.entry(model)
    if "layers" not in entry["config"] and shapes is None:
        shapes = shapes_of(model)
        if shapes is None:
            raise PaddingError(
                f"The model {str(model.name)!r} must be functional or Sequential, or have been called on one tensor, "
                f"or be given with its input_shape, for its layers to be seen. Received: {type(model).__name__}."
            )
        return _Walk(None, live).read(str(model.name), entry, shapes)
    return _Walk(shapes, live).read(str(model.name), entry, shapes)


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

    def __init__(self, shapes: list[Shape] | None, live: LiveModel | None = None) -> None:
        super().__init__()
        self.shapes = shapes
        self.live = live
        self.calls = 0

    def read(self, source: str, entry: Config, shapes: list[Shape] | None) -> ModelWindows:
        inputs = None if shapes is None else [TensorInfo(shape) for shape in shapes]
        for tensor in self._layer(entry, "", inputs):
            self.settle_doubts(tensor, None)
        return self.result(source, "keras")

    def _layer(
        self,
        entry: Config,
        prefix: str,
        inputs: list[TensorInfo] | None,
        hint: Shape | None = None,
        call: Any = None,
    ) -> list[TensorInfo]:
        """Return the outputs of one call of a layer, whose path begins with `prefix`.

        Inputs that are None are those that a model itself declares; `hint` is the shape of the output in the config,
        `call` the arguments there.
        """
        self.calls += 1
        if self.calls > MAX_CALLS:
            raise ModelFileError(f"It must call its layers at most {MAX_CALLS:,} times.")
        kind, config = kind_of(entry), entry["config"]
        if not isinstance(kind, str) or not isinstance(config, dict):
            raise ModelFileError(_NO_MODEL)
        is_known = owner_of(entry) in ("keras", "convpad")
        name = prefix + str(config.get("name", entry.get("name", kind)))
        if "layers" in config and (kind in _MODELS or not is_known):
            if kind not in _MODELS:
                self.add_unsupported(name, kind, "its class may run its layers in a way of its own")
            return self._model(kind, config, "" if self.calls == 1 else f"{name}/", inputs)
        tensors = inputs or [TensorInfo()]
        if "code" in entry and self.live is not None:
            return self._traced(entry["code"], kind, name, tensors, hint, call)
        outputs = self._known(entry, kind, name, tensors, hint, call) if is_known else None
        if outputs is None:
            self.add_unsupported(
                name, kind, _reason(kind) if is_known else "a class of its own, whose code is not here"
            )
            return [TensorInfo(hint)]
        activation = config.get("activation")
        if "activation" in entry and self.live is not None:
            return self._traced(entry["activation"], "activation", f"{name}/activation", outputs, hint, None)
        if isinstance(activation, dict) and activation.get("class_name") != "function" and "config" in activation:
            return self._layer(activation, f"{name}/", outputs, hint)  # Keras takes layers for activations
        if not configs.is_own_activation(activation):
            self.add_unsupported(f"{name}/activation", "activation", "a function whose code is not here")
        return outputs

    def _known(
        self, entry: Config, kind: str, name: str, tensors: list[TensorInfo], hint: Shape | None, call: Any
    ) -> list[TensorInfo] | None:
        """Return the outputs of a layer or an operation of Keras's; None where it is not read."""
        config, tensor = entry["config"], tensors[0]
        if kind in WINDOWS:
            return [self._window(kind, self.numbered(name), entry, tensor)]
        if kind in PADS:
            return [self._pad(kind, self.numbered(name), config, tensor)]
        if kind in _WRAPPERS:
            return [self._wrapped(kind, name, config, tensor)]
        if kind == "Pad":
            pad = operation_pad(config, tensor, call)
            if pad is None:
                return None
            return [self.add_pad(tensor, self.numbered(name), kind, pad[0], channels_last=pad[1])]
        if kind in operations.WINDOW_OPS:
            window = operation_window(kind, name, config, tensor, call)
            if window is not None and "torch" in entry:
                window = pooled_by_torch(window, tensor)
            return None if window is None else [self.add_window(tensor, self.numbered(name), kind, window)]
        if configs.hides_windows(kind, config) or not (configs.is_harmless(kind) or operations.is_harmless(kind)):
            return None
        resampling = configs.beyond_edge(kind, config)
        if resampling:
            self.add_unsupported(name, kind, resampling)
        return [self._other(entry, kind, name, tensors, hint, call)]

    def _traced(
        self, number: Any, kind: str, name: str, tensors: list[TensorInfo], hint: Shape | None, call: Any
    ) -> list[TensorInfo]:
        """Return the outputs of code in a model in memory, after its calls have been followed."""
        arguments = call.get("code") if isinstance(call, dict) else None
        graph = "" if self.live is None else self.live.trace(number, arguments, [tensor.shape for tensor in tensors])
        if isinstance(graph, str):
            self.add_unsupported(name, kind, graph)
            return [TensorInfo(hint)]
        shapes, self.shapes = self.shapes, None  # those in the graph hold
        outputs = self._functional(graph, "" if self.calls == 1 else f"{name}/", tensors)
        self.shapes = shapes
        return outputs

    def _wrapped(self, kind: str, name: str, config: Config, tensor: TensorInfo) -> TensorInfo:
        """Return the output of a layer in another, which runs it for each step of time, or on other weights."""
        if kind != "TimeDistributed":
            return self._layer(config["layer"], f"{name}/", [tensor])[0]
        shape = tensor.shape
        self.settle_doubts(tensor, None)
        step = TensorInfo(shape and (shape[0], *shape[2:]), itemsize=tensor.itemsize)
        output = self._layer(config["layer"], f"{name}/", [step])[0]
        self.settle_doubts(output, None)
        if output.shape is None or shape is None:
            return TensorInfo()
        return replace(output, shape=(output.shape[0], shape[1], *output.shape[1:]), pads=(), doubts=())

    def _other(
        self, entry: Config, kind: str, name: str, tensors: list[TensorInfo], shape: Shape | None, call: Any
    ) -> TensorInfo:
        """Return the output of a layer that has no window and does not pad, as far as is seen; its shape if known."""
        config, is_operation = entry["config"], ".ops." in str(entry.get("module"))
        shapes = [tensor.shape for tensor in tensors if tensor.shape is not None]
        rules = configs.OPERATION_SHAPES if is_operation else configs.SHAPES
        has_arrays = is_operation and operations.has_arrays(call)
        if shape is None and kind in rules and len(shapes) == len(tensors) and not has_arrays:
            shape = checked_shape(name, rules[kind](config, shapes))
        elif shape is None and operations.is_elementwise(kind) and len(shapes) == len(tensors) == 1 and not has_arrays:
            shape = shapes[0]
        stays = kind in configs.STAYS_NONNEGATIVE and all(tensor.nonnegative for tensor in tensors)
        nonnegative = (stays and not operations.has_numbers(call)) or configs.is_rectified(kind, config)
        keeps_values = kind in operations.VALUES_ALONE
        return TensorInfo(
            shape,
            tensors[0].pads if keeps_values else (),
            nonnegative,
            configs.itemsize_of(config, tensors[0].itemsize),
            pads_last=tensors[0].pads_last if keeps_values else None,
            doubts=self._doubts(kind, config, name, tensors, shape, call),
        )

    def _doubts(
        self, kind: str, config: Config, name: str, tensors: list[TensorInfo], shape: Shape | None, call: Any
    ) -> tuple[Doubt, ...]:
        """Return the doubts about a layer's output; those that are settled here are noted."""
        sizes = tensors[0].shape
        rank = None if sizes is None else len(sizes)
        doubts: list[Doubt] = []
        keeps_axes = (operations.keeps_axes(kind) or configs.keeps_axes(kind)) and (shape is None or len(shape) == rank)
        for tensor in tensors:
            if configs.is_global_pool(kind) and rank:
                first = 1 if configs.is_channels_last(config) else 2
                self.settle_doubts(tensor, range(first, first + rank - 2))
            elif keeps_axes:
                doubts += tensor.doubts
            else:
                self.settle_doubts(tensor, None)
                doubts += [doubt.on_other_axes() for doubt in tensor.doubts]
        by_hand = operations.by_hand(kind, config, call, rank)
        if by_hand is not None:
            doubts.append(Doubt(unread_entry(name, kind, by_hand[0]), by_hand[1]))
        elif operations.is_matrix(kind, call):
            axes = operations.matrix_axes(kind, call, rank)
            doubts.append(Doubt(unread_entry(name, kind, "it multiplies by a matrix"), axes, mixes=True))
        return tuple(dict.fromkeys(doubts))

    def _pad(self, kind: str, name: str, config: Config, tensor: TensorInfo) -> TensorInfo:
        rank, channels_last = PADS[kind], configs.is_channels_last(config)
        padding = configs.padding_of(config, rank, "zeros")
        shape = (None,) * (rank + 2) if tensor.shape is None else tensor.shape
        if len(shape) != rank + 2:
            raise PaddingError(f"{name}: a {kind} must have an input of {rank + 2} axes. Received: {len(shape)}.")
        return self.add_pad(replace(tensor, shape=shape), name, kind, padding, channels_last=channels_last)

    def _window(self, kind: str, name: str, entry: Config, tensor: TensorInfo) -> TensorInfo:
        config = entry["config"]
        window = layer_window(kind, name, config, tensor)
        window = pooled_by_torch(window, tensor) if "torch" in entry else window
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
            if self.live is not None:
                ends = configs.keys_of(config.get("output_layers") or [])
                shapes += zip(ends, config.get("output_shapes", ()), strict=False)
            hints = {key: checked_shape(key[0], shape) for key, shape in shapes}
        for call in in_order(calls, results):
            name, index, tensors = calls[call]
            arguments = [result_of(results, key, hints) for key, _ in tensors]
            hint, written = hints.get((name, index, 0)), written_call(entries[name], index)
            outputs = self._layer(entries[name], prefix, arguments or [TensorInfo()], hint, written)
            results |= {(name, index, number): tensor for number, tensor in enumerate(outputs)}
        outputs = configs.keys_of(config.get("output_layers") or [])
        return [result_of(results, key, hints) for key in outputs] or [TensorInfo()]


def _reason(kind: str) -> str:
    """Return the reason why a layer or an operation of Keras's is not read."""
    if kind == "Pad":
        return "it pads the batch, the channels, or in a way that is not known"
    if kind in operations.WINDOW_OPS:
        return "the shape of its kernel or input is not known"
    return "its windows and paddings are not read"
