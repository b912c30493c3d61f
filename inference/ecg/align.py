"""One rule for where an R peak is, in training and in service."""

from __future__ import annotations

import numpy as np

from inference.ecg.types import Array, Real, Samples

REACH = 10  # grid steps, 80 ms
HALF = 9
_taps = np.exp(-0.5 * (np.arange(-HALF, HALF + 1) / 4.0) ** 2)
SMOOTH_TAPS = _taps / _taps.sum()
WEIGHT = np.exp(-0.5 * (np.arange(-REACH, REACH + 1) / 8.0) ** 2)
MARGIN = REACH + HALF + 1


def _cut(signal: Real, starts: Samples, length: int) -> Array:
    """Return rows of ``length`` values from ``starts``; ends are held."""
    at = starts[:, None] + np.arange(length)[None, :]
    return np.asarray(signal[np.clip(at, 0, len(signal) - 1)], dtype=np.float64)


def align_r_peaks(signal: Real, r_peaks: Samples) -> Samples:
    """Move each R peak to the middle of its QRS's slopes, at most 80 ms away.

    ``signal`` is the band-passed grid signal and ``r_peaks`` are its indices. The
    place is the maximum of the squared slope, smoothed with a Gaussian of 32 ms
    and weighted with one of 64 ms around the given place: one maximum for both
    flanks, where the steepest slope alone would jump between them. Offsets
    between databases, leads and detectors disappear. Needs 160 ms after the peak.
    """
    if not len(r_peaks):
        return np.zeros(0, dtype=np.int64)
    rows = _cut(signal, r_peaks - MARGIN, 2 * MARGIN + 1)
    power = (rows[:, 2:] - rows[:, :-2]) ** 2
    energy = np.zeros((len(r_peaks), 2 * REACH + 1))
    for k, tap in enumerate(SMOOTH_TAPS.tolist()):
        energy += tap * power[:, k : k + 2 * REACH + 1]
    best = np.argmax(energy * WEIGHT, axis=1)
    return np.asarray(r_peaks + best - REACH, dtype=np.int64)


def refine_peaks(signal: Real, r_peaks: Samples, reach: int = 8) -> Array:
    """Return the place of the dominant deflection near each aligned R peak.

    ``signal`` is the grid signal before any causal filter; the result [n] is in
    grid steps with a fraction, from a parabola through the highest three values.
    """
    if not len(r_peaks):
        return np.zeros(0)
    wide = _cut(signal, r_peaks - 40, 40 + 29)
    level = np.abs(wide - np.median(wide, axis=1, keepdims=True))
    near = level[:, 40 - reach : 41 + reach]
    top = np.argmax(near, axis=1) + 40 - reach
    row = np.arange(len(r_peaks))
    left, mid, right = level[row, top - 1], level[row, top], level[row, top + 1]
    bend = left - 2 * mid + right
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(bend < 0, 0.5 * (left - right) / bend, 0.0)
    return np.asarray(r_peaks + top - 40 + np.clip(shift, -0.5, 0.5))


def segment(signal: Real, r_peaks: Samples, *, before: int, length: int) -> Array:
    """Return one window [n, length] per R peak, ``before`` steps ahead of it.

    Each is freed of its median; beyond the ends of ``signal`` the end is held.
    """
    if not len(r_peaks):
        return np.zeros((0, length))
    if before < 0 or length <= before:
        raise ValueError("a window must hold its R peak: 0 <= before < length")
    windows = _cut(signal, r_peaks - before, length)
    return np.asarray(windows - np.median(windows, axis=1, keepdims=True))
