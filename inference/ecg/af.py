"""Atrial fibrillation from intervals, and what it says about beats called S.

In atrial fibrillation every interval is unlike those before it, so that many beats
look early. Ectopic beats are early too, but what surrounds them repeats. Each
beat's last 64 intervals, the one after it among them, are described by how near they
lie to each other, and a logistic regression gives the probability of fibrillation.
No label of any beat is used, and nothing is carried but the intervals.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from inference.ecg.af_model import CENTRE, INTERCEPT, SLOPE
from inference.ecg.types import CLASSES, Array, Signal

INTERVALS = 64
FEWEST = 12  # with fewer known intervals nobody can tell
NEIGHBOURS = 6
FLOOR = 0.004  # of a distance of log intervals: R peaks are known to some ms
ALWAYS_LEFT = 0.03  # share of S that is left where fibrillation is certain
NORMAL, SUPRAVENTRICULAR = CLASSES.index("N"), CLASSES.index("S")

AF_FEATURES = (
    "step_median",
    "near_median",
    "near_upper",
    "pair_median",
    "pair_upper",
    "beat_upper",
    "spread_quarter",
    "spread_half",
    "spread_most",
    "turning_points",
    "one_back",
    "two_back",
)


def interval_rows(intervals: Array, pre_s: Array, post_s: Array) -> Array:
    """Return the last 64 intervals of each beat [n, 64] in s, NaN first if fewer.

    ``intervals`` are the known ones before the first beat, the latest last, at
    least 64 (NaN where there were fewer); ``pre_s`` and ``post_s`` are [n].
    """
    known = ~np.isnan(pre_s)
    line = np.concatenate((intervals[-INTERVALS:], pre_s[known]))
    rows = sliding_window_view(line, INTERVALS)[np.cumsum(known)]
    later = np.concatenate((rows[:, 1:], post_s[:, None]), axis=1)
    return np.where(np.isnan(post_s)[:, None], rows, later)


def _quantile(ordered: Array, count: Array, share: float) -> Array:
    """Return a quantile [n] of rows sorted with NaN last."""
    at = np.maximum(count - 1, 0) * share
    return np.asarray(
        np.take_along_axis(ordered, at.astype(np.int64)[:, None], axis=1)[:, 0]
    )


def _narrowest(ordered: Array, count: Array, share: float) -> Array:
    """Return the width [n] of the narrowest band that holds a share of each row."""
    start = np.arange(INTERVALS)[None, :]
    end = start + np.maximum((count * share).astype(np.int64) - 1, 1)[:, None]
    top = np.take_along_axis(ordered, np.minimum(end, INTERVALS - 1), axis=1)
    width = np.where(end < count[:, None], top - ordered, np.inf)
    return np.asarray(width.min(axis=1))


def _likeness(line: Array, mean: Array, lag: int) -> Array:
    """Return the correlation [n] of each row with itself ``lag`` beats before."""
    around = np.where(np.isnan(line), 0.0, line - mean[:, None])
    power = (around * around).sum(axis=1)
    product = (around[:, lag:] * around[:, :-lag]).sum(axis=1)
    return np.asarray(product / np.maximum(power, 1e-6))


def af_features(rows: Array) -> Array:
    """Return AF_FEATURES [n, 12] of rows [n, 64] of intervals in s, the last latest.

    Distances are of log intervals. ``near`` is an interval's distance to the
    nearest of the six before it, ``pair`` that of two intervals to two: small in
    any repeating pattern. ``beat`` is the distance to the median interval, for one
    interval or for two that make up for each other. ``spread`` is the narrowest
    band that holds a share of the intervals: small wherever there is a basic
    rhythm, whatever stands between. NaN comes first in a row.
    """
    with np.errstate(invalid="ignore"):
        return _features(rows)


def _features(rows: Array) -> Array:
    line = np.log(rows)
    count = (~np.isnan(rows)).sum(axis=1)
    ordered = np.sort(line, axis=1)  # NaN sorts last
    steps = np.abs(line[:, 1:] - line[:, :-1])
    near = steps.copy()
    pair = np.full_like(steps[:, 1:], np.nan)
    for lag in range(1, NEIGHBOURS + 1):
        distance = np.abs(line[:, lag:] - line[:, :-lag])
        near[:, lag - 1 :] = np.fmin(near[:, lag - 1 :], distance)
        both = np.maximum(distance[:, 1:], distance[:, :-1])
        pair[:, lag - 1 :] = np.fmin(pair[:, lag - 1 :], both)
    middle = _quantile(np.sort(rows, axis=1), count, 0.5)[:, None]
    beat = np.abs(rows[:, 1:] / middle - 1)
    double = np.abs((rows[:, 1:] + rows[:, :-1]) / middle - 2)
    beat[:, :-1] = np.fmin(beat[:, :-1], double[:, 1:])  # early and made up for
    beat = np.fmin(beat, double)
    sorted_steps, sorted_near = np.sort(steps, axis=1), np.sort(near, axis=1)
    sorted_pair, sorted_beat = np.sort(pair, axis=1), np.sort(beat, axis=1)
    turns = (line[:, 1:-1] - line[:, :-2]) * (line[:, 1:-1] - line[:, 2:]) > 0
    mean = np.nansum(line, axis=1) / np.maximum(count, 1)
    distances = (
        _quantile(sorted_steps, count - 1, 0.5),
        _quantile(sorted_near, count - 1, 0.5),
        _quantile(sorted_near, count - 1, 0.8),
        _quantile(sorted_pair, count - 2, 0.5),
        _quantile(sorted_pair, count - 2, 0.8),
        _quantile(sorted_beat, count - 1, 0.8),
        _narrowest(ordered, count, 0.25),
        _narrowest(ordered, count, 0.5),
        _narrowest(ordered, count, 0.75),
    )
    columns = (
        *(np.log(distance + FLOOR) for distance in distances),
        np.abs(turns.sum(axis=1) / np.maximum(count - 2, 1) - 2 / 3),  # 2/3: random
        np.abs(_likeness(line, mean, 1)),
        np.abs(_likeness(line, mean, 2)),
    )
    return np.stack(columns, axis=1)


def af_probability(intervals: Array, pre_s: Array, post_s: Array) -> Array:
    """Return the probability of atrial fibrillation around each beat [n].

    Arguments as in ``interval_rows``. 0 while fewer than 12 intervals are known.
    """
    rows = interval_rows(intervals, pre_s, post_s)
    enough = (~np.isnan(rows)).sum(axis=1) >= FEWEST
    out = np.zeros(len(rows))
    features = af_features(rows[enough])
    score = np.full(len(features), INTERCEPT)
    for k, (centre, slope) in enumerate(zip(CENTRE, SLOPE, strict=True)):
        score = score + slope * (features[:, k] - centre)
    out[enough] = 1 / (1 + np.exp(-score))
    return out


def gate(probabilities: Signal, af: Array) -> Signal:
    """Return class probabilities [n, 5] that believe in S less where AF is likely.

    Of a beat called S, the share min(1, 1.03 - af) is left and the rest goes to N;
    if that would let another class win, all of it goes. So a beat called V, F or Q
    stays what it was, and none becomes one.
    """
    out = probabilities.copy()
    called = probabilities.argmax(axis=1) == SUPRAVENTRICULAR
    if not called.any():
        return out
    beats = out[called]
    early = beats[:, SUPRAVENTRICULAR].copy()
    left = early * np.minimum(1.0, 1.0 + ALWAYS_LEFT - af[called]).astype(np.float32)
    left[left < beats[:, SUPRAVENTRICULAR + 1 :].max(axis=1)] = 0.0
    beats[:, NORMAL] += early - left
    beats[:, SUPRAVENTRICULAR] = left
    out[called] = beats
    return out
