"""A process that runs exported models, each in its own runtime, and in which convpad cannot be imported.

It reads pickled `(runtime, path, inputs)` from its standard input and answers each with the pickled outputs and the
names of the artefact's operations, or the text of what went wrong. `Runtimes` starts one and asks it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import re
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any, BinaryIO


class NotInstalled(MetaPathFinder):
    """Refuses convpad, as where it is not installed."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: object = None) -> None:
        if fullname.partition(".")[0] == "convpad":
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


Program = tuple[Callable[[Any], Any], Callable[[], Iterable[str]]]
"""What runs an artefact, and what lists its operations on numbers of 32 bits."""


def saved_model(path: str) -> Program:
    import tensorflow as tf

    loaded = tf.saved_model.load(path)

    def operations() -> Iterator[str]:
        nodes = list(loaded.signatures["serve"].graph.get_operations())
        functions = loaded.signatures["serve"].graph._functions.values()
        nodes += itertools.chain(*(function.graph.get_operations() for function in functions))
        for node in nodes:
            if any(output.dtype == tf.float32 for output in node.outputs):
                mode = node.get_attr("mode").decode().lower() if node.type == "MirrorPad" else ""
                yield f"{node.type} {mode}".strip()

    return lambda x: loaded.serve(tf.constant(x)).numpy(), operations


def onnx(path: str) -> Program:
    import onnx
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def operations() -> Iterator[str]:
        model = onnx.load(path)
        del model.graph.value_info[:]  # jax2onnx 0.13.0 writes shapes here that are not those of the values
        graph = onnx.shape_inference.infer_shapes(model).graph
        types = {value.name: value.type.tensor_type.elem_type for value in [*graph.value_info, *graph.output]}
        for node in graph.node:
            modes = [attribute.s.decode() for attribute in node.attribute if attribute.name == "mode"]
            if types.get(node.output[0], onnx.TensorProto.FLOAT) == onnx.TensorProto.FLOAT:
                yield f"Pad {(modes or ['constant'])[0]}" if node.op_type == "Pad" else node.op_type

    return lambda x: session.run(None, {session.get_inputs()[0].name: x})[0], operations


def litert(path: str) -> Program:
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path)

    def call(x: Any) -> Any:
        place = interpreter.get_input_details()[0]["index"]
        interpreter.resize_tensor_input(place, x.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(place, x)
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    def operations() -> Iterator[str]:
        types = {tensor["index"]: tensor["dtype"] for tensor in interpreter.get_tensor_details()}
        for operation in interpreter._get_ops_details():
            # The delegate's own name for what it took over from the others.
            if operation["op_name"] != "DELEGATE" and types.get(operation["outputs"][0]) == np.float32:
                yield operation["op_name"]

    return call, operations


def openvino(path: str) -> Program:
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    # Where the processor has bfloat16, OpenVINO computes in it unless it is told the precision.
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def operations() -> Iterator[str]:
        floats = [
            op for op in model.get_ops() if "f32" in [str(o.get_element_type().get_type_name()) for o in op.outputs()]
        ]
        for operation in floats:
            mode = operation.get_attributes().get("pad_mode", "") if operation.get_type_name() == "Pad" else ""
            yield f"{operation.get_type_name()} {mode}".strip()

    return lambda x: compiled(x)[0], operations


def torch_program(path: str) -> Program:
    import torch

    program = torch.export.load(path)
    module = program.module()

    def operations() -> Iterator[str]:
        for node in program.graph.nodes:
            value = node.meta.get("val")
            if node.op == "call_function" and getattr(value, "dtype", None) == torch.float32:
                mode = node.args[2:3] if "aten.pad." in str(node.target) else ()
                yield " ".join([str(getattr(node.target, "overloadpacket", node.target)), *map(str, mode)])

    return lambda x: module(torch.from_numpy(x)).detach().numpy(), operations


def torchscript(path: str) -> Program:
    import torch

    program = torch.jit.load(path)

    def operations() -> Iterator[str]:
        for node in program.inlined_graph.nodes():
            # A traced graph keeps the types of most values; what has none may be a value.
            if all("Long" in str(output.type()) or "int" in str(output.type()) for output in node.outputs()):
                continue
            mode = [value.toIValue() for value in list(node.inputs())[2:3]] if node.kind() == "aten::pad" else []
            yield " ".join([node.kind(), *map(str, mode)])

    return lambda x: program(torch.from_numpy(x)).detach().numpy(), operations


def torch_package(path: str) -> Program:
    import torch

    program = torch._inductor.aoti_load_package(path)
    return lambda x: program(torch.from_numpy(x)).detach().numpy(), lambda: ()


def convpad(path: str) -> Program:
    """What no artefact may need."""
    import convpad

    return convpad.pad, lambda: path


def jax_program(path: str) -> Program:
    import jax
    import numpy as np

    program = jax.export.deserialize(bytearray(Path(path).read_bytes()))
    return (
        lambda x: np.asarray(program.call(x)),
        lambda: re.findall(r"stablehlo\.(\w+)[^\n]*xf32>", program.mlir_module()),
    )


LOADERS: dict[str, Callable[[str], Program]] = {
    "tf_saved_model": saved_model,
    "onnx": onnx,
    "litert": litert,
    "openvino": openvino,
    "torch": torch_program,
    "torchscript": torchscript,
    "torch_package": torch_package,
    "jax": jax_program,
    "convpad": convpad,
}


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer questions until there are no more."""
    while True:
        try:
            runtime, path, inputs = pickle.load(questions)
        except EOFError:
            return
        try:
            program, operations = LOADERS[runtime](path)
            answer: Any = [program(x) for x in inputs], sorted(set(operations()))
        except Exception:
            answer = traceback.format_exc()
        pickle.dump(answer, answers)
        answers.flush()


class Runtimes:
    """One such process, started when it is first asked, and again if a runtime takes it down."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, runtime: str, path: str, inputs: list[Any]) -> tuple[list[Any], list[str]]:
        """Return the outputs of an artefact for each of some inputs, and the names of its operations."""
        if self._process is None or self._process.poll() is not None:
            environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
            self._process = subprocess.Popen(
                [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
            )
        process = self._process
        assert process.stdin
        assert process.stdout
        try:
            pickle.dump((runtime, path, inputs), process.stdin)
            process.stdin.flush()
            answer = pickle.load(process.stdout)
        except (EOFError, BrokenPipeError):
            raise RuntimeError(f"{runtime} took its process down with {path}: status {process.wait()}") from None
        if isinstance(answer, str):
            raise RuntimeError(f"{runtime} did not run {path}:\n{answer}")
        return answer

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            with contextlib.suppress(OSError):
                self._process.communicate(timeout=60)


if __name__ == "__main__":
    sys.meta_path.insert(0, NotInstalled())
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    # What runtimes print goes to the standard error: the standard output is for answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)
