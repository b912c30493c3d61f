"""Medians in compiled code: of values in any order, and of a window that slides.

A sliding window keeps its numbers in order, so that moving it by one costs one
removal and one insertion. NaN is no number: it is left out.
"""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import compiled
from inference.ecg.types import Array


@compiled
def nth(values: Array, k: int) -> float:
    """Return the k-th smallest of ``values`` [n], n above k; reorders them.

    Quickselect (Hoare 1961). Afterwards nothing before place k is larger, and nothing
    after it is smaller. Moves every value instead of asking first: a wrong guess of the
    processor costs more than ten moves.
    """
    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high) >> 1
        pivot = values[middle]
        values[middle] = values[high]
        values[high] = pivot
        place = low
        for i in range(low, high):
            value = values[i]
            values[i] = values[place]
            values[place] = value
            place += value < pivot
        values[high] = values[place]
        values[place] = pivot
        if k < place:
            high = place - 1
            continue
        equal = place + 1
        for i in range(place + 1, high + 1):
            value = values[i]
            values[i] = values[equal]
            values[equal] = value
            equal += value <= pivot
        if k < equal:
            break
        low = equal
    return float(values[k])


@compiled
def _below(values: Array, limit: float) -> int:
    """Return how many values lie below a limit."""
    count = 0
    for k in range(len(values)):
        count += values[k] < limit
    return count


@compiled
def nth_distance(distances: Array, k: int, guess: float, room: Array) -> float:
    """Return the k-th smallest of ``distances`` [n], which are 0 or more.

    Counting is a fraction of the cost of moving: the range that holds the answer is
    halved by counts from a first ``guess`` on, until few are left. ``room`` [n] is
    there to work in.
    """
    low, high, under, upto = -1.0, np.inf, 0, len(distances)
    for _ in range(12):
        if upto - under <= 8:
            break
        count = _below(distances, guess)
        if count <= k:
            low, under = guess, count
        else:
            high, upto = guess, count
        guess = 4 * low if high == np.inf else (max(low, -high / 2) + high) / 2
    left = 0
    for distance in distances:
        room[left] = distance
        left += low <= distance < high
    return nth(room[:left], min(k - under, left - 1)) if left else np.nan


@compiled
def put_in_order(values: Array, ordered: Array) -> None:
    """Write ``values`` [n] to ``ordered`` [n], the least first.

    They are few and none of them is NaN.
    """
    for k in range(len(values)):
        ordered[k] = -np.inf
    for k in range(len(values)):
        value = values[k]
        ordered[_below(values, value)] = value
    for k in range(1, len(values)):  # equal ones left gaps behind them
        ordered[k] = max(ordered[k - 1], ordered[k])


@compiled
def median(values: Array) -> float:
    """Return the median of ``values`` [n], NaN of none; reorders them.

    None of them is NaN.
    """
    half = len(values) >> 1
    if half == 0 and len(values) == 0:
        return np.nan
    upper = nth(values, half)
    if len(values) & 1:
        return upper
    lower = values[0]
    for k in range(1, half):
        lower = max(lower, values[k])
    return float((lower + upper) / 2)


@compiled
def slide(ordered: Array, count: int, leaving: float, entering: float) -> int:
    """Move a window's numbers on by one and return how many there are now.

    ``ordered`` [room] holds the ``count`` numbers of the window in order, then zeros;
    ``leaving`` is one of them or NaN, ``entering`` a number or NaN.
    """
    hole = count
    if not np.isnan(leaving):
        low, high = 0, count
        while low < high:
            middle = (low + high) >> 1
            if ordered[middle] < leaving:
                low = middle + 1
            else:
                high = middle
        hole = low
        count -= 1
    if np.isnan(entering):
        if not np.isnan(leaving):
            for k in range(hole, count):
                ordered[k] = ordered[k + 1]
            ordered[count] = 0.0
        return count
    count += 1
    while hole > 0 and ordered[hole - 1] > entering:
        ordered[hole] = ordered[hole - 1]
        hole -= 1
    while hole + 1 < count and ordered[hole + 1] < entering:
        ordered[hole] = ordered[hole + 1]
        hole += 1
    ordered[hole] = entering
    return count


@compiled
def middle(ordered: Array) -> float:
    """Return the median of numbers in order [n], NaN of none."""
    count = len(ordered)
    if count == 0:
        return np.nan
    return float((ordered[(count - 1) >> 1] + ordered[count >> 1]) / 2)


@compiled
def median_distance(ordered: Array, centre: float) -> float:
    """Return the median distance to ``centre`` of numbers in order [n], NaN of none."""
    count = len(ordered)
    if count == 0:
        return np.nan
    above = 0
    while above < count and ordered[above] < centre:
        above += 1
    below, lower, distance = above - 1, 0.0, 0.0
    # The nearest first, from both sides, up to the middle one.
    for _ in range((count >> 1) + 1):
        lower = distance
        if above >= count or (
            below >= 0 and centre - ordered[below] < ordered[above] - centre
        ):
            distance = centre - ordered[below]
            below -= 1
        else:
            distance = ordered[above] - centre
            above += 1
    return float(distance if count & 1 else (lower + distance) / 2)
