"""Seconds of signal with known quality: clean records, and noises added to them.

The noises are those of nstdb: their first half trains, the second half judges.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from pathlib import Path
from typing import NamedTuple

import numpy as np
import wfdb
from numpy.typing import NDArray
from scipy.signal import resample_poly

from inference.ecg.measures import (
    FEATURES,
    MEASURES,
    measure,
    remember,
    start_measures,
    to_bins,
)
from inference.ecg.quality import QUIET, SELDOM
from ml.data import AAMI, DS1, PACED, SAME_PERSON_AS_202

GOOD, MOTION, MUSCLE, UNKNOWN = 0, 1, 2, -1
KINDS = {"em": MOTION, "ma": MUSCLE, "bw": GOOD}
RATES = (125, 128, 180, 250, 360, 500)
BAD_DB, GOOD_DB = 8.0, 14.0  # a second's own SNR below and above which it is clear
BASELINE_DB = 4.0  # wander leaves beats readable down to here
SNR_DB = (-4.0, 20.0)
NOISE_FS = 360

Real = NDArray[np.float64]
Ints = NDArray[np.int64]


class Rows(NamedTuple):
    """Features [n, F], quality [n], number of the record [n], heavy or not [n].

    Heavy are seconds with ventricular beats or flutter and silent ones: to call
    them bad hides what matters most.
    """

    features: Real
    quality: Ints
    records: Ints
    heavy: NDArray[np.bool_]


class Lead(NamedTuple):
    """Signal [n] in mV at ``fs``; QRS size; per second: ventricular, marked noisy."""

    mv: Real
    fs: int
    qrs_mv: float
    ventricular: NDArray[np.bool_]
    noisy: NDArray[np.bool_]


def at_rate(signal: Real, fs: int, wanted: int) -> Real:
    """Resample a signal [n] without shift."""
    common = gcd(fs, wanted)
    return np.asarray(resample_poly(signal, wanted // common, fs // common))


def features_of(mv: Real, fs: int, bad: NDArray[np.bool_]) -> Real:
    """Return the features [s, F] of whole seconds; bad ones become usual seldom."""
    state = np.zeros(1, MEASURES)[0]
    start_measures(state)
    out = np.empty((len(bad), FEATURES))
    for second, is_bad in enumerate(bad):
        row = np.ascontiguousarray(mv[second * fs : (second + 1) * fs])
        seen = measure(state, to_bins(row, fs))
        out[second] = seen.features
        usual = not is_bad and seen.rise >= QUIET * seen.usual_rise
        if usual or second % SELDOM == 0:
            remember(state, seen.values)
    return out


def read_lead(path: Path, channel: int, fs: int) -> Lead:
    """Read one lead with what its ``atr`` says of each second."""
    record = wfdb.rdrecord(str(path), channels=[channel])
    marks = wfdb.rdann(str(path), "atr")
    mv = at_rate(np.nan_to_num(record.p_signal[:, 0]), int(record.fs), fs)
    seconds = len(mv) // fs
    mv = mv[: seconds * fs]
    ventricular = np.zeros(seconds, bool)
    noisy = np.zeros(seconds + 1, np.int64)
    sizes, half = [], round(0.05 * fs)
    flutter, was = 0, 0
    for sample, symbol, kind in zip(
        marks.sample, marks.symbol, marks.subtype, strict=True
    ):
        second = min(int(sample / record.fs), seconds - 1)
        at = round(sample * fs / record.fs)
        if symbol in AAMI and half < at < len(mv) - half:
            sizes.append(np.ptp(mv[at - half : at + half]))
        if symbol == "[":
            flutter = second
        elif symbol == "]":
            ventricular[flutter : second + 1] = True
        elif AAMI.get(symbol) in ("V", "F"):
            ventricular[second] = True
        elif symbol == "~":
            # Bits 0.. say noisy, bits 4.. lost, one per signal; -1 is all lost.
            now = int(kind < 0 or bool((kind >> channel | kind >> channel + 4) & 1))
            noisy[second + (not now)] += now - was
            was = now
    return Lead(mv, fs, float(np.median(sizes)), ventricular, noisy.cumsum()[:-1] > 0)


def read_noises(data: Path) -> dict[str, Real]:
    """Return the first half of each noise [n, 2] at 360 Hz."""
    noises = {}
    for name in KINDS:
        both = wfdb.rdrecord(str(data / "nstdb" / name)).p_signal
        noises[name] = both[: len(both) // 2]
    return noises


def disturb(
    lead: Lead, noises: dict[str, Real], rng: np.random.Generator
) -> tuple[Real, Ints]:
    """Return the signal with stretches of noise, and the quality of each second.

    SNR as in nst: the power of a sine with the QRS's peak-to-peak against the
    noise's; but a second's label follows the noise that it really holds.
    """
    fs, mv = lead.fs, lead.mv.copy()
    signal_power = lead.qrs_mv**2 / 8
    quality = np.where(lead.noisy, UNKNOWN, GOOD)
    seconds, at = len(quality), int(rng.integers(20, 120))
    while at < seconds - 3:
        count = int(
            rng.integers(3, 15) if rng.random() < 0.5 else rng.integers(20, 120)
        )
        count = min(count, seconds - at)
        name = str(rng.choice(["em", "em", "ma", "ma", "bw"]))
        snr_db = rng.uniform(*SNR_DB)
        source = noises[name][:, rng.integers(2)]
        need = count * NOISE_FS
        begin = int(rng.integers(0, len(source) - need))
        noise = at_rate(source[begin : begin + need], NOISE_FS, fs)[: count * fs]
        power = np.sort(noise.reshape(count, fs).var(axis=1))
        cut = count // 20
        usual = power[cut : count - cut].mean()
        noise = (
            noise
            * rng.choice([-1, 1])
            * np.sqrt(signal_power / max(usual, 1e-12) / 10 ** (snr_db / 10))
        )
        mv[at * fs : (at + count) * fs] += noise - noise.mean()
        own_db = noise.reshape(count, fs).var(axis=1)
        own_db = 10 * np.log10(signal_power / np.maximum(own_db, 1e-12))
        clean = quality[at : at + count] == GOOD
        said = np.full(count, UNKNOWN)
        if name == "bw":
            said[clean & (snr_db > BASELINE_DB)] = GOOD
        else:
            said[clean & (own_db > GOOD_DB)] = GOOD
            said[own_db < BAD_DB] = KINDS[name]
        quality[at : at + count] = said
        at += count + int(rng.integers(10, 100))
    return mv, quality


def silence(lead: Lead, rng: np.random.Generator) -> tuple[Real, Ints]:
    """Return two minutes in which the heart falls silent; all of it is good."""
    fs = lead.fs
    start = int(rng.integers(0, max(len(lead.noisy) - 120, 1)))
    mv = lead.mv[start * fs : (start + 120) * fs].copy()
    after = int(rng.integers(40, 80)) * fs
    rest = len(mv) - after
    level = np.median(mv[after - 2 * fs : after])
    hum = rng.uniform(0, 0.08) * np.sin(np.arange(rest) / fs * 2 * np.pi * 0.25)
    noise = rng.choice([0.002, 0.005, 0.01, 0.02, 0.04]) * rng.standard_normal(rest)
    mv[after:] = level + lead.qrs_mv * (hum + noise)
    quality = np.full(len(mv) // fs, UNKNOWN)
    quality[after // fs + 1 :] = GOOD
    return mv, quality


def runs(lead: Lead, rng: np.random.Generator) -> tuple[Real, Ints]:
    """Return two minutes with sudden runs of wide beats; the runs are good."""
    fs = lead.fs
    start = int(rng.integers(0, max(len(lead.noisy) - 120, 1)))
    mv = lead.mv[start * fs : (start + 120) * fs].copy()
    quality = np.full(len(mv) // fs, UNKNOWN)
    at = int(rng.integers(15, 30))
    while at < len(quality) - 15:
        count = int(rng.integers(3, 13))
        time = np.arange(count * fs) / fs
        rr_s = 60 / rng.uniform(110, 280)
        size = lead.qrs_mv * rng.uniform(0.4, 1.6) * rng.choice([-1, 1])
        width = rng.uniform(0.015, 0.045)
        # Height, place and width of three waves, the last one like a T.
        waves = (
            (1.0, 0.0, 1.0),
            (rng.uniform(-0.7, 0.7), rng.uniform(-3, 3), rng.uniform(0.5, 1.5)),
            (rng.uniform(-0.6, 0.6), rng.uniform(3, 8), rng.uniform(1.2, 2.5)),
        )
        wave = rng.uniform(0.004, 0.03) * rng.standard_normal(len(time))
        wave += rng.uniform(0, 0.15) * np.sin(2 * np.pi * (0.3 * time + rng.random()))
        wave *= lead.qrs_mv
        for k in range(round(count / rr_s) + 1):
            after = (time - rr_s * (k + 0.03 * rng.standard_normal())) / width
            for height, place, wide in waves:
                change = 1 + 0.1 * rng.standard_normal()
                bump = np.exp(-0.5 * ((after - place) / wide) ** 2)
                wave += size * height * change * bump
        span = slice(at * fs, (at + count) * fs)
        mv[span] = np.median(mv[(at - 2) * fs : at * fs]) + wave
        quality[at : at + count] = GOOD
        at += count + int(rng.integers(8, 20))
    return mv, quality


def _passes(
    lead: Lead, noises: dict[str, Real], rng: np.random.Generator
) -> Iterator[tuple[Real, Ints, NDArray[np.bool_]]]:
    clean = np.where(lead.noisy, UNKNOWN, GOOD)
    yield lead.mv, clean, lead.ventricular
    yield *disturb(lead, noises, rng), lead.ventricular
    for mv, quality in (silence(lead, rng), runs(lead, rng)):
        yield mv, quality, np.ones(len(quality), bool)


def make_rows(data: Path, rng: np.random.Generator) -> Rows:
    """Return the rows of DS1 (without 201), paced records and svdb, both leads.

    The noises alone are rows too, of records of their own.
    """
    noises = read_noises(data)
    names = [name for name in DS1 if name != SAME_PERSON_AS_202] + PACED
    paths = [data / "mitdb" / name for name in names]
    paths += [path.with_suffix("") for path in sorted((data / "svdb").glob("*.hea"))]
    found: list[tuple[Real, Ints, int, NDArray[np.bool_]]] = []
    for number, path in enumerate(paths):
        for channel in (0, 1):
            lead = read_lead(path, channel, int(rng.choice(RATES)))
            for mv, quality, heavy in _passes(lead, noises, rng):
                rows = features_of(mv, lead.fs, quality > GOOD)
                found.append((rows, quality, number, heavy[: len(quality)]))
    for name, both in noises.items():
        for channel in (0, 1):
            for fs in RATES:
                mv = at_rate(both[:, channel], NOISE_FS, fs)
                count = len(mv) // fs
                rows = features_of(mv, fs, np.zeros(count, bool))
                quality = np.full(count, KINDS[name] or MOTION)
                found.append((rows, quality, len(paths), np.zeros(count, bool)))
    keep = [row[1] != UNKNOWN for row in found]
    pairs = list(zip(found, keep, strict=True))
    return Rows(
        np.concatenate([row[0][ok] for row, ok in pairs]),
        np.concatenate([row[1][ok] for row, ok in pairs]),
        np.concatenate([np.full(ok.sum(), row[2]) for row, ok in pairs]),
        np.concatenate([row[3][ok] for row, ok in pairs]),
    )
