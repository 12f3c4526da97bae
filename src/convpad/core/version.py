"""Version of convpad, for the parts that may not import the package as a whole."""

from __future__ import annotations

__version__ = "0.1.0"
