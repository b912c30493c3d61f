"""What training does to a window of signal, so that the R-peak net meets the world.

All of it happens behind the band filter, which is linear, and before the scale is
measured, so that the scale is disturbed as it will be. Noise: ``r_peak_noise``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from inference.ecg.grid import GRID_FS

Real = NDArray[np.float64]


def disturb(
    x: Real,
    r_peaks: NDArray[np.int64],
    usual: float,
    rng: np.random.Generator,
) -> tuple[Real, NDArray[np.int64]]:
    """Return the window [n] changed as hearts and leads differ, and its R peaks.

    Other balance of P, T and QRS, slow and sudden changes of gain, and seconds
    without any beat.
    """
    n = len(x)
    if rng.random() < 0.5:
        smooth = gaussian_filter1d(x, rng.uniform(2.5, 9.0), truncate=3.0)
        x = x + rng.uniform(-0.6, 1.5) * smooth
    if rng.random() < 0.25:
        knots = np.arange(0, n + 500, int(rng.uniform(100, 500)))
        slow = np.interp(np.arange(n), knots, rng.standard_normal(len(knots)))
        x = x * np.exp(rng.uniform(0.1, 0.6) * slow)
    if rng.random() < 0.15:
        x = x.copy()
        x[int(rng.integers(0, n)) :] *= np.exp(rng.uniform(-1.4, 1.4))
    if rng.random() < 0.10:
        start = int(rng.integers(0, n - GRID_FS))
        end = start + int(rng.uniform(2, 8) * GRID_FS)
        edges = (start - 5, start + 5, end - 5, end + 5)
        fade = np.interp(np.arange(n), edges, (0.0, 1.0, 1.0, 0.0))
        rest = rng.normal(0, usual * 10 ** rng.uniform(-3, -1.5), n)
        x = x * (1 - fade) + rest * fade
        r_peaks = r_peaks[(r_peaks < start) | (r_peaks >= end)]
    if rng.random() < 0.10:
        hz = rng.choice((50.0, 60.0)) + rng.uniform(-0.2, 0.2)
        angle = 2 * np.pi * hz * np.arange(n) / GRID_FS + rng.uniform(0, 6)
        x = x + usual * rng.uniform(0.02, 0.3) * np.sin(angle)
    return x, r_peaks
