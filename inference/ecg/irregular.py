"""The probability of atrial fibrillation from intervals, before any class is known.

In atrial fibrillation every interval is unlike those before it, so that many beats
look early. Ectopic beats are early too, but what surrounds them repeats. Each
beat's last 64 intervals, the one after it among them, are described by how near they
lie to each other, and a logistic regression gives the probability of fibrillation.
No label of any beat is used, and nothing is carried but the intervals.
"""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import compiled
from inference.ecg.irregular_model import CENTRE, INTERCEPT, SLOPE
from inference.ecg.medians import nth_distance, put_in_order
from inference.ecg.types import Array

INTERVALS = 64
ROOM = (8, INTERVALS)
FEWEST = 12  # with fewer known intervals nobody can tell
NEIGHBOURS = 6
USUAL = 0.03  # a distance to begin with
FLOOR = 0.004  # of a distance of log intervals: R peaks are known to some ms

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
_centre, _slope = np.array(CENTRE), np.array(SLOPE)


@compiled
def interval_row(intervals: Array, post: float, row: Array) -> int:
    """Write a beat's last 64 intervals to ``row`` [64]; return how many are known.

    ``intervals`` [m] in s are the known ones up to the beat, the latest last, at least
    64 (NaN first where there were fewer); ``post`` is the one after it or NaN. Delay:
    one beat, for ``post``.
    """
    after = 0 if np.isnan(post) else 1
    start = len(intervals) - INTERVALS + after
    for k in range(INTERVALS - after):
        row[k] = intervals[start + k]
    if after:
        row[INTERVALS - 1] = post
    return _known(row)


@compiled
def _known(row: Array) -> int:
    known = len(row)
    while known and np.isnan(row[len(row) - known]):
        known -= 1
    return known


@compiled
def _quantile(distances: Array, share: float, room: Array) -> float:
    """Return a quantile of ``distances``, 0 of none."""
    if not len(distances):
        return 0.0
    return nth_distance(distances, int((len(distances) - 1) * share), USUAL, room)


@compiled
def _narrowest(ordered: Array, share: float) -> float:
    """Return the width of the narrowest band that holds a share of the values."""
    reach = max(int(len(ordered) * share) - 1, 1)
    width = np.inf
    for k in range(len(ordered) - reach):
        width = min(width, ordered[k + reach] - ordered[k])
    return width


@compiled
def _likeness(line: Array, mean: float, lag: int) -> float:
    """Return the correlation of a row with itself ``lag`` beats before."""
    power, product = 0.0, 0.0
    for k in range(len(line)):
        power += (line[k] - mean) * (line[k] - mean)
    for k in range(lag, len(line)):
        product += (line[k] - mean) * (line[k - lag] - mean)
    return product / max(power, 1e-6)


@compiled
def _nearest(line: Array, distance: Array, near: Array, pair: Array) -> None:
    """Fill ``near`` and ``pair`` with each interval's least distances."""
    count = len(line)
    for k in range(len(near)):
        near[k] = np.inf
    for k in range(len(pair)):
        pair[k] = np.inf
    for lag in range(1, min(NEIGHBOURS, count - 1) + 1):
        for k in range(count - lag):
            step = abs(line[k + lag] - line[k])
            distance[k] = step
            least = near[k + lag - 1]
            near[k + lag - 1] = step if step < least else least
        for k in range(count - lag - 1):
            a, b, least = distance[k], distance[k + 1], pair[k + lag - 1]
            both = a if a > b else b
            pair[k + lag - 1] = both if both < least else least


@compiled
def _out_of_beat(intervals: Array, centre: float, beat: Array) -> None:
    """Fill ``beat`` with each interval's distance to the median, or its pair's."""
    for k in range(len(intervals)):
        beat[k] = abs(intervals[k] / centre - 1)
    for k in range(1, len(intervals)):
        double = abs((intervals[k] + intervals[k - 1]) / centre - 2)
        beat[k] = min(beat[k], double)
        beat[k - 1] = min(beat[k - 1], double)  # early and made up for


