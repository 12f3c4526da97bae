"""Hostile files: small models in every format, and the damage done to them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any


def tensor(name: str, shape: list[int | None]) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"shape": shape, "keras_history": [name, 0, 0]}}


def layer(kind: str, config: dict[str, Any], given: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    calls = [] if given is None else [{"args": given, "kwargs": {}}]
    entry = {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}
    return entry | {"name": config["name"], "inbound_nodes": calls} | more


def keras_config() -> dict[str, Any]:
    """A functional model as Keras 3 writes it: an input, a layer that pads, a convolution, a pool, a sum."""
    layers = [
        layer("InputLayer", {"name": "x", "batch_shape": [None, 8, 8, 3]}),
        layer("ZeroPadding2D", {"name": "pad", "padding": [[0, 1], [0, 1]]}, [tensor("x", [None, 8, 8, 3])]),
        layer(
            "Conv2D",
            {"name": "conv", "filters": 4, "kernel_size": [3, 3], "strides": [2, 2], "padding": "valid"},
            [tensor("pad", [None, 9, 9, 3])],
        ),
        layer("MaxPooling2D", {"name": "pool", "pool_size": [2, 2], "strides": None, "padding": "same"},
              [tensor("conv", [None, 4, 4, 4])]),
        layer("Add", {"name": "sum"}, [[tensor("pool", [None, 2, 2, 4]), tensor("pool", [None, 2, 2, 4])]]),
    ]  # fmt: skip
    config = {"name": "small", "layers": layers, "input_layers": ["x", 0, 0], "output_layers": ["sum", 0, 0]}
    return {"module": "keras", "class_name": "Functional", "config": config, "registered_name": "Functional"}


def exported() -> dict[str, Any]:
    """A program as `torch.export.save` of PyTorch 2.13 writes it: F.pad, a convolution, a pool."""

    def given(name: str, kind: str, value: Any) -> dict[str, Any]:
        return {"name": name, "arg": {kind: value}, "kind": 1}

    def node(target: str, result: str, *inputs: dict[str, Any]) -> dict[str, Any]:
        stack = "L__self__,,__main__.M;L__self__a,a,torch.nn.modules.conv.Conv2d"
        return {
            "target": f"torch.ops.aten.{target}",
            "inputs": list(inputs),
            "outputs": [{"as_tensor": {"name": result}}],
            "metadata": {"nn_module_stack": stack},
            "name": result,
        }

    def value(*sizes: int) -> dict[str, Any]:
        return {"dtype": 7, "sizes": [{"as_int": size} for size in sizes]}

    nodes = [
        node("pad.default", "padded", given("self", "as_tensor", {"name": "x"}), given("pad", "as_ints", [0, 1, 0, 1])),
        node("conv2d.default", "y", given("input", "as_tensor", {"name": "padded"}),
             given("weight", "as_tensor", {"name": "w"}), given("stride", "as_ints", [2, 2])),
        node("max_pool2d.default", "z", given("self", "as_tensor", {"name": "y"}),
             given("kernel_size", "as_ints", [3, 3]), given("stride", "as_ints", [2, 2]),
             given("padding", "as_ints", [1, 1]), given("ceil_mode", "as_bool", True)),
    ]  # fmt: skip
    values = {"x": value(1, 3, 8, 8), "w": value(4, 3, 3, 3), "padded": value(1, 3, 9, 9), "y": value(1, 4, 4, 4)}
    return {"graph_module": {"graph": {"nodes": nodes, "tensor_values": values | {"z": value(1, 4, 2, 2)}}}}


def zipped(name: str, text: str | bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return file.getvalue()


def h5(text: str) -> bytes:
    import h5py

    file = io.BytesIO()
    with h5py.File(file, "w") as held:
        held.attrs["model_config"] = text
        held.attrs["keras_version"] = "3.15.1"
    return file.getvalue()


ONNX = """<ir_version: 8, opset_import: ["": 17]>
small (float[1, 3, 8, 8] x, float[4, 3, 3, 3] w, float[4, 2, 3, 3] v) => (float[1, 2, n, m] z)
    <int64[8] p = {0, 0, 1, 1, 0, 0, 1, 1}> {
    padded = Pad <mode = "reflect"> (x, p)
    y = Conv <strides = [2, 2]> (padded, w)
    r = Relu (y)
    q = MaxPool <kernel_shape = [3, 3], strides = [2, 2], auto_pad = "SAME_UPPER"> (r)
    z = ConvTranspose <strides = [2, 2], output_padding = [1, 1], pads = [1, 1, 1, 1]> (q, v)
}"""


def onnx_bytes() -> bytes:
    import onnx

    return onnx.parser.parse_model(ONNX).SerializeToString()


def damaged(data: bytes, random: Random) -> bytes:
    """Bits flipped, a piece lost, doubled, made up, or the end gone."""
    found = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 5, 20))):
        place, kind = random.randrange(max(len(found), 1)), random.randrange(6)
        size = random.choice((1, 4, 16))
        if kind <= 1 and found:
            found[place] ^= 1 << random.randrange(8)
        elif kind == 2:
            del found[place : place + size]
        elif kind == 3:
            found[place:place] = found[place : place + size]
        elif kind == 4:
            found[place : place + size] = random.randbytes(size)
        else:
            del found[len(found) - random.randrange(1, 40) :]
    return bytes(found)


HOSTILE: tuple[Any, ...] = (
    None, True, -1, 0, 1, 7, 10**9, 2**63, 10**400, 1.5, float("nan"), "", "x", "same", "\x00",
    "\U0001f4a5", "__import__('os').system('x')", [], {}, [[]], [None], [[1, 2], [3, 4], [5, 6]], [10**9, 10**9],
    [0, 0], float("inf"), {"a": {}}, {"class_name": "Lambda", "config": {}},
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in JSON."""
    for key, entry in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(entry, (*path, key))


def rewritten(value: Any, random: Random) -> Any:
    """JSON with a few values replaced, taken away or copied from elsewhere in it."""
    value = json.loads(json.dumps(value))
    for _ in range(random.choice((1, 1, 2, 4))):
        every = list(places(value))
        if not every:
            break
        *path, key = random.choice(every)
        holder = value
        for step in path:
            holder = holder[step]
        kind = random.randrange(4)
        if kind == 0:
            del holder[key]
        elif kind == 1:
            found: Any = value
            for step in random.choice(every):
                try:
                    found = found[step]
                except (KeyError, IndexError, TypeError):
                    break
            holder[key] = json.loads(json.dumps(found))
        else:
            holder[key] = deepcopy(random.choice(HOSTILE))
    return value


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
