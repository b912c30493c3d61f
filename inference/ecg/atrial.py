"""Atrial fibrillation from what lies between the beats, whatever their intervals.

In sinus rhythm a P wave is locked to the QRS: what precedes it is the same in every
beat. In fibrillation there is none, and the f waves in its place differ from beat to
beat. The last 12 usual beats tell what is locked, as the median of every step, and
what is not, as the beats' distances from it; a small net gives the log odds of
fibrillation. It is trained by ``ml.atrial`` on either polarity, and is told neither
millivolts nor any interval.
"""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.layers import Layers, log_odds
from inference.ecg.medians import median, median_distance, middle, slide
from inference.ecg.types import Array, Real, Signal
from inference.ecg.windows import amplitude_mv

KEPT = 12  # usual beats
FEWEST = 8  # of fewer nothing is said
AVERAGED = 32  # beats: what is said of each
ALIKE = 0.8  # correlation of a usual beat's QRS with its template
P_BINS, P_STEPS = 17, 2  # the first 272 ms of a window,
T_BINS, T_STEPS, T_FIRST = 12, 4, 48  # and from 64 ms after its R peak on
SIZE, ROUGH = P_BINS + T_BINS, P_BINS + T_BINS + 1
MEASURES = P_BINS + T_BINS + 2
FAR = 4  # bins: half an f wave
LEAST = 0.002  # of the QRS: what is below is noise

ATRIAL_FEATURES = (
    *(f"p_{k}" for k in range(P_BINS)),
    *(f"spread_{k}" for k in range(P_BINS)),
    *("loose", "loose_step", "loose_wave", "loose_t", "locked"),
    *("p_size", "t_size", "roughness"),
    *("loose_over_step", "loose_over_roughness", "p_over_loose"),
)

# The last usual beats, the latest last: their P and T parts in bins, the size of
# their QRS and the roughness of the P part, in mV; the same, each in order; what was
# said of the last beats.
ATRIAL = np.dtype(
    [
        ("rows", "f4", (KEPT, MEASURES)),
        ("ordered", "f4", (MEASURES, KEPT)),
        ("count", "i8"),
        ("said", "f4", (AVERAGED,)),
        ("said_count", "i8"),
    ],
    align=True,
)


@compiled
def _measure(window: Real, row: Real) -> None:
    """Write the parts of a window [96] in mV, each freed of its mean, to ``row``."""
    bend = 0.0
    for k in range(1, P_BINS * P_STEPS - 1):
        left, mid, right = window[k - 1], window[k], window[k + 1]
        bend += abs(np.float64(left) - 2 * np.float64(mid) + np.float64(right))
    row[SIZE] = amplitude_mv(window)
    row[ROUGH] = bend / (P_BINS * P_STEPS - 2)
    _fill(window[: P_BINS * P_STEPS], P_STEPS, row[:P_BINS])
    _fill(window[T_FIRST:], T_STEPS, row[P_BINS:SIZE])


@compiled
def _fill(part: Real, steps: int, bins: Real) -> None:
    mean = 0.0
    for k in range(len(part)):
        mean += part[k]
    mean /= len(part)
    for k in range(len(bins)):
        total = 0.0
        for j in range(steps):
            total += part[k * steps + j]
        bins[k] = total / steps - mean


@compiled
def add_beat(state: State, window: Real, like: float) -> bool:
    """Let a usual beat enter; return whether it was one.

    ``window`` [96] is in mV, ``like`` the correlation of its QRS with the template.
    """
    if not like > ALIKE:
        return False
    full = state.count == KEPT
    row = np.empty(MEASURES, np.float32)
    _measure(window, row)
    for k in range(MEASURES):
        leaving = np.float64(state.rows[0, k]) if full else np.nan
        slide(state.ordered[k], state.count, leaving, np.float64(row[k]))
    if full:
        for j in range(KEPT - 1):
            for k in range(MEASURES):
                state.rows[j, k] = state.rows[j + 1, k]
    else:
        state.count += 1
    for k in range(MEASURES):
        state.rows[state.count - 1, k] = row[k]
    return True