@compiled
def describe_row(row: Array, known: int, room: Array, out: Array) -> None:
    """Write AF_FEATURES [12] of the last ``known`` of a ``row`` [64] in s to ``out``.

    ``room`` [8, 64] is there to work in. Our own; ``af_features`` says what they are.
    """
    intervals = row[len(row) - known :]
    line, ordered = room[0, :known], room[1, :known]
    near, pair = room[2, : max(known - 1, 0)], room[3, : max(known - 2, 0)]
    beat, steps = room[4, :known], room[5, : max(known - 1, 0)]
    turns, total = 0, 0.0
    for k in range(known):
        line[k] = np.log(intervals[k])
        total += line[k]
    for k in range(1, known - 1):
        turns += (line[k] - line[k - 1]) * (line[k] - line[k + 1]) > 0
    mean = total / max(known, 1)
    put_in_order(line, ordered)
    centre = np.exp(ordered[(known - 1) >> 1]) if known else np.nan
    _out_of_beat(intervals, centre, beat)
    _nearest(line, steps, near, pair)
    for k in range(1, known):
        steps[k - 1] = abs(line[k] - line[k - 1])
    left = room[6]
    out[0] = _quantile(steps, 0.5, left)
    out[1], out[2] = _quantile(near, 0.5, left), _quantile(near, 0.8, left)
    out[3], out[4] = _quantile(pair, 0.5, left), _quantile(pair, 0.8, left)
    # Of a full row the first interval, with half its neighbours unseen, is left out.
    kept = beat[1:] if known == len(row) else beat
    upper = max(int((known - 2) * 0.8), 0)
    out[5] = nth_distance(kept, upper, USUAL, left) if known else 0.0
    out[6], out[7] = _narrowest(ordered, 0.25), _narrowest(ordered, 0.5)
    out[8] = _narrowest(ordered, 0.75)
    for k in range(9):
        out[k] = np.log(out[k] + FLOOR)
    out[9] = abs(turns / max(known - 2, 1) - 2 / 3)  # 2/3: random
    out[10] = abs(_likeness(line, mean, 1))
    out[11] = abs(_likeness(line, mean, 2))


@compiled
def af_features(rows: Array) -> Array:
    """Return AF_FEATURES [n, 12] of rows [n, 64] of intervals in s, the last latest.

    Distances are of log intervals. ``near`` is an interval's distance to the
    nearest of the six before it, ``pair`` that of two intervals to two: small in
    any repeating pattern. ``beat`` is the distance to the median interval, for one
    interval or for two that make up for each other. ``spread`` is the narrowest
    band that holds a share of the intervals: small wherever there is a basic
    rhythm, whatever stands between. NaN comes first in a row. Our own.
    """
    features = np.empty((len(rows), len(AF_FEATURES)))
    room = np.empty(ROOM)
    for k in range(len(rows)):
        describe_row(rows[k], _known(rows[k]), room, features[k])
    return features


@compiled
def probability_of(row: Array, known: int, room: Array) -> float:
    """Return the probability of fibrillation of a row [64] of intervals in s.

    Its last ``known`` are intervals; ``room`` [8, 64] is there to work in. 0 while
    fewer than 12 are known.
    """
    if known < FEWEST:
        return 0.0
    features = room[7, : len(AF_FEATURES)]
    describe_row(row, known, room, features)
    score = INTERCEPT
    for k in range(len(features)):
        score += _slope[k] * (features[k] - _centre[k])
    return float(1 / (1 + np.exp(-score)))


@compiled
def af_probability(intervals: Array, pre_s: Array, post_s: Array) -> Array:
    """Return the probability of atrial fibrillation around each beat [n].

    ``intervals`` [m] are the known ones before the first beat in s, the latest last, at
    least 64 (NaN first where there were fewer); ``pre_s`` and ``post_s`` are [n],
    the intervals around each beat (NaN: unknown). 0 while fewer than 12 intervals
    are known. Delay: one beat, for ``post_s``.
    """
    line = np.concatenate((intervals[len(intervals) - INTERVALS :], pre_s))
    row, room = np.empty(INTERVALS), np.empty(ROOM)
    out, end = np.empty(len(pre_s)), INTERVALS
    for k in range(len(pre_s)):
        if not np.isnan(pre_s[k]):
            line[end] = pre_s[k]
            end += 1
        known = interval_row(line[:end], post_s[k], row)
        out[k] = probability_of(row, known, room)
    return out
