"""The causal filters of the grid signal, with their state carried."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter

from inference.ecg.compiled import State, compiled
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
def _biquad(memory: Array, sos: Array, signal: Array) -> Array:
    """Filter by one second-order section in transposed direct form II."""
    b0, b1, b2 = sos[0], sos[1], sos[2]
    a1, a2 = sos[4], sos[5]
    first, second = memory[0], memory[1]
    out = np.empty(len(signal))
    for i in range(len(signal)):
        x = signal[i]
        y = b0 * x + first
        first = b1 * x - a1 * y + second
        second = b2 * x - a2 * y
        out[i] = y
    memory[0], memory[1] = first, second
    return out


@compiled
def band_pass(state: State, steps: Array) -> Array:
    """Return the grid signal [n] in mV between 0.5 and 40 Hz; updates ``state``.

    Two Butterworth filters of second order, one after the other, causal: a QRS comes
    about 8 ms later (``BAND_DELAY``).
    """
    return _biquad(state.low, LOW_PASS, _biquad(state.high, HIGH_PASS, steps))


@compiled
def envelope(state: State, band: Array) -> Array:
    """Return the smoothed QRS energy [n] of the band-passed signal [n], both in mV.

    5.6-27.1 Hz (Butterworth), magnitude plus twice the slope, squared, smoothed by a
    Gaussian of 31 ms, rooted: the study's recipe, after Pan and Tompkins (1985).
    Updates ``state`` (FILTERS). Delay: entry k belongs to the input ``SMOOTH_HALF``
    steps (112 ms) earlier, and the filters add 4 steps or so.
    """
    n, half = len(band), SMOOTH_HALF
    qrs = _biquad(state.qrs, QRS, band)
    power = np.empty(2 * half + n)
    power[: 2 * half] = state.tail
    last = state.last
    for i in range(n):
        power[2 * half + i] = (abs(qrs[i]) + 2 * abs(qrs[i] - last)) ** 2
        last = qrs[i]
    state.last = last
    state.tail[:] = power[n:]
    out = np.empty(n)
    for i in range(n):
        at = i + half
        total = SMOOTH_TAPS[0] * power[at]
        for k in range(1, half + 1):
            total += SMOOTH_TAPS[k] * (power[at - k] + power[at + k])
        out[i] = np.sqrt(total)
    return out
