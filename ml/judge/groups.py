"""Which records are reported together, and the sums over them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml.data import DS1, DS2, PACED
from ml.judge.beats import Matrix
from ml.judge.record import Outcome

Outcomes = Sequence[Outcome]


def groups(outcomes: Outcomes) -> dict[str, list[Outcome]]:
    """Return the outcomes by part of mitdb, only parts that hold any."""
    parts = {"DS1": DS1, "DS2": DS2, "paced": PACED}
    chosen = {
        part: [o for o in outcomes if o.name in names] for part, names in parts.items()
    }
    chosen = {part: members for part, members in chosen.items() if members}
    if len(chosen) == 1:
        return chosen
    return {"all_48" if len(outcomes) == 48 else "all": list(outcomes), **chosen}


def pooled(matrices: Sequence[Matrix]) -> Matrix:
    """Return the sum of confusion matrices."""
    return np.asarray(np.sum(matrices, axis=0))
