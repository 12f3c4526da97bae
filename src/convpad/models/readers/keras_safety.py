"""Safety of Keras configs: the package of each class, and a refusal of code and of the names of other files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convpad.core.errors import ModelFileError

_CODE = ("Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
"""Keras's own classes whose meaning is code, in the config or in another file."""

_NO_PARTS_OF_MODELS = frozenset(("config", "datasets", "preprocessing", "saving", "utils"))
"""Modules of Keras that read files, write them, or change how Keras works (CVE-2025-8747, before Keras 3.11)."""

_FILES = ("vocabulary", "idf_weights")
"""What Keras before 3.12 reads from wherever a config says (CVE-2025-12058)."""


def owner_of(entry: dict[str, Any]) -> str:
    """Return the package of a class: "keras", "convpad" or "". Files of Keras 2, and `.h5` files, name no module."""
    module, name, registered = entry.get("module"), str(entry.get("class_name")), str(entry.get("registered_name"))
    if module is None:
        if entry.get("registered_name") is not None or ("module" in entry and "registered_name" not in entry):
            return ""  # a class written in the program that saved it
        package = name.rpartition(">")[0]
        return {"": "keras", "convpad": "convpad"}.get(package, "")
    parts = str(module).split(".")
    if parts[0] == "convpad":
        return "convpad" if registered.startswith("convpad>") else ""
    if module == "builtins":  # so Keras writes functions that it finds among its own
        return "keras" if name == "function" else ""
    return "keras" if parts[0] == "keras" and not _NO_PARTS_OF_MODELS.intersection(parts) else ""


def kind_of(entry: dict[str, Any]) -> Any:
    """Return the name of a class without its package."""
    kind = entry["class_name"]
    return kind.rpartition(">")[2] if isinstance(kind, str) else kind


def refuse_code(config: Any) -> None:
    """Refuse a config that has code at any depth, a name that leads to some, or the name of another file."""
    for layer, entry in _entries(config, "model"):
        kind, inner = kind_of(entry), entry.get("config")
        subject = f"The layer {layer!r} {'is' if _has_name(entry) else 'holds what is'}"
        if kind in _CODE:
            raise ModelFileError(
                f"{subject} a {kind.strip('_')}: code, which is not run from a file. Give the model itself."
            )
        if not owner_of(entry) or (isinstance(kind, str) and not kind.isidentifier()):
            raise ModelFileError(
                f"{subject} of the class {kind!r}, which is not Keras's own; no code is run from a file. "
                "Give the model itself."
            )
        for key in _FILES:
            file: Any = inner.get(key) if isinstance(inner, dict) else None  # pyright: ignore
            if isinstance(file, str):
                raise ModelFileError(f"{subject} told its {key} by another file, {file!r}, which is not opened.")


def _entries(value: Any, layer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object with a class in a config, with the name of the layer that it is, or is in."""
    if isinstance(value, list):
        for inner in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _entries(inner, layer)
    if not isinstance(value, dict):
        return
    entry: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
    if "class_name" in entry:
        layer = str(entry["config"]["name"]) if _has_name(entry) else layer
        yield layer, entry
    for inner in entry.values():
        yield from _entries(inner, layer)


def _has_name(entry: dict[str, Any]) -> bool:
    """Return whether an object is a layer, as far as can be seen: only layers have names, and policies of dtypes."""
    inner = entry.get("config")
    return isinstance(inner, dict) and "name" in inner and not str(entry["class_name"]).endswith("Policy")
