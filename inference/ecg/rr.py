"""What the intervals around a beat say about it.

Intervals are in seconds; NaN means unknown. References are medians of *stable*
intervals (within 12 % of the one before), so that ectopic beats do not move them.
"""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.medians import median, median_distance, middle, slide
from inference.ecg.types import Array

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

# The windows whose numbers are kept in order: stable intervals, all, changes.
STEADY, PLAIN, CHANGE = 0, 1, 2
KINDS = np.array([STEADY, STEADY, STEADY, PLAIN, CHANGE, CHANGE])
WIDTHS = np.array([LOCAL, GLOBAL, SHORT, 60, 10, 30])
STARTS = np.cumsum(WIDTHS) - WIDTHS
OF_LOCAL, OF_GLOBAL, OF_SHORT, OF_SPREAD, OF_CHANGE10, OF_CHANGE30 = range(6)
BASE_S = 0.015  # of the spread: R peaks are known to some ms

RR = np.dtype(
    [
        ("intervals", "f8", (KEPT,)),  # the last known ones, the latest last
        ("known", "i8"),  # how many these are
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
    """Let a known interval in s enter every window of ``state`` (RR)."""
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
    state.known = min(state.known + 1, KEPT)


@compiled
def window_medians(state: State, medians: Array) -> None:
    """Write the median in s of each window [6] to ``medians``, NaN of an empty one.

    Where few intervals are stable, in irregular rhythms, the reference is the median
    of all.
    """
    for w in range(len(WIDTHS)):
        known = min(state.known, WIDTHS[w])
        if KINDS[w] == STEADY and state.counts[w] < min(8.0, known / 4):
            medians[w] = median(state.intervals[KEPT - known :].copy())
        else:
            numbers = state.ordered[STARTS[w] : STARTS[w] + state.counts[w]]
            medians[w] = middle(numbers)


@compiled
def describe_intervals(state: State, pre: float, post: float, row: Array) -> float:
    """Write RR_FEATURES [20] of a beat to ``row``; return the local reference in s.

    ``pre`` and ``post`` are the intervals in s around the beat (NaN: unknown).
    Causal but for ``post``. Updates ``state`` (RR). What is unknown is 0, but the
    reference, which is NaN before the first known interval. Our own.
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
    medians = np.empty(len(WIDTHS))
    window_medians(state, medians)
    local, wide, short = medians[OF_LOCAL], medians[OF_GLOBAL], medians[OF_SHORT]
    start = STARTS[OF_SPREAD]
    recent = state.ordered[start : start + state.counts[OF_SPREAD]]
    spread = 4 * (median_distance(recent, medians[OF_SPREAD]) + BASE_S)
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
    row[13] = medians[OF_CHANGE10] / local
    row[14] = medians[OF_CHANGE30] / local
    row[15] = np.tanh((pre - expected) / spread)
    row[16] = np.tanh((post - mean) / spread)
    row[17] = (pre + post) / (2 * local) - 1
    for k in range(18):
        if np.isnan(row[k]):
            row[k] = 0.0
    row[18] = np.isnan(pre)
    row[19] = np.isnan(post)
    return float(local)
