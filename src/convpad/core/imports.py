"""Import hooks: functions that run once a framework has been imported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
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


class _Hook:
    """Finds a framework as the other finders do, and appends a function to its import."""

    def __init__(self, framework: str, load: Callable[[], object]) -> None:
        self.framework, self.load = framework, load

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.framework:
            return None
        # Those before it have been asked, and may ask it in turn.
        after = sys.meta_path[sys.meta_path.index(self) + 1 :]
        specs = (finder.find_spec(fullname, path, target) for finder in after)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                if self in sys.meta_path:
                    sys.meta_path.remove(self)
                    _try(self.load)

            spec.loader.exec_module = exec_module
        return spec
