"""What training does to a window of signal, so that the R-peak net meets the world.

All of it happens behind the band filter, which is linear, and before the scale is
measured, so that the scale is disturbed as it will be.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, lfilter, sosfilt

from inference.ecg.filters import FILTERS, band_pass
from inference.ecg.grid import GRID_FS

Real = NDArray[np.float64]
Rng = np.random.Generator


def synthetic_noise(rng: Rng, seconds: int) -> NDArray[np.float32]:
    """Return noise of no database: steps that die away, spikes, and bands of noise.

    Unit variance; each 6 s have their own kind and spectrum.
    """
    n = seconds * GRID_FS
    out = np.zeros(n)
    for start in range(0, n, 6 * GRID_FS):
        length = min(6 * GRID_FS, n - start)
        kind = rng.integers(3)
        if kind == 0:  # an electrode that moves: steps that die away
            jumps = np.where(rng.random(length) < rng.uniform(0.5, 4) / GRID_FS, 1, 0)
            jumps = jumps * rng.normal(0, 1, length)
            decay = np.exp(-1 / (rng.uniform(0.05, 0.6) * GRID_FS))
            part = lfilter([1.0], [1.0, -decay], jumps)
            part = gaussian_filter1d(part, rng.uniform(0.7, 4))
        else:  # a band of noise, swelling and fading in one of two cases
            low = rng.uniform(0.7, 12)
            high = min(low * rng.uniform(1.5, 5), 50.0)
            sos = butter(1, (low, high), "bandpass", fs=GRID_FS, output="sos")
            part = sosfilt(sos, rng.standard_normal(length))
            if kind == 2:
                swell = gaussian_filter1d(rng.standard_normal(length), 25)
                part = part * np.exp(2 * swell / max(float(swell.std()), 1e-9))
        out[start : start + length] = part / max(float(part.std()), 1e-9)
    out = band_pass(np.zeros(1, FILTERS)[0], out)
    return (out / out.std()).astype(np.float32)


def noise_to_add(
    n: int,
    usual: float,
    noises: Sequence[NDArray[np.float32]],
    chances: NDArray[np.float64],
    rng: Rng,
    lowest_db: float,
) -> Real:
    """Return noise [n] for a record of that usual peak-to-peak.

    SNR as in nst: the power of a sine of the QRS's peak-to-peak against that of
    the noise; ``lowest_db`` to 24 dB, half of it in bursts of 1 to 7 s.
    """
    noise = noises[int(rng.choice(len(noises), p=chances))]
    start = int(rng.integers(0, len(noise) - n))
    part = noise[start : start + n].astype(np.float64)
    part = part * (rng.choice((-1.0, 1.0)) * usual / np.sqrt(8.0))
    part *= 10 ** (-rng.uniform(lowest_db, 24.0) / 20)
    if rng.random() < 0.5:
        window = np.zeros(n)
        for _ in range(rng.integers(1, 4)):
            length = int(rng.uniform(1, 7) * GRID_FS)
            at = int(rng.integers(0, n))
            window[at : at + length] = 1.0
        part *= window
    return part


def disturb(
    x: Real,
    r_peaks: NDArray[np.int64],
    usual: float,
    rng: Rng,
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
