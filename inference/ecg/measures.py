"""What one second of signal looks like, in numbers free of gain, offset and rate.

A second is first averaged over bins of 10 ms, which any sampling frequency allows,
and smoothed, which takes 50 Hz out. Amplitudes are then compared with each other and
with what has been usual in the last minute of the same record.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.medians import middle, slide
from inference.ecg.types import Array

BINS = 100  # per second
RISE = 4  # bins of a QRS slope
BEND = 2  # bins: a bend is strongest at 25 Hz
PARTS = 5  # of a second, each with a level
REFERENCE_S = 60
LEVELS = 1024
HALVINGS = 10  # of a range, to find a median in it
LEAST = 1e-9  # mV, so that a ratio of nothing is a number
FLOOR = 0.01  # of the usual rise
ZIGZAG = 0.08  # of the usual rise: a turn
DUTY = 0.4  # of the second's own largest rise

# What is usual: the largest rise, the middle one, the bend, the swing of the level.
RISE_MAX, RISE_MID, ROUGH, SWING = range(4)
USUAL = 4
OWN, COMPARED = 12, 8
FEATURES = OWN + 2 * COMPARED

# ``past`` are the last seconds in order of time, ``ordered`` each row by size; zeros
# behind ``count``. ``before`` is what the second before was
# like, compared with what is usual.
MEASURES = np.dtype(
    [
        ("past", "f4", (USUAL, REFERENCE_S)),
        ("ordered", "f4", (USUAL, REFERENCE_S)),
        ("count", "i8"),
        ("rise", "f8"),
        ("level", "f8"),
        ("last_part", "f8"),
        ("before", "f8", (COMPARED,)),
    ],
    align=True,
)


class Measures(NamedTuple):
    """Amplitudes in mV of one second: for ``remember`` [USUAL]; features [FEATURES]."""

    rise: float
    mid: float
    rough: float
    span: float
    jump: float
    shift: float
    usual_rise: float
    usual_rough: float
    values: Array
    features: Array


@compiled
def start_measures(state: State) -> None:
    """Set the state before the first second: no level is known."""
    state.level = state.last_part = np.nan


@compiled
def to_bins(row: Array, fs: int) -> Array:
    """Return ``row`` [n] at ``fs`` Hz averaged over bins of 10 ms: [n * 100 / fs - 2].

    They are smoothed by 1-2-1, which takes 50 Hz out. Every sample counts for the time
    until the next one. No delay: bin k is the middle of k to k + 3.
    """
    count = len(row) * BINS // fs
    bins = np.zeros(count)
    # Time in units of 1 / (100 * fs) s: a sample lasts 100, a bin fs.
    i, left = 0, BINS
    for k in range(count):
        need = fs
        total = 0.0
        while need:
            step = min(left, need)
            total += row[i] * step
            need -= step
            left -= step
            if not left:
                i += 1
                left = BINS
        bins[k] = total / fs
    for k in range(count - 2):
        bins[k] = 0.25 * bins[k] + 0.5 * bins[k + 1] + 0.25 * bins[k + 2]
    return bins[: max(count - 2, 0)]


@compiled
def extremes(values: Array) -> tuple[float, float]:
    """Return the least and the greatest of ``values`` [n], n > 0, none NaN."""
    low = high = values[0]
    for value in values:
        low = value if value < low else low
        high = value if value > high else high
    return float(low), float(high)


@compiled
def _ratio(one: float, other: float, floor: float) -> float:
    """Return the logarithm of a ratio; below ``floor`` amplitudes hide nothing."""
    return float(np.log((one + floor) / (other + floor)))


@compiled
def measure(state: State, bins: Array) -> Measures:
    """Measure one second; ``bins`` [m] in mV hold more than RISE values.

    Compares with what ``remember`` was told of the last minute; updates ``state``
    (MEASURES). Our own. No delay beyond the second itself.
    """
    m = len(bins)
    rises = np.empty(m - RISE)
    for i in range(m - RISE):
        rises[i] = abs(bins[i + RISE] - bins[i])
    bends = np.empty(m - 2 * BEND)
    for i in range(m - 2 * BEND):
        bends[i] = abs(bins[i + 2 * BEND] - 2 * bins[i + BEND] + bins[i])
    _, rise = extremes(rises)
    busy = 0
    for value in rises:
        busy += 1 if value > DUTY * rise else 0
    mid, high = _two_places(rises, rise, len(rises) // 2, len(rises) * 3 // 4)
    calm, rough = _two_places(
        bends, extremes(bends)[1], len(bends) // 4, len(bends) // 2
    )
    bottom, top = extremes(bins)
    span = top - bottom

    usual_rise = max(rise, state.rise) if not state.count else _usual(state, RISE_MAX)
    floor = FLOOR * usual_rise + LEAST
    turns = _turns(bins, ZIGZAG * usual_rise)
    levels = np.empty(PARTS)
    last, jump = state.last_part, 0.0
    for k in range(PARTS):
        part = bins[k * m // PARTS : (k + 1) * m // PARTS]
        levels[k] = _nth(part, len(part) // 2, bottom, top)
        if not np.isnan(last):
            jump = max(jump, abs(levels[k] - last))
        last = levels[k]
    swing = levels.max() - levels.min()
    level = _nth(levels, PARTS // 2, bottom, top)
    shift = 0.0 if np.isnan(state.level) else abs(level - state.level)

    usual_mid = _usual(state, RISE_MID) if state.count else mid
    usual_rough = _usual(state, ROUGH) if state.count else rough
    usual_swing = _usual(state, SWING) if state.count else swing
    features = np.empty(FEATURES)
    features[0] = _ratio(mid, rise, floor)
    features[1] = _ratio(high, rise, floor)
    features[2] = _ratio(rough, rise, floor)
    features[3] = _ratio(calm, rise, floor)
    features[4] = _ratio(span, rise, floor)
    features[5] = _ratio(swing, rise, floor)
    features[6] = busy / len(rises)
    features[7] = turns * BINS / (10.0 * m)
    features[8] = _ratio(jump, usual_rise, floor)
    features[9] = _ratio(shift, usual_rise, floor)
    features[10] = _ratio(usual_rough, usual_rise, floor)
    features[11] = _ratio(usual_swing, usual_rise, floor)
    now = features[OWN : OWN + COMPARED]
    now[0] = _ratio(rise, usual_rise, floor)
    now[1] = _ratio(mid, usual_rise, floor)
    now[2] = _ratio(rough, usual_rise, floor)
    now[3] = _ratio(span, usual_rise, floor)
    now[4] = _ratio(swing, usual_rise, floor)
    now[5] = _ratio(mid, usual_mid, floor)
    now[6] = _ratio(rough, usual_rough, floor)
    now[7] = _ratio(swing, usual_swing, floor)
    features[OWN + COMPARED :] = state.before
    state.before[:] = now
    state.level, state.last_part = level, last
    values = np.empty(USUAL)
    values[RISE_MAX] = max(rise, state.rise)
    values[RISE_MID], values[ROUGH], values[SWING] = mid, rough, swing
    state.rise = rise
    return Measures(
        rise, mid, rough, span, jump, shift, usual_rise, usual_rough, values, features
    )


@compiled
def _two_places(values: Array, top: float, one: int, two: int) -> tuple[float, float]:
    """Return the ``one``-th and ``two``-th smallest of ``values``, in [0, ``top``].

    As exact as the levels are fine: counting is much faster than ordering.
    """
    counts = np.zeros(LEVELS, np.int32)
    scale = (LEVELS - 1) / max(top, LEAST)
    for value in values:
        counts[int(value * scale)] += 1
    level, below = 0, counts[0]
    while below <= one:
        level += 1
        below += counts[level]
    first = level
    while below <= two:
        level += 1
        below += counts[level]
    return (first + 0.5) / scale, (level + 0.5) / scale


@compiled
def _nth(values: Array, k: int, low: float, high: float) -> float:
    """Return the k-th smallest of a few ``values``, all in [low, high], nearly."""
    for _ in range(HALVINGS):
        guess = 0.5 * (low + high)
        below = 0
        for value in values:
            below += value <= guess
        if below > k:
            high = guess
        else:
            low = guess
    return 0.5 * (low + high)


@compiled
def _usual(state: State, what: int) -> float:
    return middle(state.ordered[what, : state.count])


@compiled
def _turns(bins: Array, least: float) -> int:
    """Count how often the signal turns back by more than ``least``."""
    turns, up, extreme = 0, True, bins[0]
    for value in bins:
        if up == (value > extreme):
            extreme = value
        elif abs(value - extreme) > least:
            turns, up, extreme = turns + 1, not up, value
    return turns


@compiled
def remember(state: State, values: Array) -> None:
    """Count a second's ``values`` [USUAL] in mV among the usual ones of the last 60."""
    last, count = REFERENCE_S - 1, state.count
    for k in range(USUAL):
        leaving = state.past[k, 0] if count == REFERENCE_S else np.nan
        value = float(np.float32(values[k]))  # as the past keeps it
        slide(state.ordered[k], count, leaving, value)
        if count == REFERENCE_S:
            state.past[k, :last] = state.past[k, 1:].copy()
        state.past[k, min(count, last)] = values[k]
    state.count = min(count + 1, REFERENCE_S)


@compiled
def skip(state: State) -> None:
    """Pass over a second without signal: what was before it is of no use behind it."""
    state.rise = 0.0
    state.before[:] = 0.0
    state.level = state.last_part = np.nan
