"""How good each second of signal is, and why it is not.

Rules compare with the record's own amplitude of the last minute, so they hold at any
gain. What is flat, clipped or hum is told by rules; how much electrode motion or
muscle there is, by a small net on ``measures``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.ecg.compiled import State, compiled
from inference.ecg.contact import QUIET, REST_S, follow_contact
from inference.ecg.measures import (
    MEASURES,
    Measures,
    extremes,
    measure,
    remember,
    skip,
    start_measures,
    to_bins,
)
from inference.ecg.quality_model import HIDDEN, HIDDEN_BIAS, OUT, OUT_BIAS
from inference.ecg.types import QUALITY_WORDS, Array, Mask

GOOD, FLAT, CLIPPED, MAINS, MOTION, MUSCLE, MISSING = range(len(QUALITY_WORDS))
MISSING_SHARE = 0.3
FLAT_SHARE = 0.004  # of the usual rise of a QRS
STUCK_SHARE = 0.95  # of samples equal to the one before
CLIP_SHARE = 0.10  # of samples at one extreme
MAINS_SHARE = 0.5  # of the power in one line of 50 or 60 Hz
ONLY_MAINS = 0.9  # nothing but mains: no beat can be seen
MAINS_LEVEL = 0.2  # peak-to-peak of the hum against the usual rise
MAINS_HZ = (49.8, 50.0, 50.2, 59.8, 60.0, 60.2)  # the grid may be a little off
SAY, MOST_SAY = 0.5, 3.0  # of the second before, in logits
FEWEST_BINS = 20  # of a part of a second: less has no shape
LAST_MINUTE = (1 << 60) - 1
RESTLESS = 15  # noisy seconds of the last minute: silence behind them may be no heart's
SELDOM = 8  # a second in so many of what is not usual makes the new usual

# What the measures remember, the record's second, and for how many quiet seconds
# the contact of the electrodes is still doubted; how bad (in logits) the second before
# was taken for; one bit for each second of the last minute that was noisy.
QUALITY = np.dtype(
    [
        ("measures", MEASURES),
        ("second", "i8"),
        ("doubt", "i8"),
        ("before", "f8"),
        ("noisy", "i8"),
    ],
    align=True,
)

Bytes = NDArray[np.uint8]


@compiled
def is_noisy(word: int) -> bool:
    """Tell whether a second of this code of QUALITY_WORDS cannot be read for noise."""
    return word in (CLIPPED, MAINS, MOTION, MUSCLE)


@compiled
def start_quality(state: State) -> None:
    """Set the state before the first second."""
    start_measures(state.measures)


@compiled
def judge_seconds(
    state: State, signal: Array, missing: Mask, fs: int
) -> tuple[Bytes, Bytes, Mask]:
    """Judge whole seconds of gap-free ``signal`` [s * fs] in mV; updates ``state``.

    ``missing`` [s * fs] tells which samples were holes. Returns per second, all [s]: a
    score uint8 of 0..100, an index into QUALITY_WORDS, and whether no beat can show in
    it. A last row shorter than a second is judged as it is. Hum is found by Goertzel's
    algorithm, the rest is our own. No delay beyond the second itself.
    """
    n = -(-len(signal) // fs)
    score, word = np.zeros(n, np.uint8), np.zeros(n, np.uint8)
    blind = np.zeros(n, np.bool_)
    for k in range(n):
        row, gaps = signal[k * fs : (k + 1) * fs], missing[k * fs : (k + 1) * fs]
        score[k], word[k], blind[k] = _judge(state, row, gaps, fs)
        state.second += 1
    return score, word, blind


@compiled
def _judge(state: State, row: Array, gaps: Mask, fs: int) -> tuple[float, int, bool]:
    """Judge one second."""
    stuck, lost = _shares(row, gaps)
    bins = to_bins(row, fs)
    if lost > MISSING_SHARE or len(bins) < FEWEST_BINS:
        skip(state.measures)
        state.before = 0.0
        blind = stuck >= STUCK_SHARE
        if lost > MISSING_SHARE:
            return 0.0, MISSING, blind
        return (0.0, FLAT, True) if blind else (100.0, GOOD, False)
    seen = measure(state.measures, bins)
    low, high = extremes(row)
    flat = stuck >= STUCK_SHARE or high - low <= FLAT_SHARE * seen.usual_rise
    mains, power = _mains(row, fs)
    # A sine of power p has a peak-to-peak of 2 * sqrt(2 * p).
    hum = mains > MAINS_SHARE * power
    hum = hum and 8 * mains > (MAINS_LEVEL * seen.usual_rise) ** 2
    clipped = not flat and not hum and _is_clipped(row, low, high)
    trusted = follow_contact(state, seen, flat or clipped)
    word, share = _disturbance(state, seen)
    if word == MOTION:
        state.doubt = REST_S
    score = 50.0 + 50.0 * share if word == GOOD else 40.0 * share
    quiet = seen.rise < QUIET * seen.usual_rise
    if flat or not trusted or (quiet and _is_restless(state)):
        word, score = FLAT, 0.0
    elif hum:
        word, score = MAINS, 20.0
    elif clipped:
        word, score = CLIPPED, 15.0
    state.noisy = (state.noisy << 1 | is_noisy(word)) & LAST_MINUTE
    # A silent heart and what is no ECG do not become the usual at once.
    usual = word == GOOD and not quiet
    if usual or state.second % SELDOM == 0 or state.measures.count == 0:
        remember(state.measures, seen.values)
    # A hole marks its own steps as unreadable, not the whole second.
    return score, word, word == FLAT or (hum and mains > ONLY_MAINS * power)


@compiled
def _is_restless(state: State) -> bool:
    """Tell whether the last minute was too noisy to believe that a heart is silent."""
    bits, count = state.noisy, 0
    while bits:
        bits &= bits - 1
        count += 1
    return bool(count >= RESTLESS)


@compiled
def _shares(row: Array, gaps: Mask) -> tuple[float, float]:
    """Return the shares of samples equal to the one before, and of missing ones."""
    n, same, gone = len(row), 0, 0
    for i in range(1, n):
        same += row[i] == row[i - 1]
    for i in range(n):
        gone += gaps[i]
    return (same / (n - 1) if n > 1 else 1.0), gone / n


@compiled
def _is_clipped(row: Array, low: float, high: float) -> bool:
    """Tell whether the signal rests at an extreme far from its middle."""
    n, near = len(row), 1e-3 * (high - low)
    above = below = 0
    for i in range(1, n):
        above += row[i] >= high - near and row[i - 1] >= high - near
        below += row[i] <= low + near and row[i - 1] <= low + near
    if max(above, below) <= CLIP_SHARE * n:
        return False
    # Where most samples are far from an extreme, the median is.
    far, below_high, above_low = 0.3 * (high - low), 0, 0
    for i in range(n):
        below_high += high - row[i] > far
        above_low += row[i] - low > far
    return bool(
        (above > CLIP_SHARE * n and below_high > n // 2)
        or (below > CLIP_SHARE * n and above_low >= n - n // 2)
    )


@compiled
def _mains(row: Array, fs: int) -> tuple[float, float]:
    """Return the power of the stronger of 50 and 60 Hz, and the power of all."""
    n, lag = len(row), max((fs + 50) // 100, 1)
    mean = row.mean()
    power = change = 0.0
    for i in range(n):
        power += (row[i] - mean) ** 2
        if i >= lag:
            change += (row[i] - row[i - lag]) ** 2
    power = max(power / n, 1e-30)
    # Half a period of hum later the signal is turned round: where it hardly changes
    # in 10 ms, hum is not half of it.
    if change < power * (n - lag):
        return 0.0, power
    best = 0.0
    for hz in MAINS_HZ:
        turn = 2 * np.cos(2 * np.pi * hz / fs)
        one = two = 0.0
        for i in range(n):
            one, two = (row[i] - mean) + turn * one - two, one
        best = max(best, one * one + two * two - turn * one * two)
    return 2 * best / n**2, power


@compiled
def _disturbance(state: State, seen: Measures) -> tuple[int, float]:
    """Return GOOD, MOTION or MUSCLE, whichever is likeliest, and how likely is good.

    A disturbance seldom lasts one second: the second before has a say.
    """
    motion, muscle = OUT_BIAS[0], OUT_BIAS[1]
    for j in range(len(HIDDEN_BIAS)):
        total = HIDDEN_BIAS[j]
        for k in range(len(seen.features)):
            total += HIDDEN[k, j] * seen.features[k]
        unit = np.tanh(total)
        motion += OUT[j, 0] * unit
        muscle += OUT[j, 1] * unit
    before = state.before
    state.before = min(max(motion, muscle, -MOST_SAY), MOST_SAY)
    motion, muscle = motion + SAY * before, muscle + SAY * before
    share = 1 / (1 + np.exp(motion) + np.exp(muscle))
    if max(motion, muscle) <= 0.0:
        return GOOD, share
    return (MOTION if motion > muscle else MUSCLE), share
