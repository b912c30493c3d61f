"""What the intervals around a beat say where ectopic beats are the rule.

The median interval of a patient is that of ectopic beats once these are most beats.
The upper quartile stays with the slow beats until three of four are early.
"""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.rr import OF_SPREAD, STARTS
from inference.ecg.types import Array

UNKNOWN_S = 0.8  # a reference while no interval is known
EARLY, LATE = 0.85, 1.2
FARTHEST = 1.2  # of the log of a ratio that is remembered

PACE_FEATURES = (
    "log_pre_upper",
    "log_post_upper",
    "log_upper_local",
    "log_pre_highest",
    "log_pre_lower",
    "log_upper_lower",
    "early_share",
    "late_share",
    "log_post_lower",
)


@compiled
def describe_pace(rr: State, pre: float, post: float, local: float, row: Array) -> None:
    """Write PACE_FEATURES [9] of a beat to ``row``; what is unknown is 0.

    ``rr`` (RR) holds the intervals up to ``pre``, in s as is ``post`` (NaN: unknown);
    ``local`` is their local reference (NaN: none). Upper, lower and highest are the
    quantiles 0.75, 0.25 and 0.9 of the last 60 intervals. Our own. Causal but for
    ``post``.
    """
    count = rr.counts[OF_SPREAD]
    ordered = rr.ordered[STARTS[OF_SPREAD] : STARTS[OF_SPREAD] + count]
    upper = highest = lower = UNKNOWN_S
    if np.isnan(local):
        local = UNKNOWN_S
    early, late = 0, 0
    if count:
        upper = ordered[int((count - 1) * 0.75)]
        highest = ordered[int((count - 1) * 0.9)]
        lower = ordered[int((count - 1) * 0.25)]
        for interval in ordered:
            early += interval < EARLY * upper
            late += interval > LATE * local
    row[0] = np.log(pre / upper)
    row[1] = np.log(post / upper)
    row[2] = np.log(upper / local)
    row[3] = np.log(pre / highest)
    row[4] = np.log(pre / lower)
    row[5] = np.log(upper / lower)
    row[6] = early / max(count, 1)
    row[7] = late / max(count, 1)
    row[8] = np.log(post / lower)
    for k in range(9):
        if np.isnan(row[k]):
            row[k] = 0.0


@compiled
def bounded(log_ratio: float) -> float:
    """Return the log of a ratio within +-1.2, what is remembered of it."""
    return min(max(log_ratio, -FARTHEST), FARTHEST)
