"""The causal filters of the grid signal, with their state carried."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.signal import butter, sosfilt

from inference.ecg.grid import GRID_FS
from inference.ecg.types import Array

BAND_SOS = np.concatenate(
    (
        butter(2, 0.5, "highpass", fs=GRID_FS, output="sos"),
        butter(2, 40.0, "lowpass", fs=GRID_FS, output="sos"),
    )
)
QRS_SOS = butter(1, (5.6, 27.1), "bandpass", fs=GRID_FS, output="sos")
BAND_DELAY = 1  # grid steps by which the band filter moves a QRS
SMOOTH_SIGMA = 3.9
SMOOTH_HALF = 14
_taps = np.exp(-0.5 * (np.arange(SMOOTH_HALF + 1) / SMOOTH_SIGMA) ** 2)
SMOOTH_TAPS = _taps / (_taps[0] + 2 * _taps[1:].sum())


@dataclass
class FilterState:
    """Memories of the two filters and the tail of the squared slope."""

    band: Array = field(default_factory=lambda: np.zeros((len(BAND_SOS), 2)))
    qrs: Array = field(default_factory=lambda: np.zeros((len(QRS_SOS), 2)))
    last: float = 0.0
    tail: Array = field(default_factory=lambda: np.zeros(2 * SMOOTH_HALF))


def band_pass(state: FilterState, grid: Array) -> Array:
    """Return the grid signal between 0.5 and 40 Hz; delay about 8 ms at a QRS."""
    out, state.band = sosfilt(BAND_SOS, grid, zi=state.band)
    return np.asarray(out)


def envelope(state: FilterState, band: Array) -> Array:
    """Return the smoothed QRS energy of the band-passed signal.

    5.6-27.1 Hz, magnitude plus twice the slope, squared, smoothed by a Gaussian
    of 31 ms, rooted. Entry k belongs to the input ``SMOOTH_HALF`` steps earlier:
    the filters add another 4 steps or so. The study's recipe, section A.
    """
    qrs, state.qrs = sosfilt(QRS_SOS, band, zi=state.qrs)
    if not len(qrs):
        return np.zeros(0)
    slope = np.diff(qrs, prepend=state.last)
    state.last = float(qrs[-1])
    power = np.concatenate((state.tail, (np.abs(qrs) + 2 * np.abs(slope)) ** 2))
    state.tail = power[len(power) - 2 * SMOOTH_HALF :].copy()
    n = len(qrs)
    out = SMOOTH_TAPS[0] * power[SMOOTH_HALF : SMOOTH_HALF + n]
    for k in range(1, SMOOTH_HALF + 1):
        pair = power[SMOOTH_HALF - k : SMOOTH_HALF - k + n]
        out += SMOOTH_TAPS[k] * (pair + power[SMOOTH_HALF + k : SMOOTH_HALF + k + n])
    return np.asarray(np.sqrt(out))