@compiled
def describe_atrial(state: State, out: Array) -> None:
    """Write ATRIAL_FEATURES [45] of the usual beats so far, at least one, to ``out``.

    The P part's medians are in units of the QRS, what is a size or a spread is the
    log of it. ``loose`` is how far beats lie from the median, ``loose_step`` from
    bin to bin and ``loose_wave`` over four bins; ``locked`` is the correlation of a
    beat's P part with the median.
    """
    count = state.count
    usual = np.empty(MEASURES)
    for k in range(MEASURES):
        usual[k] = middle(state.ordered[k, :count])
    size = usual[SIZE]
    p_low, p_high, t_low, t_high = 0.0, 0.0, 0.0, 0.0
    for k in range(P_BINS):
        spread = median_distance(state.ordered[k, :count], usual[k])
        out[k] = usual[k] / size
        out[P_BINS + k] = np.log(spread / size + LEAST)
        p_low, p_high = min(p_low, usual[k]), max(p_high, usual[k])
    for k in range(P_BINS, SIZE):
        t_low, t_high = min(t_low, usual[k]), max(t_high, usual[k])
    loose = np.empty((5, count))
    for j in range(count):
        _measure_loose(state.rows[j], usual, loose[:, j])
    at = 2 * P_BINS
    for k in range(4):
        out[at + k] = np.log(np.sqrt(median(loose[k])) / size + LEAST)
    out[at + 4] = median(loose[4])
    out[at + 5] = np.log((p_high - p_low) / size + LEAST)
    out[at + 6] = np.log((t_high - t_low) / size + LEAST)
    out[at + 7] = np.log(usual[ROUGH] / size + LEAST / 4)
    out[at + 8] = out[at] - out[at + 1]
    out[at + 9] = out[at] - out[at + 7]
    out[at + 10] = out[at + 5] - out[at]


@compiled
def _measure_loose(row: Real, usual: Array, out: Array) -> None:
    """Write the mean squares of a beat's distance from the usual, and its likeness."""
    away = np.empty(SIZE)
    for k in range(SIZE):
        away[k] = row[k] - usual[k]
    whole, step, wave, after = 0.0, 0.0, 0.0, 0.0
    product, power, own = 0.0, 1e-12, 1e-12
    for k in range(P_BINS):
        whole += away[k] * away[k]
        product += row[k] * usual[k]
        power += usual[k] * usual[k]
        own += np.float64(row[k]) * np.float64(row[k])
    for k in range(1, P_BINS):
        step += (away[k] - away[k - 1]) * (away[k] - away[k - 1])
    for k in range(FAR, P_BINS):
        wave += (away[k] - away[k - FAR]) * (away[k] - away[k - FAR])
    for k in range(P_BINS, SIZE):
        after += away[k] * away[k]
    out[0], out[1] = whole / P_BINS, step / (P_BINS - 1)
    out[2], out[3] = wave / (P_BINS - FAR), after / T_BINS
    out[4] = product / np.sqrt(power * own)


@compiled
def follow_atrial(state: State, window: Real, like: float, net: Layers) -> float:
    """Return the log odds of fibrillation after a beat; updates ``state`` (ATRIAL).

    ``window`` [96] is the aligned beat's in mV, ``like`` the correlation of its QRS
    with its template, ``net`` is ATRIAL_NET. The mean of what was said of the last
    32 usual beats, NaN while fewer than 8 are known.
    """
    if add_beat(state, window, like) and state.count >= FEWEST:
        if state.said_count == AVERAGED:
            for k in range(AVERAGED - 1):
                state.said[k] = state.said[k + 1]
        else:
            state.said_count += 1
        features = np.empty(len(ATRIAL_FEATURES))
        describe_atrial(state, features)
        state.said[state.said_count - 1] = log_odds(features, net)
    if state.said_count == 0:
        return np.nan
    total = 0.0
    for k in range(state.said_count):
        total += state.said[k]
    return float(total / state.said_count)


@compiled
def atrial_evidence(state: State, windows: Signal, like: Array, net: Layers) -> Array:
    """Return ``follow_atrial`` of beats in order: windows [n, 96], ``like`` [n].

    Causal: it looks back over 32 usual beats.
    """
    out = np.empty(len(windows))
    for k in range(len(windows)):
        out[k] = follow_atrial(state, windows[k], like[k], net)
    return out
