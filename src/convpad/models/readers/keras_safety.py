"""Whose is what a Keras config names, and does the config bring code along, or send for another file?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convpad.core.errors import PaddingError

__all__ = ["kind_of", "owner_of", "refuse_code"]

_CODE = ("Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
"""Keras's own classes whose meaning is code, in the config or in another file."""

_NO_PARTS_OF_MODELS = frozenset(("config", "datasets", "preprocessing", "saving", "utils"))
"""Modules of Keras that read files, write them, or change how Keras works (CVE-2025-8747, before Keras 3.11)."""

_FILES = ("vocabulary", "idf_weights")
"""What Keras before 3.12 reads from wherever a config says (CVE-2025-12058)."""


def owner_of(entry: dict[str, Any]) -> str:
    """Whose it is: "keras", "convpad" or "". Files of Keras 2, and `.h5` files, name no module."""
    module, name, registered = entry.get("module"), str(entry.get("class_name")), str(entry.get("registered_name"))
    if module is None:
        package = name.rpartition(">")[0]
        return {"": "keras", "convpad": "convpad"}.get(package, "")
    parts = str(module).split(".")
    if parts[0] == "convpad":
        return "convpad" if registered.startswith("convpad>") else ""
    if module == "builtins":  # so Keras writes functions that it finds among its own
        return "keras" if name == "function" else ""
    return "keras" if parts[0] == "keras" and not _NO_PARTS_OF_MODELS.intersection(parts) else ""


def kind_of(entry: dict[str, Any]) -> Any:
    """The name of its class, without its package."""
    kind = entry["class_name"]
    return kind.rpartition(">")[2] if isinstance(kind, str) else kind


def refuse_code(config: Any) -> None:
    """Refuses a config in which, at any depth, there is code, a name that leads to some, or another file's name.

    Raises:
        PaddingError: it names the layer.
    """
    for layer, entry in _entries(config, "model"):
        kind, inner = kind_of(entry), entry.get("config")
        itself = _has_name(entry)
        what = f"The layer {layer!r} {'is' if itself else 'holds what is'}"
        if kind in _CODE:
            raise PaddingError(
                f"{what} a {kind.strip('_')}: code, which is not run from a file. Give the model itself."
            )
        if not owner_of(entry) or (isinstance(kind, str) and not kind.isidentifier()):
            raise PaddingError(
                f"{what} of the class {kind!r}, which is not Keras's own; no code is run from a file. "
                "Give the model itself."
            )
        for key in _FILES:
            elsewhere: Any = inner.get(key) if isinstance(inner, dict) else None  # pyright: ignore
            if isinstance(elsewhere, str):
                raise PaddingError(f"{what} told its {key} by another file, {elsewhere!r}, which is not opened.")


def _entries(value: Any, layer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What in a config is of a class, and the name of the layer that it is, or is in."""
    if isinstance(value, list):
        for entry in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _entries(entry, layer)
    if not isinstance(value, dict):
        return
    found: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
    if "class_name" in found:
        layer = str(found["config"]["name"]) if _has_name(found) else layer
        yield layer, found
    for entry in found.values():
        yield from _entries(entry, layer)


def _has_name(entry: dict[str, Any]) -> bool:
    """Whether it is a layer, as far as can be seen: a policy of dtypes is named after one, and other things are not."""
    inner = entry.get("config")
    return isinstance(inner, dict) and "name" in inner and not str(entry["class_name"]).endswith("Policy")
