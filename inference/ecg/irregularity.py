"""How irregular a row of intervals is, in the features the AF net takes.

Distances are of log intervals, so that they are shares of an interval. What repeats
in any way, at once or some beats later, is near to something before it; fibrillation
is near to nothing.
"""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import compiled
from inference.ecg.medians import put_in_order
from inference.ecg.types import Array

AF_FEATURES = (
    *("step_log", "step_05", "step_10", "step_20"),
    *("near_log", "near_03", "near_08", "near3_log"),
    *("pair_log", "pair_03", "pair_08"),
    *("beat_log", "beat_08", "double"),
    *("turning", "steady", "cells", "basic", "two_back_08"),
    *("longest_run", "run_square"),
    *("spread_quarter", "spread_half", "spread_most"),
    *("band_05", "band_10", "band_20"),
    *("low_tail", "high_tail", "log_median", "entropy"),
    *("one_back", "two_back", "three_back", "four_back"),
    *("around_log", "around_04"),
    *("early", "early_spread", "after_spread", "pair_spread"),
    "count",
)
INTERVALS = 64  # a row's length
ROOM = (2, INTERVALS)
FLOOR = 0.004  # of a distance: R peaks are known to some ms
NEIGHBOURS = 6
NOTHING_EARLY = -3.5  # the log of a spread where there is nothing to spread
_STEPS = AF_FEATURES.index("step_log")
_SORTED = AF_FEATURES.index("spread_quarter")
_BACK = AF_FEATURES.index("one_back")
_AROUND = AF_FEATURES.index("around_log")
_EARLY = AF_FEATURES.index("early")


@compiled
def describe_irregularity(row: Array, room: Array, out: Array) -> None:
    """Write AF_FEATURES [42] of intervals [n] in s to ``out``.

    ``row`` is in time order and holds 12 to 64 intervals; ``room`` [2, 64] is there
    to work in. Our own.
    """
    count = len(row)
    line, ordered = room[0, :count], room[1, :count]
    for k in range(count):
        line[k] = np.log(row[k])
    put_in_order(line, ordered)
    middle = 0.5 * (ordered[(count - 1) >> 1] + ordered[count >> 1])
    _describe_steps(row, line, middle, out[_STEPS:_SORTED])
    _describe_spread(ordered, middle, out[_SORTED:_BACK])
    _describe_likeness(line, out[_BACK:_AROUND])
    _describe_surroundings(line, out[_AROUND:_EARLY])
    _describe_early(row, line, middle, out[_EARLY:])
    out[-1] = count / INTERVALS


@compiled
def _describe_steps(row: Array, line: Array, middle: float, out: Array) -> None:
    """Describe each interval against the one before, the six before, and the median.

    ``near`` is the distance to the nearest of the six before it (``near3``: three),
    ``pair`` that of two intervals to two, ``beat`` that of an interval or of a pair
    to the median; ``steady`` and ``basic`` are shares that stay where they were or
    at the median, ``cells`` how many pairs of steps there are, a run is of steps
    below 5 %.
    """
    count, centre = len(row), np.exp(middle)
    out[:] = 0.0
    seen = np.uint64(0)
    before, run = 0.0, 0
    for k in range(1, count):
        change = line[k] - line[k - 1]
        step = abs(change)
        last = abs(before)
        near, near3, pair = step, step, max(step, last)
        for lag in range(2, min(NEIGHBOURS, k) + 1):
            distance = abs(line[k] - line[k - lag])
            near = min(near, distance)
            if lag <= 3:
                near3 = near
            if lag == 2:
                out[18] += distance > 0.08
            if lag < k:
                pair = min(pair, max(distance, abs(line[k - 1] - line[k - 1 - lag])))
        double = abs((row[k] + row[k - 1]) / centre - 2)
        beat = min(abs(row[k] / centre - 1), double)
        if k + 1 < count:
            beat = min(beat, abs((row[k + 1] + row[k]) / centre - 2))
        out[0] += np.log(step + FLOOR)
        out[1] += step > 0.05
        out[2] += step > 0.1
        out[3] += step > 0.2
        out[4] += np.log(near + FLOOR)
        out[5] += near > 0.03
        out[6] += near > 0.08
        out[7] += np.log(near3 + FLOOR)
        out[11] += np.log(beat + FLOOR)
        out[12] += beat > 0.08
        out[13] += double < 0.08
        out[17] += abs(line[k] - middle) < 0.06 and abs(line[k - 1] - middle) < 0.06
        if k > 1:
            out[8] += np.log(pair + FLOOR)
            out[9] += pair > 0.03
            out[10] += pair > 0.08
            out[14] += change * before < 0
            out[15] += step < 0.025 and last < 0.025
            across = min(max(int(before * 10 + 4), 0), 7)
            along = min(max(int(change * 10 + 4), 0), 7)
            seen |= np.uint64(1) << np.uint64(8 * across + along)
        if step < 0.05:
            run += 1
            out[19] = max(out[19], run)
        else:
            out[20] += run * run
            run = 0
        before = change
    out[20] += run * run
    while seen:
        seen &= seen - np.uint64(1)
        out[16] += 1
    for k in range(19):
        out[k] /= count - 2 if 8 <= k <= 10 or 14 <= k <= 15 or k == 18 else count - 1
    out[14] = abs(out[14] - 2 / 3)  # 2/3: random
    out[16] *= (count - 1) / min(count - 2, 40)
    out[19] /= count
    out[20] /= count * count


