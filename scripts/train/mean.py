"""The weighted mean of several files of weights, float16: better than each of them on pictures of none's kind.

    mean.py OUT.npz ONE.npz 0.7 OTHER.npz 0.3 ...

Wortsman et al., "Model soups", ICML 2022. They have to come from one start, and the shares to make 1.
"""

from __future__ import annotations

import sys

import numpy as np


def main() -> None:
    """Command line."""
    out, *rest = sys.argv[1:]
    files, shares = [np.load(name) for name in rest[::2]], [float(share) for share in rest[1::2]]
    if not files or len(files) != len(shares) or abs(sum(shares) - 1) > 1e-6:
        sys.exit(__doc__)
    np.savez(out, **{  # type: ignore[arg-type]
        name: sum(f[name].astype(np.float32) * s for f, s in zip(files, shares, strict=True)).astype(np.float16)
        for name in files[0].files
    })  # fmt: skip


if __name__ == "__main__":
    main()
