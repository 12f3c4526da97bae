"""The ways to export a layer or a function: what each writes, and the runtime that runs it."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from exports import Cell
from keras_layers import BACKEND, array, fill_weights, keras, numbers, ours, theirs
from runtimes import Runtimes

import convpad

FUNCTIONS = {
    "Conv": "conv",
    "DepthwiseConv": "depthwise_conv",
    "SeparableConv": "separable_conv",
    "ConvTranspose": "conv_transpose",
    "MaxPooling": "max_pool",
    "AveragePooling": "average_pool",
    "Padding": "pad",
    "ZeroPadding": "pad",
}


def model(cell: Cell, stock: bool = False) -> Any:
    """A Keras model of one layer, ours or Keras's own; called once, as Keras writes no other to ONNX."""
    arguments = cell.arguments()
    if stock:
        arguments.pop("padding_mode", None)
    layer = (theirs if stock else ours)(cell.layer)(**arguments)
    shape = [None if axis in cell.open_axes() else size for axis, size in enumerate(cell.shapes()[0])]
    image = keras.Input(batch_shape=tuple(shape), name="image")
    made = keras.Model(image, layer(image))
    fill_weights(made)
    made(cell.inputs()[0])
    return made


def arrays_of(cell: Cell) -> list[Any]:
    """The kernels of a function: what the layer of the cell would have."""
    window, channels = (3,) * cell.rank, cell.shapes()[0][1 if cell.data_format == "channels_first" else -1]
    shapes = {
        "Conv": [(*window, channels, 4)],
        "DepthwiseConv": [(*window, channels, 2)],
        "SeparableConv": [(*window, channels, 1), (*(1,) * cell.rank, channels, 4)],
        "ConvTranspose": [(*window, 4, channels)],
    }
    kernels = [numbers(*shape, seed=7 + place) for place, shape in enumerate(shapes.get(cell.kind, []))]
    return [*kernels, numbers(channels, seed=9)] if cell.mode == "learned" else kernels


def call(cell: Cell, x: Any, *arrays: Any) -> Any:
    """The function of a cell. The last array of the mode `learned` is the value."""
    mode = cell.padding_mode
    if cell.mode == "learned":
        *arrays, value = arrays  # type: ignore[assignment]
        mode = convpad.Constant(value)
    if "Padding" in cell.kind:
        return convpad.pad(x, cell.padding, mode, data_format=cell.data_format)
    window = {"pool_size": (3,) * cell.rank} if "Pooling" in cell.kind else {}
    options = {"strides": cell.strides, "padding": cell.padding, "padding_mode": mode, "data_format": cell.data_format}
    return getattr(convpad, FUNCTIONS[cell.kind])(x, *arrays, **window, **options)


@dataclass(frozen=True)
class Route:
    """One way to export.

    Args:
        name: what it is called, and its column in docs/exports.md.
        backend: the backend whose process runs it.
        runtime: what runs the artefact, a key of `runtimes.LOADERS`.
        write: writes the artefact of a cell into a folder, and returns its path and the eager model.
        packages: what it needs beyond the backend.
    """

    name: str
    backend: str
    runtime: str
    write: Callable[[Cell, Path], tuple[Path, Callable[[Any], Any]]]
    packages: tuple[str, ...] = ()
    seldom: bool = False

    def missing(self) -> list[str]:
        """Which of its packages are not installed."""
        return [package for package in self.packages if find_spec(package) is None]


SUFFIXES = {"tf_saved_model": "", "onnx": ".onnx", "litert": ".tflite", "openvino": ".xml", "torch": ".pt2"}


def keras_export(format: str, stock: bool = False) -> Callable[[Cell, Path], tuple[Path, Callable[[Any], Any]]]:
    """`model.export(format=...)`."""

    def write(cell: Cell, folder: Path) -> tuple[Path, Callable[[Any], Any]]:
        made = model(cell, stock)
        path = folder / f"model{SUFFIXES[format]}"
        shape: Any = made.inputs[0].shape
        options: dict[str, Any] = {}
        if format == "torch" and cell.open_axes():
            import torch

            # Keras replaces what is open by 2, where more than the open sizes is then 1 and so a constant.
            shape = cell.shapes()[0]
            options["dynamic_shapes"] = dict.fromkeys(cell.open_axes(), torch.export.Dim.DYNAMIC)
        # Without a signature Keras leaves the batch open.
        signature = [keras.InputSpec(shape=shape, dtype="float32", name="image")]
        made.export(str(path), format=format, verbose=False, input_signature=signature, **options)
        return path, lambda x: array(made(x))

    return write


def jax_export(cell: Cell, folder: Path) -> tuple[Path, Callable[[Any], Any]]:
    """`jax.export`, serialised; open sizes are symbolic."""
    import jax

    arrays = [jax.numpy.asarray(kernel) for kernel in arrays_of(cell)]
    function = lambda x: call(cell, x, *arrays)  # noqa: E731
    names = [f"s{axis}" if axis in cell.open_axes() else str(size) for axis, size in enumerate(cell.shapes()[0])]
    shape = jax.export.symbolic_shape(", ".join(names))
    program = jax.export.export(jax.jit(function))(jax.ShapeDtypeStruct(shape, "float32"))
    path = folder / "model.jax"
    path.write_bytes(program.serialize())
    return path, lambda x: array(function(jax.numpy.asarray(x)))


