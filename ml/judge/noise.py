"""The noise stress test, as ``nst``: electrode motion in every other two minutes.

Only the second half of the noise is mixed in, since training may use the first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.ecg import CLASSES
from ml.judge.reading import Reading, Span
from ml.judge.signals import NATIVE_FS

SNR_DB = (24, 18, 12, 6, 0, -6)
START_S, TURN_S = 300, 120
MEASURED = 300  # beats, or seconds of noise
QRS = 18  # samples of 360 Hz to both sides of an R peak: 50 ms
Array = NDArray[np.float64]


def unseen_half(noise: Array) -> Array:
    """Return the second half of a noise twice: training may have used the first."""
    half = noise[len(noise) // 2 :]
    return np.concatenate((half, half + half[-1] - half[0]))[: len(noise)]


def trimmed_mean(values: Array) -> float:
    """Return the mean without the lowest and the highest 5 %."""
    cut = len(values) // 20
    return float(np.sort(values)[cut : len(values) - cut].mean())


def qrs_size(signal: Array, reference: Reading) -> float:
    """Return the usual peak-to-peak size of the first 300 N and S at 360 Hz."""
    normal = np.isin(reference.classes, (CLASSES.index("N"), CLASSES.index("S")))
    if not normal.any():  # a paced record
        normal[:] = True
    at = np.rint(reference.times_s[normal][:MEASURED] * NATIVE_FS).astype(int)
    at = at[(at >= QRS) & (at < len(signal) - QRS)]
    return trimmed_mean(np.array([np.ptp(signal[k - QRS : k + QRS]) for k in at]))


def noise_size(noise: Array) -> float:
    """Return the usual r.m.s. of the first 300 seconds, each about its own mean."""
    count = min(len(noise) // NATIVE_FS, MEASURED)
    return trimmed_mean(noise[: count * NATIVE_FS].reshape(count, -1).std(axis=1))


def noisy_spans(duration_s: float) -> list[Span]:
    """Return where there is noise: 2 min of it, 2 min without, from 5 min on."""
    starts = np.arange(START_S, duration_s, 2 * TURN_S)
    return [Span(s, min(s + TURN_S, duration_s)) for s in starts.tolist()]


def with_noise(signal: Array, noise: Array, reference: Reading, snr_db: float) -> Array:
    """Return the signal at 360 Hz with noise at a signal-to-noise ratio.

    The power of the signal is that of a sine as large as its QRS, (p-p)^2 / 8. The
    noise begins and ends without a step: where it ends, its offset stays.
    """
    ratio = 10 ** (-snr_db / 20) * np.sqrt(2) / 4
    gain = ratio * qrs_size(signal, reference) / noise_size(noise)
    on = np.zeros(len(signal))
    for start, end in noisy_spans(reference.duration_s):
        on[int(start * NATIVE_FS) : int(end * NATIVE_FS)] = 1.0
    steps = np.diff(noise[: len(signal)], prepend=noise[0])
    return np.asarray(signal + gain * np.cumsum(on * steps))
