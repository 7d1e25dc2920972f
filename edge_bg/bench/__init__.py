"""`edge-bg bench`: what this machine does with the loop, measured side by side in one run, as text and as JSON.

Every figure is a ratio, a median or a count taken here and now; none comes from a table. Machines are noisy, so
what is compared is measured in turns.
"""

from __future__ import annotations

from edge_bg.bench.run import Options, run
from edge_bg.bench.text import text

__all__ = ["Options", "run", "text"]
