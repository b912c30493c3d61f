"""The causal filters of the grid signal, with their state carried."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter

from inference.ecg.compiled import SIDE_BY_SIDE, State, compiled
from inference.ecg.grid import GRID_FS
from inference.ecg.types import Array

HIGH_PASS = butter(2, 0.5, "highpass", fs=GRID_FS, output="sos")[0]
LOW_PASS = butter(2, 40.0, "lowpass", fs=GRID_FS, output="sos")[0]
QRS = butter(1, (5.6, 27.1), "bandpass", fs=GRID_FS, output="sos")[0]
BAND_DELAY = 1  # grid steps by which the band filter moves a QRS
SMOOTH_SIGMA = 3.9
SMOOTH_HALF = 14
_taps = np.exp(-0.5 * (np.arange(SMOOTH_HALF + 1) / SMOOTH_SIGMA) ** 2)
SMOOTH_TAPS = _taps / (_taps[0] + 2 * _taps[1:].sum())

# Memories of the filters, the last output and the tail of the squared slope.
FILTERS = np.dtype(
    [
        ("high", "f8", (2,)),
        ("low", "f8", (2,)),
        ("qrs", "f8", (2,)),
        ("last", "f8"),
        ("tail", "f8", (2 * SMOOTH_HALF,)),
    ],
    align=True,
)


@compiled
def _coefficients(sos: Array) -> tuple[float, float, float, float, float]:
    """Return b0, b1, b2, a1, a2 of a second-order section; a0 is 1.

    The sections run in transposed direct form II.
    """
    return sos[0], sos[1], sos[2], sos[4], sos[5]


@compiled
def band_pass(state: State, steps: Array) -> Array:
    """Return the grid signal [n] in mV between 0.5 and 40 Hz; updates ``state``.

    Two Butterworth filters of second order, one after the other, causal: a QRS comes
    about 8 ms later (``BAND_DELAY``).
    """
    # Both in one loop: each waits for its own last step only, so that the processor
    # works on both at once.
    b0, b1, b2, a1, a2 = _coefficients(HIGH_PASS)
    c0, c1, c2, d1, d2 = _coefficients(LOW_PASS)
    high1, high2 = state.high[0], state.high[1]
    low1, low2 = state.low[0], state.low[1]
    out = np.empty(len(steps))
    for i in range(len(steps)):
        x = steps[i]
        y = b0 * x + high1
        high1 = b1 * x - a1 * y + high2
        high2 = b2 * x - a2 * y
        z = c0 * y + low1
        low1 = c1 * y - d1 * z + low2
        low2 = c2 * y - d2 * z
        out[i] = z
    state.high[0], state.high[1] = high1, high2
    state.low[0], state.low[1] = low1, low2
    return out


@compiled
def envelope(state: State, band: Array) -> Array:
    """Return the smoothed QRS energy [n] of the band-passed signal [n], both in mV.

    5.6-27.1 Hz (Butterworth), magnitude plus twice the slope, squared, smoothed by a
    Gaussian of 31 ms, rooted: the study's recipe, after Pan and Tompkins (1985).
    Updates ``state`` (FILTERS). Delay: entry k belongs to the input ``SMOOTH_HALF``
    steps (112 ms) earlier, and the filters add 4 steps or so.
    """
    n, half = len(band), SMOOTH_HALF
    power = np.empty(2 * half + n)
    power[: 2 * half] = state.tail
    b0, b1, b2, a1, a2 = _coefficients(QRS)
    first, second, last = state.qrs[0], state.qrs[1], state.last
    for i in range(n):
        x = band[i]
        y = b0 * x + first
        first = b1 * x - a1 * y + second
        second = b2 * x - a2 * y
        power[2 * half + i] = (abs(y) + 2 * abs(y - last)) ** 2
        last = y
    state.qrs[0], state.qrs[1], state.last = first, second, last
    state.tail[:] = power[n:]
    out = np.empty(n)
    for start in range(0, n, SIDE_BY_SIDE):
        _smooth_root(power[start:], out[start : start + SIDE_BY_SIDE])
    return out


@compiled
def _smooth_root(power: Array, out: Array) -> None:
    """Fill ``out`` [n] with the roots of ``power`` [n + 28] smoothed."""
    n, half = len(out), SMOOTH_HALF
    for i in range(n):
        out[i] = SMOOTH_TAPS[0] * power[half + i]
    for k in range(1, half + 1):
        tap, left, right = SMOOTH_TAPS[k], power[half - k :], power[half + k :]
        for i in range(n):
            out[i] += tap * (left[i] + right[i])
    for i in range(n):
        out[i] = np.sqrt(out[i])
