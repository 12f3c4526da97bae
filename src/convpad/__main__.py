"""`python -m convpad`: the command line."""

from __future__ import annotations

from convpad.cli import main

if __name__ == "__main__":
    main()
