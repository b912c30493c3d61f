"""One rule for where an R peak is, in training and in service."""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import compiled
from inference.ecg.medians import median
from inference.ecg.types import Array, Real, Samples

REACH = 10  # grid steps, 80 ms
HALF = 9
_taps = np.exp(-0.5 * (np.arange(-HALF, HALF + 1) / 4.0) ** 2)
SMOOTH_TAPS = _taps / _taps.sum()
WEIGHT = np.exp(-0.5 * (np.arange(-REACH, REACH + 1) / 8.0) ** 2)
MARGIN = REACH + HALF + 1
AROUND, AFTER = 40, 28  # the baseline that a deflection is measured from
NEAR = 8  # grid steps from an aligned R peak to its dominant deflection


@compiled
def cut(signal: Real, start: int, row: Array) -> None:
    """Fill ``row`` [w] with ``signal`` [n] from ``start`` on.

    Beyond its ends they are held. Of an empty signal the row is 0. No delay, but the
    signal must be there.
    """
    last = len(signal) - 1
    if start >= 0 and start + len(row) - 1 <= last:
        for k in range(len(row)):
            row[k] = signal[start + k]
    elif last < 0:
        row[:] = 0.0
    else:
        for k in range(len(row)):
            row[k] = signal[min(max(start + k, 0), last)]


@compiled
def align_r_peaks(signal: Real, r_peaks: Samples) -> Samples:
    """Move each R peak to the middle of its QRS's slopes, at most 80 ms away.

    ``signal`` [m] is the band-passed grid signal and ``r_peaks`` [n] are its indices,
    as is the result int64[n]. The place is the maximum of the squared slope,
    smoothed with a Gaussian of 32 ms and weighted with one of 64 ms around the
    given place: one maximum for both flanks, where the steepest slope alone would
    jump between them. Offsets between databases, leads and detectors disappear.
    Our own. Needs 160 ms after the peak.
    """
    aligned = np.empty(len(r_peaks), np.int64)
    row, power = np.empty(2 * MARGIN + 1), np.empty(2 * MARGIN - 1)
    energy = np.empty(2 * REACH + 1)
    for n in range(len(r_peaks)):
        cut(signal, r_peaks[n] - MARGIN, row)
        for k in range(len(power)):
            power[k] = (row[k + 2] - row[k]) ** 2
        energy[:] = 0.0
        for k in range(len(SMOOTH_TAPS)):
            for j in range(len(energy)):
                energy[j] += SMOOTH_TAPS[k] * power[j + k]
        best, most = REACH, 0.0
        for j in range(len(energy)):
            if energy[j] * WEIGHT[j] > most:
                best, most = j, energy[j] * WEIGHT[j]
        aligned[n] = r_peaks[n] + best - REACH
    return aligned


@compiled
def refine_peaks(signal: Real, r_peaks: Samples) -> Array:
    """Return the place of the dominant deflection near each aligned R peak [n].

    ``signal`` [m] is the grid signal before any causal filter; the result float64[n] is
    in grid steps with a fraction, from a parabola through the highest three values, at
    most 64 ms from the R peak. Needs 224 ms after it.
    """
    places = np.empty(len(r_peaks))
    row, level = np.empty(AROUND + AFTER + 1), np.empty(AROUND + AFTER + 1)
    for n in range(len(r_peaks)):
        cut(signal, r_peaks[n] - AROUND, row)
        level[:] = row
        base = median(level)
        for k in range(len(row)):
            level[k] = abs(row[k] - base)
        top = AROUND - NEAR
        for k in range(AROUND - NEAR + 1, AROUND + NEAR + 1):
            if level[k] > level[top]:
                top = k
        left, mid, right = level[top - 1], level[top], level[top + 1]
        bend, shift = left - 2 * mid + right, 0.0
        if bend < 0:
            shift = min(max(0.5 * (left - right) / bend, -0.5), 0.5)
        places[n] = r_peaks[n] + top - AROUND + shift
    return places


@compiled
def cut_window(signal: Real, start: int, scratch: Array, window: Real) -> None:
    """Fill ``window`` [w] with ``signal`` [n] from ``start`` on, freed of its median.

    ``scratch`` [w] is there to work in; beyond the ends of ``signal`` they are held. No
    delay, but the signal must be there.
    """
    cut(signal, start, scratch)
    base = median(scratch)
    cut(signal, start, scratch)
    for k in range(len(window)):
        window[k] = scratch[k] - base


@compiled
def segment(signal: Real, r_peaks: Samples, *, before: int, length: int) -> Array:
    """Return one window [n, length] per R peak, ``before`` steps ahead of it.

    ``r_peaks`` [n] are indices of ``signal`` [m]. Each window is freed of its median,
    in the signal's unit; beyond the ends of ``signal`` the end is held. Needs the
    ``length - before`` steps after an R peak; ``ValueError`` if that is none.
    """
    if before < 0 or length <= before:
        raise ValueError("a window must hold its R peak: 0 <= before < length")
    windows, scratch = np.empty((len(r_peaks), length)), np.empty(length)
    for n in range(len(r_peaks)):
        cut_window(signal, r_peaks[n] - before, scratch, windows[n])
    return windows
