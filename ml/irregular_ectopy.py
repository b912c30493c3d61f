"""Ectopic beats put into intervals of sinus rhythm, so that they are not AF."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PATTERNS = ("rare", "frequent", "atrial", "bigeminy", "trigeminy", "mixed", "runs")
RATES = {
    "rare": (0.02, 0.1),
    "frequent": (0.1, 0.45),
    "atrial": (0.1, 0.5),
    "runs": (0.02, 0.15),
}
SPELL = 96  # intervals for which ectopic beats keep their habits


def with_ectopy(
    intervals: NDArray[np.float64], pattern: str, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the intervals [n] with early beats in one of PATTERNS.

    An early beat comes after 0.5 to 0.82 of the interval; then the pause makes up
    for it wholly (ventricular), or not (atrial). Habits change every 96 intervals.
    """
    out = intervals.copy()
    for start in range(0, len(out) - SPELL, SPELL):
        prematurity = rng.uniform(0.5, 0.82)
        jitter = rng.choice([0.01, 0.03, 0.06, 0.1])
        compensation = rng.choice([1.0, 1.0, rng.uniform(0.1, 0.9)])
        if pattern == "atrial":
            compensation = rng.uniform(0.0, 0.4)
        rate = rng.uniform(*RATES.get(pattern, (0.0, 1.0)))
        period = {"bigeminy": 2, "trigeminy": 3}.get(pattern, 0)
        if pattern == "mixed":
            period = int(rng.integers(2, 5))
        at, end = start, start + SPELL - 8
        while at < end:
            if period:
                here = rng.random() > (0.25 if pattern == "mixed" else 0.05)
                gap = period - 2
            else:
                here, gap = rng.random() < rate, 0
            if not here:
                at += 1
                continue
            length = int(rng.integers(2, 6)) if pattern == "runs" else 1
            lost = 0.0
            for k in range(length):
                early = min(prematurity * (1 + jitter * rng.standard_normal()), 0.95)
                lost = out[at + k] * (1 - early)
                out[at + k] *= early
            out[at + length] += compensation * lost
            at += length + 1 + gap
    return out
