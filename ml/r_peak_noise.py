"""The noise that the R-peak net is trained in, behind the band filter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import wfdb
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, lfilter, sosfilt

from inference.ecg.filters import FILTERS, band_pass
from inference.ecg.grid import GRID_FS
from ml.data import FS, to_250_hz
from ml.r_peak_data import Track, band_of

Real = NDArray[np.float64]
Noise = NDArray[np.float32]
Rng = np.random.Generator

CHANCES = {"em": 0.4, "ma": 0.3, "bw": 0.1}
SYNTHETIC, SYNTHETIC_S = 0.2, 900
RESTLESS, RESTLESS_S = 0.12, 1800
UNREADABLE = 0.08
LEAST_S = 2  # of a part without beats of an unreadable record,
MOST_UNSURE = 0.75  # of which at most this share holds what may be beats


class Noises(NamedTuple):
    """Noises of unit variance and the chance of each.

    ``varied`` noise is heard at another speed, with another spectrum, two at a time
    and in longer bursts: so that no recording is learned by heart.
    """

    parts: list[Noise]
    chances: Real
    varied: bool = False


def read_noises(data: Path, seed: int) -> tuple[Noises, Noise]:
    """Return nstdb's and synthetic noise; and noise for tests, never trained on.

    The latter is the later half of em, of its first signal.
    """
    parts, chances, unheard = [], [], []
    for name, chance in CHANCES.items():
        for lead in (0, 1):
            path = str(data / "nstdb" / name)
            record = wfdb.rdrecord(path, channels=[lead])
            mv = to_250_hz(record.p_signal[:, 0], int(record.fs))
            band = band_of(mv - mv.mean(), FS)
            band = (band / band.std()).astype(np.float32)
            parts.append(band[: len(band) // 2])
            unheard.append(band[len(band) // 2 :])
            chances.append(chance / 2)
    parts.append(synthetic_noise(np.random.default_rng(seed), SYNTHETIC_S))
    return Noises(parts, np.array([*chances, SYNTHETIC])), unheard[0]


def vary(noises: Noises, unreadable: Sequence[Track], seed: int) -> Noises:
    """Return the noises to be varied, with restless and unreadable ones added.

    ``unreadable`` are records of people that nobody could read, labelled.
    """
    rng = np.random.default_rng(seed)
    own = [part for track in unreadable for part in without_beats(track)]
    own = [own[k] for k in rng.permutation(len(own)).tolist()]
    parts = [restless_noise(rng, RESTLESS_S), np.clip(np.concatenate(own), -8, 8)]
    chances = (1 - RESTLESS - UNREADABLE) * noises.chances
    chances = np.array([*chances, RESTLESS, UNREADABLE])
    return Noises([*noises.parts, *parts], chances, varied=True)


def without_beats(track: Track) -> list[Noise]:
    """Return the stretches of a labelled record without beats, of unit variance."""
    free = np.ones(len(track.band), dtype=bool)
    for at in track.r_peaks.tolist():
        free[max(at - 15, 0) : at + 15] = False
    edges = np.flatnonzero(np.diff(np.concatenate(([0], free, [0]))))
    stretches = []
    for start, end in edges.reshape(-1, 2).tolist():
        part = track.band[start:end]
        long = len(part) >= LEAST_S * GRID_FS
        if not long or track.unsure[start:end].mean() >= MOST_UNSURE:
            continue
        if part.std() > 1e-3:  # mV; a flat line is no noise
            stretches.append((part / part.std()).astype(np.float32))
    return stretches


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


def restless_noise(rng: Rng, seconds: int) -> Noise:
    """Return muscle, moving electrodes and jumps of the baseline, all together.

    Parts of 1 to 20 s, each a mixture of its own and of unit variance.
    """
    n = seconds * GRID_FS
    out = np.zeros(n, np.float32)
    at = 0
    while at < n:
        length = min(int(rng.uniform(1, 20) * GRID_FS), n - at)
        size = length + GRID_FS  # a second for the filters to settle
        part = np.zeros(size)
        shares = rng.dirichlet((0.7, 0.7, 0.5))
        kinds = (_muscle(rng, size), _moving(rng, size), _jumping(rng, size))
        for share, kind in zip(shares, kinds, strict=True):
            passed = band_pass(np.zeros(1, FILTERS)[0], kind - kind[0])
            part += np.sqrt(share) * passed / max(float(passed[GRID_FS:].std()), 1e-6)
        part = part[GRID_FS:]
        out[at : at + length] = part / max(float(part.std()), 1e-6)
        at += length
    return out


def _muscle(rng: Rng, n: int) -> Real:
    band = (rng.uniform(8, 25), rng.uniform(32, 58))
    sos = butter(1, band, "bandpass", fs=GRID_FS, output="sos")
    swell = gaussian_filter1d(rng.standard_normal(n), rng.uniform(8, 60))
    swell *= rng.uniform(0, 1.2) / max(float(swell.std()), 1e-9)
    return np.asarray(sosfilt(sos, rng.standard_normal(n)) * np.exp(swell))


def _moving(rng: Rng, n: int) -> Real:
    decay = np.exp(-1 / (rng.uniform(0.05, 0.8) * GRID_FS))
    moved = lfilter([1.0], [1.0, -decay], _steps(rng, n, rng.uniform(0.5, 5)))
    return np.asarray(gaussian_filter1d(moved, rng.uniform(0.7, 8)))


def _jumping(rng: Rng, n: int) -> Real:
    steps = _steps(rng, n, rng.uniform(0.2, 1.5))
    return np.asarray(gaussian_filter1d(np.cumsum(steps), rng.uniform(1, 30)))


def _steps(rng: Rng, n: int, per_second: float) -> Real:
    return np.where(rng.random(n) < per_second / GRID_FS, rng.normal(0, 1, n), 0.0)


def noise_to_add(
    n: int, usual: float, noises: Noises, rng: Rng, lowest_db: float
) -> Real:
    """Return noise [n] for a record of that usual peak-to-peak.

    SNR as in nst: the power of a sine of the QRS's peak-to-peak against that of
    the noise; ``lowest_db`` to 24 dB, half of it in bursts of 1 to 7 s, or of up to
    20 s where it is varied.
    """
    level = usual / np.sqrt(8.0) * 10 ** (-rng.uniform(lowest_db, 24.0) / 20)
    level *= rng.choice((-1.0, 1.0))
    if noises.varied:
        part = _varied(n, noises, rng)
        if rng.random() < 0.25:
            part = part + rng.uniform(0.2, 1.0) * _varied(n, noises, rng)
        part = level * part / max(float(part.std()), 0.3)
        return part * _long_bursts(n, rng) if rng.random() < 0.5 else part
    part = level * _part(n, noises, rng)
    if rng.random() < 0.5:
        window = np.zeros(n)
        for _ in range(rng.integers(1, 4)):
            length = int(rng.uniform(1, 7) * GRID_FS)
            at = int(rng.integers(0, n))
            window[at : at + length] = 1.0
        part *= window
    return part


def _part(n: int, noises: Noises, rng: Rng) -> Real:
    noise = noises.parts[int(rng.choice(len(noises.parts), p=noises.chances))]
    start = int(rng.integers(0, max(len(noise) - n, 1)))
    return np.resize(noise[start : start + n], n).astype(np.float64)


def _varied(n: int, noises: Noises, rng: Rng) -> Real:
    pace = float(np.exp(rng.uniform(-0.45, 0.45))) if rng.random() < 0.5 else 1.0
    span = int(n * pace) + 2
    part = np.interp(np.arange(n) * pace, np.arange(span), _part(span, noises, rng))
    if rng.random() < 0.3:
        smooth = gaussian_filter1d(part, rng.uniform(1, 5), truncate=3.0)
        part = part + rng.uniform(-0.8, 1.5) * smooth
    return part


def _long_bursts(n: int, rng: Rng) -> Real:
    """Return a gain [n] that is 0 but for one to three bursts of their own level."""
    gain = np.zeros(n)
    for _ in range(rng.integers(1, 4)):
        length = int(np.exp(rng.uniform(0, 3)) * GRID_FS)
        at = int(rng.integers(-length // 2, n))
        gain[max(at, 0) : max(at + length, 0)] = 10 ** (rng.uniform(-6, 3) / 20)
    return np.asarray(gaussian_filter1d(gain, rng.uniform(0.5, 30), truncate=3.0))
