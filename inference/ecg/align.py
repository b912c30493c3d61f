"""One rule for where an R peak is, in training and in service."""

from __future__ import annotations

import numpy as np

from inference.ecg.types import Array, Samples

REACH = 10  # grid steps, 80 ms
_half = 9
_gauss = np.exp(-0.5 * (np.arange(-_half, _half + 1) / 3.0) ** 2)
# Derivative of a Gaussian of 24 ms: slope and smoothing in one set of taps.
SLOPE_TAPS = -np.arange(-_half, _half + 1) * _gauss / np.sum(_gauss)
WEIGHT = np.exp(-0.5 * (np.arange(-REACH, REACH + 1) / 8.0) ** 2)
MARGIN = REACH + _half


def _cut(signal: Array, starts: Samples, length: int) -> Array:
    """Return rows of ``length`` values from ``starts``; ends are held."""
    at = starts[:, None] + np.arange(length)[None, :]
    return np.asarray(signal[np.clip(at, 0, len(signal) - 1)], dtype=np.float64)


def align_r_peaks(signal: Array, r_peaks: Samples) -> Samples:
    """Move each R peak to the steepest slope within 80 ms of it.

    ``signal`` is the band-passed grid signal and ``r_peaks`` are its indices.
    The slope is smoothed with a Gaussian of 24 ms and weighted with one of 64 ms
    around the given place. Offsets between databases, leads and detectors
    disappear (design study, section A item 4). Needs 152 ms after the peak.
    """
    if not len(r_peaks):
        return np.zeros(0, dtype=np.int64)
    rows = _cut(signal, r_peaks - MARGIN, 2 * MARGIN + 1)
    slope = np.zeros((len(r_peaks), 2 * REACH + 1))
    for k, tap in enumerate(SLOPE_TAPS.tolist()):
        slope += tap * rows[:, k : k + 2 * REACH + 1]
    best = np.argmax(np.abs(slope) * WEIGHT, axis=1)
    return np.asarray(r_peaks + best - REACH, dtype=np.int64)


def refine_peaks(signal: Array, r_peaks: Samples, reach: int = 8) -> Array:
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


def segment(signal: Array, r_peaks: Samples, *, before: int, length: int) -> Array:
    """Return one window [n, length] per R peak, ``before`` steps ahead of it.

    Each is freed of its median; beyond the ends of ``signal`` the end is held.
    """
    if not len(r_peaks):
        return np.zeros((0, length))
    if before < 0 or length <= before:
        raise ValueError("a window must hold its R peak: 0 <= before < length")
    windows = _cut(signal, r_peaks - before, length)
    return np.asarray(windows - np.median(windows, axis=1, keepdims=True))
