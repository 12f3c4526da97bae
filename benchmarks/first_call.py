"""Startup of a fresh process: `python -m benchmarks.first_call BACKEND MODEL DATA OUTPUT`, run by `startup`.

Nothing is imported before the clock runs but the standard library.
"""

from __future__ import annotations

import json
import os
import sys
from itertools import pairwise
from pathlib import Path
from time import perf_counter

PHASES = ("import", "build", "first forward pass", "first step of training")


def main(backend: str, model_file: str, data_file: str, output: str, *, ours: bool, memory: bool) -> None:
    """Write the seconds of each phase, or the bytes that a later step of training needs at most."""
    times = [perf_counter()]
    import keras

    if ours:
        import convpad.keras  # noqa: F401 (it registers its layers)
    times.append(perf_counter())
    model = keras.models.model_from_json(Path(model_file).read_text())
    times.append(perf_counter())

    import numpy as np

    from benchmarks.training import forward_of, training_of

    arrays = np.load(data_file)
    x, target = arrays["x"], arrays["target"]
    begin = perf_counter()
    forward_of(backend, model, x)()
    forward = perf_counter() - begin
    begin = perf_counter()
    step = training_of(backend, model, x, target)
    step()
    training = perf_counter() - begin
    starts = [end - start for start, end in pairwise(times)]
    result: dict[str, float] = dict(zip(PHASES, (*starts, forward, training), strict=True))
    if memory:
        from benchmarks.resident import peak

        step()
        result = {"peak": peak(step)}
    Path(output).write_text(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:5], ours="ours" in sys.argv, memory="memory" in sys.argv)
    sys.stdout.flush()
    os._exit(0)  # the end of a process is nobody's startup
