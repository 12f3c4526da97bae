"""The machine and the versions of the packages, without names or paths."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import convpad

PACKAGES = {"jax": ("jax", "jaxlib"), "tensorflow": ("tensorflow-cpu", "tensorflow"), "torch": ("torch",)}


def _lines(path: str, field: str) -> list[str]:
    """Return the values of a field in one of Linux's files; none where there is no such file."""
    lines = Path(path).read_text().splitlines() if Path(path).exists() else []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(field)]


def machine() -> dict[str, str]:
    """Return the CPU, the number of usable cores, the memory and the operating system."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cpus, memory = _lines("/proc/cpuinfo", "model name"), _lines("/proc/meminfo", "MemTotal")
    cpu = cpus[0] if cpus else platform.processor() or platform.machine()
    return {
        "cpu": f"{cpu} ({platform.machine()})",
        "cores": str(usable),
        "memory": f"{int(memory[0].split()[0]) / 2**20:.0f} GiB" if memory else "unknown",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
    }


def describe_machine(machine: dict[str, str], versions: dict[str, str]) -> tuple[str, str]:
    """Return the machine and the versions as text."""
    packages = ", ".join(f"{name} {number}" for name, number in versions.items())
    return f"{machine['cpu']}, {machine['cores']} cores, {machine['memory']}, {machine['system']}", packages


def versions(backend: str, *others: str) -> dict[str, str]:
    """Return the versions of Python, convpad, Keras, NumPy, the backend and other packages, where installed."""
    numbers = {"python": platform.python_version(), "convpad": convpad.__version__}
    for package in ("keras", "numpy", *PACKAGES[backend], *others):
        try:
            numbers[package] = version(package)
        except PackageNotFoundError:
            continue
    return numbers
