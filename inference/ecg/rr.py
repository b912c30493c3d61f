"""What the intervals around a beat say about it.

Intervals are in seconds; NaN means unknown. References are medians of *stable*
intervals (within 12 % of the one before), so that ectopic beats do not move them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

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


@dataclass
class RRState:
    """The last valid intervals, oldest first, and their running mean."""

    intervals: Array = field(default_factory=lambda: np.full(KEPT, np.nan))
    mean: float = 0.0


class RRResult(NamedTuple):
    """Features [n, len(RR_FEATURES)] and pre-RR over the local reference [n]."""

    features: NDArray[np.float64]
    ratio: NDArray[np.float64]


def _sorted_median(rows: Array) -> tuple[Array, NDArray[np.int64]]:
    """Return the median of each row's numbers (NaN: none) and how many there are."""
    ordered = np.sort(rows, axis=1)  # NaN sorts last
    count = (~np.isnan(ordered)).sum(axis=1)
    row = np.arange(len(rows))
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    high = np.minimum(high, rows.shape[1] - 1)
    middle = (ordered[row, low] + ordered[row, np.minimum(high, count)]) / 2
    return np.where(count > 0, middle, np.nan), count


def _stable_median(plain: Array, stable: Array) -> Array:
    median, count = _sorted_median(stable)
    every, total = _sorted_median(plain)
    return np.where(count < np.minimum(8, total / 4), every, median)


def _running_means(state: RRState, valid: Array) -> tuple[Array, Array]:
    """Return the clipped running mean before and after each interval."""
    before, after = np.zeros(len(valid)), np.zeros(len(valid))
    mean = state.mean
    for k, interval in enumerate(valid.tolist()):
        before[k] = mean = mean or interval
        mean += 0.3 * (min(max(interval, 0.6 * mean), 1.6 * mean) - mean)
        after[k] = mean
    state.mean = mean
    return before, after


def rr_features(state: RRState, pre_s: Array, post_s: Array) -> RRResult:
    """Describe the intervals before and after each of n beats in order.

    ``pre_s`` and ``post_s`` are [n]. Causal but for ``post_s``. Updates ``state``.
    """
    n = len(pre_s)
    known = ~np.isnan(pre_s)
    mean_start = state.mean
    before, after = _running_means(state, pre_s[known])
    line = np.concatenate((state.intervals, pre_s[known]))
    state.intervals = line[len(line) - KEPT :].copy()
    if not n:
        return RRResult(np.zeros((0, len(RR_FEATURES))), np.zeros(0))
    # Row i of a window of w ends at the latest interval known at beat i.
    at = np.cumsum(known)
    previous = np.concatenate(([np.nan], line[:-1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        change = np.abs(line - previous)
        stable = np.where(change < STABLE * previous, line, np.nan)
        relative = change.copy()

        def windows(values: Array, width: int) -> Array:
            return np.asarray(sliding_window_view(values, width)[KEPT - width + at])

        local = _stable_median(windows(line, LOCAL), windows(stable, LOCAL))
        wide = _stable_median(windows(line, GLOBAL), windows(stable, GLOBAL))
        short = _stable_median(windows(line, SHORT), windows(stable, SHORT))
        jitter10 = _sorted_median(windows(relative, 10))[0] / local
        jitter30 = _sorted_median(windows(relative, 30))[0] / local
        recent = windows(line, 60)
        centre = _sorted_median(recent)[0]
        spread = 4 * (_sorted_median(np.abs(recent - centre[:, None]))[0] + 0.015)
        last1, last2 = line[KEPT - 2 + at], line[KEPT - 3 + at]
        mean_after = np.concatenate(([mean_start or np.nan], after))[at]
        mean_before = np.full(n, np.nan)
        mean_before[known] = before
        columns = [
            np.log(pre_s / local),
            np.log(post_s / local),
            np.log(pre_s / wide),
            np.log(post_s / wide),
            np.log(pre_s / last1),
            np.log(post_s / pre_s),
            np.log(last1 / local),
            np.log(last2 / local),
            np.log(pre_s / short),
            np.log(post_s / short),
            pre_s - 0.8,
            post_s - 0.8,
            local - 0.8,
            jitter10,
            jitter30,
            np.tanh((pre_s - mean_before) / spread),
            np.tanh((post_s - mean_after) / spread),
            (pre_s + post_s) / (2 * local) - 1,
        ]
    features = np.stack(columns, axis=1)
    features[np.isnan(features)] = 0.0
    flags = np.stack((~known, np.isnan(post_s)), axis=1).astype(np.float64)
    return RRResult(np.concatenate((features, flags), axis=1), pre_s / local)