@compiled
def _describe_spread(ordered: Array, middle: float, out: Array) -> None:
    """Describe how the intervals lie around their median.

    The narrowest bands that hold a quarter, a half and three quarters of them, the
    largest shares that a band of 5, 10 and 20 % holds, the distances of the 5th and
    95th percentile, and the entropy in bins of 6 %.
    """
    count = len(ordered)
    for part in range(3):
        reach = max(int(count * 0.25 * (part + 1)) - 1, 1)
        width = np.inf
        for k in range(count - reach):
            width = min(width, ordered[k + reach] - ordered[k])
        out[part] = np.log(width + FLOOR)
    for part in range(3):
        most, end = 0, 0
        for k in range(count):
            while end < count and ordered[end] <= ordered[k] + 0.05 * (1 << part):
                end += 1
            most = max(most, end - k)
        out[3 + part] = most / count
    out[6] = middle - ordered[int((count - 1) * 0.05)]
    out[7] = ordered[int((count - 1) * 0.95)] - middle
    out[8] = middle
    entropy, inside, bin_before = 0.0, 0, -1
    for k in range(count):
        here = min(max(int((ordered[k] - middle) / 0.06 + 12), 0), 23)
        if here != bin_before and inside:
            entropy -= inside / count * np.log(inside / count)
            inside = 0
        inside += 1
        bin_before = here
    entropy -= inside / count * np.log(inside / count)
    out[9] = entropy / np.log(min(count, 24.0))


@compiled
def _describe_likeness(line: Array, out: Array) -> None:
    """Write the correlation of the row with itself 1 to 4 intervals before."""
    mean = 0.0
    for k in range(len(line)):
        mean += line[k]
    mean /= len(line)
    power = 1e-6
    for k in range(len(line)):
        power += (line[k] - mean) * (line[k] - mean)
    for lag in range(1, 5):
        product = 0.0
        for k in range(lag, len(line)):
            product += (line[k] - mean) * (line[k - lag] - mean)
        out[lag - 1] = product / power


@compiled
def _describe_surroundings(line: Array, out: Array) -> None:
    """Describe each interval's distance to the median of the five around it."""
    logs, calm, count = 0.0, 0, max(len(line) - 4, 1)
    for k in range(2, len(line) - 2):
        a, b, c, d, e = line[k - 2], line[k - 1], line[k], line[k + 1], line[k + 2]
        one = max(min(a, b), min(d, e))
        two = min(max(a, b), max(d, e))
        distance = abs(c - min(max(c, min(one, two)), max(one, two)))
        logs += np.log(distance + FLOOR)
        calm += distance < 0.04
    out[0], out[1] = logs / count, calm / count


@compiled
def _describe_early(row: Array, line: Array, middle: float, out: Array) -> None:
    """Describe intervals at least 10 % shorter than the one before.

    Their share, and the log of the spread of these, of those after them and of both
    together: ectopic beats have their habits.
    """
    centre = np.exp(middle)
    count = 0
    sums = np.zeros(6)
    for k in range(2, len(row) - 1):
        if line[k] < line[k - 1] - 0.1:
            both = np.log((row[k] + row[k + 1]) / (2 * centre))
            for part, value in enumerate(
                (line[k] - middle, line[k + 1] - middle, both)
            ):
                sums[2 * part] += value
                sums[2 * part + 1] += value * value
            count += 1
    out[0] = count / len(row)
    for part in range(3):
        out[1 + part] = NOTHING_EARLY
        if count > 1:
            mean = sums[2 * part] / count
            variance = max(sums[2 * part + 1] / count - mean * mean, 0.0)
            out[1 + part] = np.log(np.sqrt(variance) + 0.01)
