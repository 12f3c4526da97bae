"""Numbers of docs/sharding.md: transfers between devices, read from the programs that XLA compiles.

python docs/sharding_numbers.py             # the table of docs/sharding.md
python docs/sharding_numbers.py --json      # every case that tests/laws/test_sharding.py judges

Eight virtual devices of one CPU stand for eight real ones: the programs are partitioned alike.
"""

from __future__ import annotations

import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import convpad

DEVICES = 8
CHANNELS = 16
MIXED = (("circular", 1.5), ("reflect", "zeros"))
COPIES = ("reflect", "symmetric", "replicate", "circular", "reflect_odd", "symmetric_odd", MIXED)
MODES = ("zeros", 1.5, "ignore", *COPIES)
LONG = {"rows": (256, 64), "columns": (64, 256)}
MOVES = "all-gather|all-reduce|all-to-all|collective-permute|collective-broadcast|reduce-scatter"


@dataclass(frozen=True)
class Case:
    """One program: an operation on `(1, *size, 16)`, whose rows or columns are spread over the devices."""

    op: str
    mode: Any
    route: str
    sharded: str = "rows"
    part: str = "forward"  # or "gradients": of the input and of the kernel
    size: tuple[int, int] = (64, 64)
    window: int = 3
    strides: int = 1
    devices: int = DEVICES

    @property
    def name(self) -> str:
        mode = "mixed" if self.mode == MIXED else self.mode
        what = f"{self.op} {mode} {self.route} {self.sharded} {self.part} {self.size[0]}x{self.size[1]}"
        return f"{what} window {self.window} strides {self.strides} on {self.devices}"

    @property
    def kernel(self) -> tuple[int, ...]:
        return (self.window, self.window, CHANNELS, CHANNELS if self.op == "conv" else 1)

    def __call__(self, x: Any, kernel: Any) -> Any:
        op = getattr(convpad, self.op)
        return op(x, kernel, padding="same", padding_mode=self.mode, strides=self.strides, route=self.route)


def route_of(mode: Any) -> str:
    """Return the route without a padded copy."""
    return {"zeros": "native", "ignore": "rescale"}.get(mode, "correction")


def cases() -> list[Case]:
    """What the test judges by what moves, and by the numbers."""
    ways = ("rows", "columns")
    every = [(op, mode, route_of(mode)) for op in ("conv", "depthwise_conv") for mode in MODES]
    few = [row for row in TABLE if row[2] != "padded"]
    # Of a depthwise convolution less: for modes that copy, columns once.
    alike = [row for row in every if row[0] == "depthwise_conv" and row[1] in COPIES[1:]]
    found = [Case(*row, way) for row in every for way in ways if row not in alike]
    found += [Case(*row) for row in alike]
    found += [Case(*row, way, "gradients") for row in few for way in ways if way == "rows" or row[1] == "reflect"]
    found += [Case(*row, strides=2) for row in few]
    found += [Case(*row, way, window=7) for row in few if row[0] == "conv" for way in ways]
    found += [Case("conv", mode, route, way, size=LONG[way]) for _, mode, route in few[:3] for way in ways]
    return [*found, Case("conv", "reflect", "padded"), Case("conv", "reflect", "padded", size=LONG["rows"])]


TABLE = [
    ("conv", "zeros", "native"),
    ("conv", 1.5, "correction"),
    ("conv", "reflect", "correction"),
    ("conv", "ignore", "rescale"),
    ("depthwise_conv", "zeros", "native"),
    ("depthwise_conv", 1.5, "correction"),
    ("depthwise_conv", "reflect", "correction"),
    ("conv", "reflect", "padded"),
]


def large(devices: int) -> list[Case]:
    """What the table shows: 512 x 512 values in 16 channels are 16 MiB; only compiled."""
    return [Case(*row, size=(512, 512), devices=devices) for row in TABLE]


class Program(NamedTuple):
    """A compiled case and what it takes: tensors or, where it is only compiled, their shapes."""

    case: Case
    run: Any
    places: list[NamedSharding]


def function(case: Case) -> Any:
    """Of the input, the kernel and the cotangent."""
    if case.part == "forward":
        return lambda x, kernel, y: case(x, kernel)
    return lambda x, kernel, y: jax.vjp(case, x, kernel)[1](y)


def shapes(case: Case) -> list[jax.ShapeDtypeStruct]:
    x, kernel = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((1, *case.size, CHANNELS), case.kernel))
    return [x, kernel, jax.eval_shape(case, x, kernel)]


