"""A synthetic ECG whose R peaks and beat classes are known.

Each beat is a sum of Gaussian waves around its R peak, placed in time as in
McSharry et al., "A dynamical model for generating synthetic electrocardiogram
signals", IEEE Trans Biomed Eng 50(3):289-294, 2003, but without the
differential equation: a script decides when a beat comes and of which kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RAIL_MV = 2.0  # where a 12-bit front end with 1000 adu per mV saturates

# (centre s, height mV, sigma s); P and T move with the square root of the RR.
NORMAL_QRS = ((-0.026, -0.12, 0.010), (0.0, 1.10, 0.011), (0.028, -0.22, 0.011))
P_WAVE = (-0.17, 0.12, 0.022)
T_WAVE = (0.28, 0.26, 0.045)
VENTRICULAR_QRS = ((-0.03, 0.45, 0.022), (0.0, 1.00, 0.032), (0.09, -0.35, 0.040))
VENTRICULAR_T = (0.32, -0.38, 0.060)


@dataclass(frozen=True)
class Synthetic:
    """A synthetic record: the signal in mV, its R peaks and their WFDB symbols."""

    mv: NDArray[np.float32]
    r_peaks: NDArray[np.int64]
    symbols: list[str]


# The interval before a beat in s, and its symbol.
Beats = Iterator[tuple[float, str]]
Timing = Callable[[float, np.random.Generator], Beats]


def _sinus(rr: float, rng: np.random.Generator) -> Beats:
    time = 0.0
    while True:
        # Respiration moves the rate by some per cent (sinus arrhythmia).
        step = rr * (1 + 0.03 * np.sin(2 * np.pi * 0.25 * time))
        step *= 1 + 0.01 * rng.standard_normal()
        time += step
        yield step, "N"


def _pvc(rr: float, rng: np.random.Generator) -> Beats:
    sinus = _sinus(rr, rng)
    while True:
        for _ in range(int(rng.integers(6, 9))):
            yield next(sinus)
        yield 0.6 * rr, "V"
        yield 1.4 * rr, "N"


def _bigeminy(rr: float, rng: np.random.Generator) -> Beats:
    while True:
        jitter = 1 + 0.01 * rng.standard_normal()
        yield 0.6 * rr * jitter, "V"
        yield 1.4 * rr * jitter, "N"


def _af(rr: float, rng: np.random.Generator) -> Beats:
    while True:
        yield rr * float(np.clip(rng.gamma(18.0, 1 / 18.0), 0.55, 1.9)), "N"


def _vt(rr: float, rng: np.random.Generator) -> Beats:
    sinus = _sinus(rr, rng)
    while True:
        time = 0.0
        while time < 38.0:
            step, symbol = next(sinus)
            time += step
            yield step, symbol
        yield 0.5 * rr, "V"
        for _ in range(int(rng.integers(7, 12))):
            yield 60 / 170 * (1 + 0.02 * rng.standard_normal()), "V"
        yield 1.2 * rr, "N"


def _pause(rr: float, rng: np.random.Generator) -> Beats:
    sinus = _sinus(rr, rng)
    while True:
        time = 0.0
        while time < 55.0:
            step, symbol = next(sinus)
            time += step
            yield step, symbol
        yield 4.5, "N"


TIMINGS: dict[str, Timing] = {
    "sinus": _sinus,
    "pvc": _pvc,
    "bigeminy": _bigeminy,
    "af": _af,
    "vt": _vt,
    "pause": _pause,
    "brady": _sinus,
    "tachy": _sinus,
    "noise": _sinus,
    "lead_off": _sinus,
}
RATES_BPM = {"brady": 38.0, "tachy": 145.0, "af": 95.0}
SCRIPTS = tuple(TIMINGS)


def _waves(symbol: str, rr: float, p_wave: bool) -> list[tuple[float, float, float]]:
    stretch = float(np.sqrt(np.clip(rr, 0.35, 1.3)))
    if symbol == "V":
        centre, height, sigma = VENTRICULAR_T
        t_wave = (centre * max(stretch, 0.75), height, sigma * stretch)
        return [*VENTRICULAR_QRS, t_wave]
    waves = list(NORMAL_QRS)
    centre, height, sigma = T_WAVE
    waves.append((centre * stretch, height, sigma * stretch))
    if p_wave:
        centre, height, sigma = P_WAVE
        waves.append((centre * min(stretch, 1.0), height, sigma))
    return waves


def _add_beat(
    mv: NDArray[np.float64],
    at_s: float,
    waves: list[tuple[float, float, float]],
    fs: int,
) -> int:
    """Add one beat to ``mv`` and return the sample of its R peak."""
    first = max(int((at_s - 0.4) * fs), 0)
    last = min(int((at_s + 0.8) * fs), len(mv))
    time = np.arange(first, last) / fs - at_s
    wave = np.zeros(last - first)
    for centre, height, sigma in waves:
        wave += height * np.exp(-0.5 * ((time - centre) / sigma) ** 2)
    mv[first:last] += wave
    near = np.flatnonzero(np.abs(time) <= 0.06)
    return first + int(near[np.argmax(np.abs(wave[near]))]) if len(near) else first


def _smooth_noise(
    n: int, fs: int, cutoff_hz: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return ``n`` samples of unit-variance noise below ``cutoff_hz``."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    hz = np.fft.rfftfreq(n, 1 / fs)
    noise = np.fft.irfft(spectrum / (1 + (hz / cutoff_hz) ** 4), n)
    return noise / max(float(noise.std()), 1e-9)


def _disturb(
    mv: NDArray[np.float64], script: str, fs: int, rng: np.random.Generator
) -> None:
    """Add the script's noise bursts or lead-off stretches to ``mv`` in place."""
    if script == "noise":
        muscle = 0.35 * rng.standard_normal(len(mv))
        motion = 0.8 * _smooth_noise(len(mv), fs, 4.0, rng)
        for start in range(15 * fs, len(mv), 40 * fs):
            stop = start + 15 * fs
            mv[start:stop] += (muscle + motion)[start:stop]
    if script == "lead_off":
        for start in range(20 * fs, len(mv), 60 * fs):
            # A floating electrode drives the amplifier to its rail.
            mv[start : start + 15 * fs] = RAIL_MV


