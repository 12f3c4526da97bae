"""Import hooks: functions that run once a framework has been imported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from convpad.core.errors import ConvpadError

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType


def when_imported(framework: str, load: Callable[[], object]) -> None:
    """Run `load` now if a framework is imported, else right after it will be.

    A `load` that fails does not fail the import of the framework: its first use will say why.
    """
    if framework in sys.modules:
        _try(load)
    else:
        sys.meta_path.insert(0, _Hook(framework, load))


def _try(load: Callable[[], object]) -> None:
    with suppress(ImportError, ConvpadError):
        load()


class ImportHook:
    """Finds one module as the finders after it do, and runs its import by `execute`."""

    def __init__(self, module: str) -> None:
        self.module = module

    def execute(self, run: Callable[[], None]) -> None:
        """Import the module by calling `run`."""
        raise NotImplementedError

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.module:
            return None
        # Those before it have been asked, and may ask it in turn.
        after = sys.meta_path[sys.meta_path.index(self) + 1 :]
        specs = (finder.find_spec(fullname, path, target) for finder in after)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module
            spec.loader.exec_module = lambda module: self.execute(partial(load, module))
        return spec


class _Hook(ImportHook):
    """Appends a function to the import of a framework, once."""

    def __init__(self, framework: str, load: Callable[[], object]) -> None:
        super().__init__(framework)
        self.load = load

    def execute(self, run: Callable[[], None]) -> None:
        run()
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            _try(self.load)