def program(case: Case) -> Program:
    mesh = Mesh(np.array(jax.devices()[: case.devices]), ("space",))
    spread = NamedSharding(mesh, PartitionSpec(None, *([None] * (case.sharded == "columns")), "space"))
    whole = NamedSharding(mesh, PartitionSpec())
    places = [spread, whole, spread]
    takes = [jax.ShapeDtypeStruct(s.shape, s.dtype, sharding=p) for s, p in zip(shapes(case), places, strict=True)]
    gives = spread if case.part == "forward" else (spread, whole)
    return Program(case, jax.jit(function(case), out_shardings=gives).lower(*takes).compile(), places)


@lru_cache
def values(case: Case) -> tuple[list[Any], list[np.ndarray]]:
    """Something to compute with, and what one device makes of it."""
    # With the padded tensor: that the routes agree on one device is shown elsewhere.
    rng = np.random.default_rng(0)
    given = [jnp.asarray(rng.normal(size=shape.shape), jnp.float32) for shape in shapes(case)]
    return given, [np.asarray(array) for array in jax.tree.leaves(jax.jit(function(case))(*given))]


def moved(text: str) -> list[tuple[str, list[int]]]:
    """Every collective of a compiled program, with the elements of each tensor that it gives to one device."""
    found = re.findall(rf"= (\([^)]*\)|\S+) ({MOVES})(?:-start)?\(", text)
    return [
        (kind, [prod(map(int, filter(None, sizes.split(",")))) for sizes in re.findall(r"\w\[([\d,]*)\]", result)])
        for result, kind in found
    ]


def measured(program: Program, compute: bool) -> dict[str, Any]:
    """What a program moves, how much memory it takes on each device in bytes, and how far it is from one device."""
    case, memory = program.case, program.run.memory_analysis()
    error = None
    if compute:
        given, wanted = values(replace(case, sharded="rows", route="padded", devices=1))
        got = program.run(*map(jax.device_put, given, program.places))
        pairs = zip(jax.tree.leaves(got), wanted, strict=True)
        error = max(float(abs(np.asarray(one) - other).max() / abs(other).max()) for one, other in pairs)
    return {
        "name": case.name,
        "moved": moved(program.run.as_text()),
        "error": error,
        "temporary": memory.temp_size_in_bytes,
        "total": memory.temp_size_in_bytes + memory.argument_size_in_bytes + memory.output_size_in_bytes,
    }


def measure(asked: list[Case], compute: bool = True) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(2) as pool:
        # Compiled side by side, run one after the other: two at a time could wait for each other's devices.
        return [measured(ready, compute) for ready in pool.map(program, asked)]


def control() -> list[tuple[str, list[int]]]:
    """What a program moves that needs the whole axis in one place: reading it must find that."""
    mesh = Mesh(np.array(jax.devices()), ("space",))
    rows = NamedSharding(mesh, PartitionSpec(None, "space"))
    x = jax.ShapeDtypeStruct((1, 64, 64, CHANNELS), jnp.float32, sharding=rows)
    return moved(jax.jit(lambda x: jnp.cumsum(jnp.sort(x, axis=1), axis=1)).lower(x).compile().as_text())


def moves(found: dict[str, Any]) -> str:
    """What moves, in a cell of the table."""
    kinds: dict[str, list[list[int]]] = {}
    for kind, sizes in sorted(found["moved"]):
        kinds.setdefault(kind, []).append(sizes)
    cells = [f"{len(rows)} {kind}, {sum(map(sum, rows)) * 4 / 1024:.0f}" for kind, rows in kinds.items()]
    return "; ".join(cells) or "nothing"


def table(found: dict[int, list[dict[str, Any]]]) -> str:
    """The table of the page, from what was found with each number of devices."""
    counts = sorted(found)
    head = ["route", "mode", f"{counts[-1]} devices: operations, KiB", *(f"MiB on {count}" for count in counts)]
    rows = [head, ["---"] * len(head)]
    for place, (op, mode, route) in enumerate(TABLE):
        sizes = [f"{found[count][place]['temporary'] / 2**20:.2f}" for count in counts]
        depthwise = " (depthwise)" * (op != "conv")
        rows.append([f"`{route}`{depthwise}", f"`{mode}`", moves(found[counts[-1]][place]), *sizes])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main(arguments: list[str]) -> None:
    # Read when JAX starts, which importing it does not do. Without LLVM's optimisations programs compile sooner.
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={DEVICES} --xla_backend_optimization_level=0"
    found = {count: measure(large(count), compute=False) for count in (1, 2, 4, 8)}
    written = table(found)
    if "--json" in arguments:
        spread = [row for rows in found.values() for row in rows]
        found = {"jax": jax.__version__, "table": written, "large": spread, "control": control()}
        written = json.dumps({**found, "cases": measure(cases())})
    sys.stdout.write(written + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
