"""Files of a run on a GPU: times, memory and determinism, each with its dtype; written again with every cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.results import Cell, Determinism, Measured, Memory, save

__all__ = ["Files"]

COMMANDS: dict[type, str] = {Cell: "layers", Memory: "memory", Determinism: "determinism"}


@dataclass(slots=True)
class Files:
    """The measurements by command and dtype.

    Args:
        backend, device: as in `Run`.
        gpu: the name of the device.
        folder: where the files go.
        quick: whether the figures are no measurements.
    """

    backend: str
    device: str
    gpu: str
    folder: Path
    quick: bool = False
    _measured: dict[tuple[str, str], list[Measured]] = field(default_factory=dict)

    def add(self, dtype: str, one: Measured) -> None:
        """Add a measurement and write its file, so that an interruption loses one cell at most."""
        key = (COMMANDS[type(one)], dtype)
        self._measured.setdefault(key, []).append(one)
        self._write(key)

    def end(self, unreached: Sequence[str]) -> None:
        """Write down what was not reached, with the times of its dtype."""
        for command, dtype in self._measured:
            if command == COMMANDS[Cell]:
                self._write((command, dtype), [text for text in unreached if f", {dtype}, " in text])

    def _write(self, key: tuple[str, str], unreached: Sequence[str] = ()) -> None:
        command, dtype = key
        save(
            command,
            self.backend,
            self._measured[key],
            self.folder,
            dtype=dtype,
            quick=self.quick,
            setting=self.device,
            gpu=self.gpu,
            unreached=unreached,
        )
