"""Where and with what were the figures taken? The machine and the versions, without names or paths."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import convpad

__all__ = ["machine", "versions"]

PACKAGES = {
    "jax": ("jax", "jaxlib"),
    "tensorflow": ("tensorflow-cpu", "tensorflow"),
    "torch": ("torch",),
}


def _processor() -> str:
    """The name of the CPU: Linux has it in a file, elsewhere it is what Python knows."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _memory() -> str:
    information = Path("/proc/meminfo")
    for line in information.read_text().splitlines() if information.exists() else []:
        if line.startswith("MemTotal"):
            return f"{int(line.split()[1]) / 2**20:.0f} GiB"
    return "unknown"


def machine() -> dict[str, str]:
    """CPU, cores that may be used, memory, operating system."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": f"{_processor()} ({platform.machine()})",
        "cores": str(usable),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
    }


def versions(backend: str, *others: str) -> dict[str, str]:
    """Python, convpad, Keras, NumPy, the backend, and other packages, as far as they are installed."""
    found = {"python": platform.python_version(), "convpad": convpad.__version__}
    for package in ("keras", "numpy", *PACKAGES[backend], *others):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
