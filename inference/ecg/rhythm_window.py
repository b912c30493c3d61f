"""Describe about half a minute of one lead, for the rhythm of the whole of it."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.signal import butter, sosfiltfilt

from inference.ecg.grid import GRID_FS
from inference.ecg.resampling import resample
from inference.ecg.types import CLASSES, Array, Samples, Signal
from inference.ecg.window_intervals import describe_classes, describe_intervals
from inference.ecg.window_noise import describe_noise
from inference.ecg.window_shape import describe_shapes

LEAST_S, USUAL_S = 8, 30
BAND_HZ = (0.5, 40.0)
_band = butter(2, BAND_HZ, "bandpass", fs=GRID_FS, output="sos")
WIDE = [CLASSES.index("V"), CLASSES.index("F")]


class ShortWindow(ValueError):
    """Raised for a window in which no rhythm can be told."""


def describe_window(
    mv: Signal, fs: int, samples: Samples, probabilities: Signal, rr_ms: Signal
) -> dict[str, float]:
    """Return named features of a window of at least 8 s, NaN where there is nothing.

    ``mv`` [m] at ``fs`` Hz (NaN: missing, taken for no change), ``samples`` [n] the
    R peaks in it, counted from its start, ``probabilities`` [n, 5] of their classes
    and ``rr_ms`` [n] the intervals before them (NaN: unknown), as in ``Beats``.
    ``ShortWindow`` if it is shorter. Filtered to and fro: no delay, not causal.
    """
    if len(mv) < LEAST_S * fs:
        raise ShortWindow(f"{len(mv) / fs:.1f} s: give at least {LEAST_S} s")
    grid = resample(_held(np.asarray(mv, np.float64)), fs)
    band = np.asarray(sosfiltfilt(_band, grid))
    at = np.rint(samples * (GRID_FS / fs)).astype(np.int64)
    pre_s = rr_ms.astype(np.float64) / 1000
    wide = np.isin(probabilities.argmax(axis=1), WIDE)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            **describe_intervals(pre_s, wide),
            **describe_classes(probabilities, pre_s),
            **describe_shapes(band, at),
            **describe_noise(grid, band),
        }


def rhythm_features(
    mv: Signal, fs: int, samples: Samples, probabilities: Signal, rr_ms: Signal
) -> Signal:
    """Return the features float32[F] of ``describe_window`` in their order.

    Takes ``mv`` [m] and beats [n] as there, raises as there; no delay.
    """
    found = describe_window(mv, fs, samples, probabilities, rr_ms)
    return np.array(list(found.values()), np.float32)


@cache
def feature_names() -> tuple[str, ...]:
    """Return the names [F] of the features, in order."""
    flat = np.zeros(LEAST_S * GRID_FS, np.float32)
    none = np.zeros(0, np.float32)
    beats = np.zeros((0, len(CLASSES)), np.float32)
    return tuple(describe_window(flat, GRID_FS, none.astype(np.int64), beats, none))


def _held(mv: Array) -> Array:
    """Return the signal with each missing sample as the last one that was not."""
    known = np.flatnonzero(~np.isnan(mv))
    if not len(known):
        return np.zeros(len(mv))
    place = np.searchsorted(known, np.arange(len(mv)), side="right") - 1
    return mv[known[np.maximum(place, 0)]]