def synthesise(
    script: str,
    *,
    fs: int = 250,
    seconds: float = 60.0,
    seed: int = 0,
    heart_rate_bpm: float | None = None,
) -> Synthetic:
    """Return a synthetic one-lead ECG in mV with known R peaks and symbols.

    ``script`` is one of ``SCRIPTS``. ``heart_rate_bpm`` is the rate of the
    underlying rhythm; left out, the script's own (70 where it has none). Equal
    arguments give equal samples. In ``lead_off`` the beats inside the rail are
    left out; in ``noise`` they stay, although nobody could see them.
    """
    if script not in TIMINGS:
        raise ValueError(f"unknown script {script!r}: choose from {', '.join(SCRIPTS)}")
    rng = np.random.default_rng(seed)
    rate = RATES_BPM.get(script, 70.0) if heart_rate_bpm is None else heart_rate_bpm
    n = round(seconds * fs)
    mv = np.zeros(n)
    peaks: list[int] = []
    symbols: list[str] = []
    at_s = -1.0
    for rr, symbol in TIMINGS[script](60.0 / rate, rng):
        at_s = 0.5 if at_s < 0 else at_s + rr
        if at_s >= seconds - 0.1:
            break
        peaks.append(_add_beat(mv, at_s, _waves(symbol, rr, script != "af"), fs))
        symbols.append(symbol)
    time = np.arange(n) / fs
    mv += 0.05 * np.sin(2 * np.pi * 0.25 * time) + 0.04 * np.sin(
        2 * np.pi * 0.07 * time
    )
    if n:
        mv += 0.012 * rng.standard_normal(n)
        if script == "af":
            mv += 0.04 * np.sin(2 * np.pi * 6.0 * time + np.sin(2 * np.pi * 0.3 * time))
        _disturb(mv, script, fs, rng)
    mv = np.clip(mv, -RAIL_MV, RAIL_MV)
    keep = [k for k, peak in enumerate(peaks) if mv[peak] < RAIL_MV]
    return Synthetic(
        mv=mv.astype(np.float32),
        r_peaks=np.array([peaks[k] for k in keep], dtype=np.int64),
        symbols=[symbols[k] for k in keep],
    )
