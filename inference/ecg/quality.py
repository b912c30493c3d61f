"""How good each second of signal is, and why it is not.

Rules compare with the record's own recent amplitude, so they hold at any gain.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.ecg.compiled import State, compiled
from inference.ecg.types import QUALITY_WORDS, Array, Mask

GOOD, FLAT, CLIPPED, NOISE, MISSING = range(len(QUALITY_WORDS))
REFERENCE_S = 60  # a minute, so that a silent heart does not become the usual
LEAST_MV = 0.1  # a smaller usual peak-to-peak is no heart's
MISSING_SHARE = 0.3
FLAT_SHARE = 0.002  # of the usual peak-to-peak
STUCK_SHARE = 0.95  # of samples equal to the one before
CLIP_SHARE = 0.10  # of samples at one extreme
MAINS_SHARE = 0.5  # of the power in one line of 50 or 60 Hz
ONLY_MAINS = 0.9  # nothing but mains: no beat can be seen
MAINS_LEVEL = 0.2  # peak-to-peak of the hum against the usual peak-to-peak
MAINS_HZ = (49.8, 50.0, 50.2, 59.8, 60.0, 60.2)  # the grid may be a little off
ROUGH = 0.08  # typical curvature against the usual peak-to-peak,
ROUGH_MV = 0.02  # and at least so much: finer noise hides nothing
SWING = 4.0  # peak-to-peak against the usual one
STEP = 1.5  # jump of the level against the usual peak-to-peak

# Peak-to-peak of the last seconds, how many they are, the last level (NaN: unknown).
QUALITY = np.dtype(
    [("ranges", "f8", (REFERENCE_S,)), ("count", "i8"), ("level", "f8")], align=True
)

Bytes = NDArray[np.uint8]


@compiled
def start_quality(state: State) -> None:
    """Set the state before the first second."""
    state.level = np.nan


@compiled
def judge_seconds(
    state: State, signal: Array, missing: Mask, fs: int
) -> tuple[Bytes, Bytes, Mask]:
    """Judge whole seconds of gap-free ``signal`` [s * fs]; updates ``state``.

    Returns per second, all [s]: a score of 0..100, an index into QUALITY_WORDS,
    and whether no beat can show in it. A last row shorter than a second is judged
    as it is. No delay beyond the second itself.
    """
    n = -(-len(signal) // fs)
    score, word = np.zeros(n, np.uint8), np.zeros(n, np.uint8)
    blind = np.zeros(n, np.bool_)
    for k in range(n):
        row, gaps = signal[k * fs : (k + 1) * fs], missing[k * fs : (k + 1) * fs]
        score[k], word[k], blind[k] = _judge(state, row, gaps, fs)
    return score, word, blind


@compiled
def _judge(state: State, row: Array, gaps: Mask, fs: int) -> tuple[float, int, bool]:
    """Judge one second."""
    gone = gaps.mean() > MISSING_SHARE
    low, high, middle = row.min(), row.max(), np.median(row)
    span = high - low
    usual, step = _references(state, span, middle, gone)
    stuck = 1.0
    if len(row) > 1:
        stuck = (row[1:] == row[:-1]).mean()
    flat = stuck >= STUCK_SHARE or span <= FLAT_SHARE * usual
    usual = max(usual, LEAST_MV)
    clipped = high - middle > 0.3 * span and _stays(row >= high - 1e-3 * span)
    clipped |= middle - low > 0.3 * span and _stays(row <= low + 1e-3 * span)

    centred = row - row.mean()
    power = max((centred**2).mean(), 1e-30)
    mains = _mains_power(centred, fs)
    # A sine of power p has a peak-to-peak of 2 * sqrt(2 * p).
    hum = mains > MAINS_SHARE * power and 8 * mains > (MAINS_LEVEL * usual) ** 2
    lag = max(int(np.rint(fs / 125)), 1)
    rough = 0.0
    if len(row) > 2 * lag:
        bend = row[2 * lag :] - 2 * row[lag:-lag] + row[: -2 * lag]
        rough = np.median(np.abs(bend))
    noise = hum or rough > max(ROUGH * usual, ROUGH_MV)
    noise |= span > SWING * usual or step > STEP * usual

    score = (40.0 if noise else 100.0) - min(300.0 * rough / usual, 35.0)
    # A hole marks its own steps as unreadable, not the whole second.
    blind = flat or (hum and mains > ONLY_MAINS * power)
    if gone:
        return 0.0, MISSING, blind
    if flat:
        return 0.0, FLAT, blind
    if clipped and not hum:
        return 15.0, CLIPPED, blind
    return score, NOISE if noise else GOOD, blind


@compiled
def _stays(at_edge: Mask) -> bool:
    """Tell whether the signal rests at its edge for a good part of the time."""
    resting = (at_edge[1:] & at_edge[:-1]).sum()
    return bool(resting > CLIP_SHARE * len(at_edge))


@compiled
def _mains_power(row: Array, fs: int) -> float:
    """Return the power of the stronger of 50 and 60 Hz."""
    best = 0.0
    for hz in MAINS_HZ:
        turn = 2 * np.cos(2 * np.pi * hz / fs)
        one = two = 0.0
        for value in row:
            one, two = value + turn * one - two, one
        best = max(best, one * one + two * two - turn * one * two)
    return 2 * best / len(row) ** 2


@compiled
def _references(
    state: State, span: float, level: float, gone: bool
) -> tuple[float, float]:
    """Return the usual peak-to-peak and the jump of the level of this second."""
    if not gone and span > 0.0:
        if state.count == REFERENCE_S:
            state.ranges[:-1] = state.ranges[1:].copy()
            state.count -= 1
        state.ranges[state.count] = span
        state.count += 1
    usual = 0.0
    if state.count:
        usual = np.sort(state.ranges[: state.count])[state.count // 2]
    step = abs(level - state.level)  # NaN compares as no step
    state.level = np.nan if gone else level
    return usual, step
