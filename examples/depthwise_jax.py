"""Depthwise convolutions of JAX on a CPU, with Flax and with one import changed (jax-ml/jax#23713, google/flax#4207).

    pip install 'convpad[flax]'
    python examples/depthwise_jax.py

The shape is the issue's: one image of 124 x 124 values with 256 channels, each convolved by a 3 x 3 kernel of its own.
The same model is made of `flax.nnx`'s layer and of `convpad.flax`'s: equal parameters, and equal numbers.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

import convpad.flax


def depthwise(layers: Any, channels: int) -> Any:
    """Return the issue's layer from a module that has a `Conv`: `nnx`, or `convpad.flax`."""
    return layers.Conv(channels, channels, (3, 3), feature_group_count=channels, rngs=nnx.Rngs(0))


def milliseconds(run: Callable[[], Any], rounds: int) -> float:
    """Return the time of the fastest of some rounds; a first one, which compiles, is not counted."""
    times: list[float] = []
    for number in range(rounds + 1):
        start = time.perf_counter()
        jax.block_until_ready(run())
        if number:
            times.append(1000 * (time.perf_counter() - start))
    return min(times)


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Time both layers forward and with their gradients, print the table, and return the ratios."""
    parser = argparse.ArgumentParser(description="Times Flax's depthwise convolution and convpad's, on this machine.")
    parser.add_argument("--size", type=int, default=124, help="height and width of the image")
    parser.add_argument("--channels", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args(arguments)
    shape = (1, options.size, options.size, options.channels)
    x = jax.random.normal(jax.random.key(0), shape)
    models = {"flax.nnx": depthwise(nnx, options.channels), "convpad.flax": depthwise(convpad.flax, options.channels)}

    def forward(model: Any, x: Any) -> Any:
        return model(x)

    def gradients(model: Any, x: Any) -> Any:
        return nnx.grad(lambda model, x: (model(x) ** 2).mean(), argnums=(0, 1))(model, x)

    print(f"Depthwise 3 x 3 on {shape}, JAX {jax.__version__} on {jax.default_backend()}, milliseconds, the best of "
          f"{options.rounds}")  # fmt: skip
    print(f"{'':12}{'flax.nnx':>12}{'convpad.flax':>14}{'ratio':>9}")
    ratios: dict[str, float] = {}
    for name, step in (("forward", forward), ("gradients", gradients)):
        print(f"{name:12}", end="", flush=True)
        times: list[float] = []
        for width, model in zip((12, 14), models.values(), strict=True):
            compiled = nnx.jit(step)
            times.append(milliseconds(lambda model=model, compiled=compiled: compiled(model, x), options.rounds))
            print(f"{times[-1]:{width}.1f}", end="", flush=True)
        ratios[name] = times[0] / times[1]
        print(f"{ratios[name]:9.1f}", flush=True)
    apart = jnp.abs(models["flax.nnx"](x) - models["convpad.flax"](x)).max()
    print(f"The numbers differ by {apart:.1e} at most.")
    return ratios


if __name__ == "__main__":
    main()
