"""Imports of TensorFlow without the lines that it logs before its log level is read."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from convpad.core.imports import ImportHook

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


def quiet_tensorflow() -> None:
    """Let TensorFlow log nothing in this process, unless the environment says what it is to log.

    Keras imports TensorFlow where it is installed, on every backend, to write down a model's config (3.15.1).
    """
    if _LEVEL not in os.environ:
        os.environ[_LEVEL] = "3"
        sys.meta_path.insert(0, _QuietImport("tensorflow"))


class _QuietImport(ImportHook):
    """Imports a module while the standard error leads nowhere.

    The lines come from C++ and are written whatever the level, "before absl::InitializeLog() is called" (2.21).
    A failure is an exception, and is not lost.
    """

    def execute(self, run: Callable[[], None]) -> None:
        with _no_standard_error():
            run()


@contextmanager
def _no_standard_error() -> Iterator[None]:
    """Send what the process writes to its standard error nowhere while the block runs."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
