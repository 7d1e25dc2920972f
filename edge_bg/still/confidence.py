"""How sure a cut-out is, as the overlap (IoU) that it can be expected to have with the truth.

Where a mask is neither subject nor room it is mostly wrong: the share of it that is firm says more of its IoU than
anything else that was tried (docs/lab/cut-outs.md). The line was fitted on one half of 191 labelled pictures of people;
on the other half it misses the true IoU by 0.017 on the mean, and the rank correlation is 0.72.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DOUBTFUL = 0.9
"""Below it a person should look: 1 picture in 12 of the half it was not chosen on, 5 of its 9 with an IoU below 0.9."""
SLOPE, OFFSET = 1.36, -0.356


def expected_overlap(mask: NDArray[np.float32]) -> float:
    """0 to 1 for the networks' mask, float32 (H, W) in 0..1, before it is fitted to edges; 0 where it shows nothing."""
    total = float(mask.sum())
    if total < 1:
        return 0.0
    firm = 1 - float(np.minimum(mask, 1 - mask).sum()) / total
    return min(max(SLOPE * firm + OFFSET, 0.0), 1.0)