def module(cell: Cell) -> Any:
    """A module of PyTorch that calls the function of a cell."""
    import torch

    class Module(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            tensors = map(torch.from_numpy, arrays_of(cell))
            self.kernels = torch.nn.ParameterList([torch.nn.Parameter(tensor) for tensor in tensors])

        def forward(self, x: Any) -> Any:
            return call(cell, x, *self.kernels)

    return Module().eval()


def torch_route(
    write: Callable[[Any, Any, dict[int, Any], str], None], suffix: str
) -> Callable[[Cell, Path], tuple[Path, Callable[[Any], Any]]]:
    """A way to export a module, from what writes it: `write(module, x, open sizes, path)`."""

    def export(cell: Cell, folder: Path) -> tuple[Path, Callable[[Any], Any]]:
        import torch

        made, path = module(cell), folder / f"model{suffix}"
        dynamic = dict.fromkeys(cell.open_axes(), torch.export.Dim.DYNAMIC)
        with torch.no_grad():
            write(made, torch.from_numpy(cell.inputs()[0]), dynamic, str(path))
        return path, lambda x: made(torch.from_numpy(x)).detach().numpy()

    return export


def torch_program(made: Any, x: Any, dynamic: dict[int, Any]) -> Any:
    """`torch.export.export`."""
    import torch

    return torch.export.export(made, (x,), dynamic_shapes=(dynamic,) if dynamic else None)


def write_program(made: Any, x: Any, dynamic: dict[int, Any], path: str) -> None:
    import torch

    torch.export.save(torch_program(made, x, dynamic), path)


def write_package(made: Any, x: Any, dynamic: dict[int, Any], path: str) -> None:
    import torch

    torch._inductor.aoti_compile_and_package(torch_program(made, x, dynamic), package_path=path)


def write_onnx(made: Any, x: Any, dynamic: dict[int, Any], path: str) -> None:
    import torch

    shapes = (dynamic,) if dynamic else None
    torch.onnx.export(made, (x,), path, dynamo=True, dynamic_shapes=shapes, verbose=False)


def write_onnx_from_torchscript(made: Any, x: Any, dynamic: dict[int, Any], path: str) -> None:
    import torch

    axes = {"image": {axis: f"size{axis}" for axis in dynamic}}
    torch.onnx.export(made, (x,), path, dynamo=False, input_names=["image"], dynamic_axes=axes)


def write_torchscript(made: Any, x: Any, dynamic: dict[int, Any], path: str) -> None:
    import torch

    torch.jit.save(torch.jit.trace(made, (x,)), path)


ROUTES = [
    Route("SavedModel (Keras on TensorFlow)", "tensorflow", "tf_saved_model", keras_export("tf_saved_model")),
    Route("ONNX (Keras on TensorFlow)", "tensorflow", "onnx", keras_export("onnx"), ("tf2onnx", "onnxruntime")),
    Route("LiteRT (Keras on TensorFlow)", "tensorflow", "litert", keras_export("litert"), ("ai_edge_litert",)),
    Route("OpenVINO (Keras on TensorFlow)", "tensorflow", "openvino", keras_export("openvino"), ("openvino",)),
    Route("SavedModel (Keras on JAX)", "jax", "tf_saved_model", keras_export("tf_saved_model"), ("tensorflow",)),
    Route("ONNX (Keras on JAX)", "jax", "onnx", keras_export("onnx"), ("jax2onnx", "onnxruntime")),
    Route("jax.export", "jax", "jax", jax_export),
    Route("ONNX (Keras on PyTorch)", "torch", "onnx", keras_export("onnx"), ("onnxscript", "onnxruntime")),
    Route("OpenVINO (Keras on PyTorch)", "torch", "openvino", keras_export("openvino"), ("openvino",)),
    Route("LiteRT (Keras on PyTorch)", "torch", "litert", keras_export("litert"), ("litert_torch", "ai_edge_litert")),
    Route("torch.export (Keras)", "torch", "torch", keras_export("torch")),
    Route("torch.export", "torch", "torch", torch_route(write_program, ".pt2")),
    Route("torch.onnx, dynamo=True", "torch", "onnx", torch_route(write_onnx, ".onnx"), ("onnxscript", "onnxruntime")),
    Route(
        "torch.onnx, dynamo=False", "torch", "onnx", torch_route(write_onnx_from_torchscript, ".onnx"), ("onnxruntime",)
    ),
    Route("torch.jit.trace", "torch", "torchscript", torch_route(write_torchscript, ".pt")),
    Route("AOTInductor", "torch", "torch_package", torch_route(write_package, ".pt2"), seldom=True),
]
HERE = [route for route in ROUTES if route.backend == BACKEND]


@contextlib.contextmanager
def quiet() -> Any:
    """Leave out what exporters print and warn: that is theirs. What they write is compared."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


class Different(Exception):  # noqa: N818
    """An artefact that runs, and gives other numbers than the eager model."""


def run(route: Route, cell: Cell, folder: Path, runtimes: Runtimes) -> list[str]:
    """Export a cell and run it in its runtime; return the artefact's operations.

    Raises:
        Different: other numbers than eager ones, beyond 1e-5 of the largest.
    """
    with quiet(), convpad.portable_pads() if cell.portable else contextlib.nullcontext():
        path, eager = route.write(cell, folder)
    outputs, operations = runtimes.run(route.runtime, str(path), cell.inputs())
    for x, output in zip(cell.inputs(), outputs, strict=True):
        want = eager(x)
        if output.shape != want.shape:
            raise Different(f"shape {output.shape} instead of {want.shape} for {x.shape}")
        difference = float(abs(output - want).max() / abs(want).max())
        if not difference <= 1e-5:
            raise Different(f"{difference:.1e} of the largest output for {x.shape}")
    return operations
