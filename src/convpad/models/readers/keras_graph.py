"""Order and tensors of the calls in the config of a functional Keras model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from typing import Any

from convpad.core.errors import ModelFileError
from convpad.models.readers.keras_config import Config, TensorKey
from convpad.models.readers.walk import TensorInfo
from convpad.models.windows import Shape


def written_call(entry: Config, index: int) -> Any:
    """Return the arguments of a call as they are written in a config."""
    return entry["inbound_nodes"][index]


def result_of(results: dict[TensorKey, TensorInfo], key: TensorKey, hints: dict[TensorKey, Shape]) -> TensorInfo:
    """Return a tensor by its key. What is in doubt about the first output of a layer is so about all of them."""
    name, call, output = key
    # Keras counts the graph of a functional model as its first call, where the model is an output (keras 3.15.1).
    for other in (key, (name, call - 1, output)):
        if other in results:
            return results[other]
    first = results.get((name, call, 0), TensorInfo())
    return TensorInfo(hints.get(key), doubts=first.doubts)


def in_order(calls: list[tuple[str, int, list[tuple[TensorKey, Any]]]], known: Iterable[TensorKey]) -> Iterator[int]:
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
