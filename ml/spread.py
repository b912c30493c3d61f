"""How much figures differ from seed to seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def spread(rows: Sequence[Mapping[str, float]]) -> str:
    """Return mean and standard deviation of each figure over seeds, a line each.

    ``rows`` hold the same figures, one row per seed. The deviation is that of a
    sample: one seed has none.
    """
    count = len(rows)
    lines = [f"mean +- standard deviation of {count} seeds:"]
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        deviation = f"{values.std(ddof=1):.3f}" if count > 1 else "?"
        lines.append(f"  {name} {values.mean():.3f}+-{deviation}")
    return "\n".join(lines)
