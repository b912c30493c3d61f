"""What the intervals around a beat say about it.

Intervals are in seconds; NaN means unknown. References are medians of *stable*
intervals (within 12 % of the one before), so that ectopic beats do not move them.
"""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.types import Array
from inference.engine.medians import median_distance, middle, slide

LOCAL, GLOBAL, SHORT = 80, 400, 12
STABLE = 0.12
KEPT = GLOBAL + 1

RR_FEATURES = (
    "log_pre_local",
    "log_post_local",
    "log_pre_global",
    "log_post_global",
    "log_pre_previous",
    "log_post_pre",
    "log_previous_local",
    "log_previous2_local",
    "log_pre_short",
    "log_post_short",
    "pre_s",
    "post_s",
    "local_s",
    "jitter10",
    "jitter30",
    "innovation_pre",
    "innovation_post",
    "compensation",
    "pre_missing",
    "post_missing",
)

# The windows whose numbers are kept in order: intervals, stable ones, changes.
PLAIN, STEADY, CHANGE = 0, 1, 2
KINDS = np.array([PLAIN] * 4 + [STEADY] * 3 + [CHANGE] * 2)
WIDTHS = np.array([LOCAL, GLOBAL, SHORT, 60, LOCAL, GLOBAL, SHORT, 10, 30])
STARTS = np.cumsum(WIDTHS) - WIDTHS
SPREAD, CHANGE10, CHANGE30 = 3, 7, 8
BASE_S = 0.015  # of the spread: R peaks are known to some ms

RR = np.dtype(
    [
        ("intervals", "f8", (KEPT,)),  # the last known ones, the latest last
        ("mean", "f8"),  # their clipped running mean, 0: none yet
        ("ordered", "f8", (int(WIDTHS.sum()),)),
        ("counts", "i8", (len(WIDTHS),)),
    ],
    align=True,
)


def start_rr(state: State) -> None:
    """Set a zeroed RR record to that of a record without a beat."""
    state["intervals"][:] = np.nan


@compiled
def _value(kind: int, interval: float, previous: float) -> float:
    """Return what a window of this kind holds of an interval, NaN: nothing."""
    if kind == PLAIN:
        return interval
    change = abs(interval - previous)
    if kind == CHANGE:
        return change
    return interval if change < STABLE * previous else np.nan


@compiled
def add_interval(state: State, interval: float) -> None:
    """Let a known interval enter every window of ``state``."""
    line = state.intervals
    latest = line[KEPT - 1]
    for w in range(len(WIDTHS)):
        kind, first, start = KINDS[w], KEPT - WIDTHS[w], STARTS[w]
        leaving = _value(kind, line[first], line[first - 1])
        entering = _value(kind, interval, latest)
        row = state.ordered[start : start + WIDTHS[w]]
        state.counts[w] = slide(row, state.counts[w], leaving, entering)
    for k in range(KEPT - 1):
        line[k] = line[k + 1]
    line[KEPT - 1] = interval


@compiled
def _middle(state: State, window: int) -> float:
    start = STARTS[window]
    row = state.ordered[start : start + WIDTHS[window]]
    return middle(row, state.counts[window])


@compiled
def reference(state: State, window: int) -> float:
    """Return the median of the stable intervals of a window: 0 local, 1, 2 short.

    Where they are few, in irregular rhythms, it is the median of all; NaN of none.
    """
    if state.counts[window + 4] < min(8.0, state.counts[window] / 4):
        return _middle(state, window)
    return _middle(state, window + 4)


@compiled
def describe_intervals(state: State, pre: float, post: float, row: Array) -> float:
    """Write RR_FEATURES of one beat to ``row``; return pre-RR over the local one.

    ``pre`` and ``post`` are the intervals in s around the beat (NaN: unknown).
    Causal but for ``post``. Updates ``state`` (RR). What is unknown is 0.
    """
    mean = state.mean if state.mean else np.nan
    expected = np.nan
    if not np.isnan(pre):
        expected = pre if np.isnan(mean) else mean
        bounded = min(max(pre, 0.6 * expected), 1.6 * expected)
        mean = expected + 0.3 * (bounded - expected)
        state.mean = mean
        add_interval(state, pre)
    line = state.intervals
    local, wide, short = reference(state, 0), reference(state, 1), reference(state, 2)
    centre = _middle(state, SPREAD)
    start = STARTS[SPREAD]
    recent = state.ordered[start : start + WIDTHS[SPREAD]]
    away = median_distance(recent, state.counts[SPREAD], centre)
    spread = 4 * (away + BASE_S)
    last1, last2 = line[KEPT - 2], line[KEPT - 3]
    row[0] = np.log(pre / local)
    row[1] = np.log(post / local)
    row[2] = np.log(pre / wide)
    row[3] = np.log(post / wide)
    row[4] = np.log(pre / last1)
    row[5] = np.log(post / pre)
    row[6] = np.log(last1 / local)
    row[7] = np.log(last2 / local)
    row[8] = np.log(pre / short)
    row[9] = np.log(post / short)
    row[10] = pre - 0.8
    row[11] = post - 0.8
    row[12] = local - 0.8
    row[13] = _middle(state, CHANGE10) / local
    row[14] = _middle(state, CHANGE30) / local
    row[15] = np.tanh((pre - expected) / spread)
    row[16] = np.tanh((post - mean) / spread)
    row[17] = (pre + post) / (2 * local) - 1
    for k in range(18):
        if np.isnan(row[k]):
            row[k] = 0.0
    row[18] = np.isnan(pre)
    row[19] = np.isnan(post)
    return float(pre / local)
