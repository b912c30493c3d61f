"""Whether 80 % means 80 %: reliability of the probabilities of found beats."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.ecg import CLASSES

BINS = 10
Real = NDArray[np.float64]


def reliability(said: Real, right: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Return per bin of probability: beats, mean probability, share that is right."""
    which = np.minimum((said * BINS).astype(int), BINS - 1)
    rows = []
    for k in range(BINS):
        inside = which == k
        if inside.any():
            rows.append(
                {
                    "from": k / BINS,
                    "beats": int(inside.sum()),
                    "said": round(float(said[inside].mean()), 4),
                    "right": round(float(right[inside].mean()), 4),
                }
            )
    return rows


def calibration_error(rows: list[dict[str, Any]]) -> float | None:
    """Return the expected calibration error: |said - right| weighted by beats."""
    beats = sum(row["beats"] for row in rows)
    if not beats:
        return None
    apart = sum(row["beats"] * abs(row["said"] - row["right"]) for row in rows)
    return round(apart / beats, 4)


def calibration(
    probabilities: NDArray[np.float32], classes: NDArray[np.int64]
) -> dict[str, Any]:
    """Judge probabilities [n, 5] of beats of known class [n] (0..4; false ones: 5)."""
    if not len(classes):
        return {}
    said = probabilities.astype(np.float64)
    best = said.argmax(axis=1)
    result: dict[str, Any] = {}
    parts = {"top": (said.max(axis=1), best == classes)}
    for name in "NSVF":
        k = CLASSES.index(name)
        parts[name] = (said[:, k], classes == k)
    for name, (share, right) in parts.items():
        rows = reliability(share, right)
        result[name] = {"ece": calibration_error(rows), "bins": rows}
    return result
