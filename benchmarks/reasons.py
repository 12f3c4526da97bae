"""Why is a target missed? What was found in profiles and compilers' output, and what was tried, by hand."""

from __future__ import annotations

from benchmarks.verdict import Verdict

__all__ = ["reason"]

REASONS = {
    ("jax", "time / the fastest"): "",
}
"""By backend and by how the target begins."""


def reason(verdict: Verdict) -> str:
    """What is known of a target that is missed; nothing if nothing is."""
    return next(
        (
            text
            for (backend, start), text in REASONS.items()
            if backend == verdict.backend and verdict.target.startswith(start)
        ),
        "",
    )
