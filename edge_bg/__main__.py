"""`python -m edge_bg` is `edge-bg`."""

from __future__ import annotations

from edge_bg.cli import main

if __name__ == "__main__":
    main()
