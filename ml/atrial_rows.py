"""Rows of beats that teach what lies between them in fibrillation and what does not."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.ecg.atrial import (
    ATRIAL,
    ATRIAL_FEATURES,
    FEWEST,
    add_beat,
    describe_atrial,
)
from inference.ecg.beats import FEATURES
from inference.ecg.filters import BAND_DELAY, FILTERS, band_pass
from inference.ecg.grid import GRID_FS, WINDOW
from inference.ecg.resampling import resample
from inference.ecg.types import Beats, Signal
from inference.ecg.windows import amplitude_mv
from ml.af_ectopy import Flags, Intervals, Real
from ml.data import FS, read_noise
from ml.examples import MARGIN, Examples, describe, sequence_of
from ml.short_records import analysed, intervals_of

LIKE = FEATURES.index("like_qrs")
MUSCLE = 0.4  # share of noise that is of muscles


class AtrialRows(NamedTuple):
    """ATRIAL_FEATURES [n, F] after a usual beat, the record's number [n], whether noise
    was put in [n]; labels [r].

    Records are numbered as REFERENCE.csv lists them.
    """

    features: Real
    records: NDArray[np.int64]
    noisy: Flags
    labels: NDArray[np.str_]


def beats_of(mv: Signal, fs: int, beats: Beats) -> Examples:
    """Describe beats found in a signal [n] in mV."""
    grid = resample(mv.astype(np.float64), fs)
    band = band_pass(np.zeros(1, FILTERS)[0], grid - grid[0]).astype(np.float32)
    at = np.rint(beats.samples * GRID_FS / fs).astype(np.int64) + BAND_DELAY
    return describe(sequence_of(band, at, beats.classes))


def windows_of(beats: Examples) -> NDArray[np.float32]:
    """Return the windows [n, 96] in mV."""
    return np.ascontiguousarray(beats.wide[:, MARGIN : MARGIN + WINDOW])


def rows_of(beats: Examples, windows: NDArray[np.float32]) -> Real:
    """Return ATRIAL_FEATURES [n, F] after each usual beat from the eighth on."""
    state, rows = np.zeros(1, ATRIAL)[0], []
    for window, like in zip(windows, beats.features[:, LIKE], strict=True):
        if add_beat(state, window, float(like)) and state["count"] >= FEWEST:
            rows.append(np.empty(len(ATRIAL_FEATURES)))
            describe_atrial(state, rows[-1])
    return np.array(rows).reshape(-1, len(ATRIAL_FEATURES))


def noises_of(data: Path) -> list[Real]:
    """Return electrode motion and muscle noise as beats have it, of variance 1."""
    noises, found = read_noise(data), []
    for name in ("em", "ma"):
        grid = resample(noises[name][0].astype(np.float64), FS)
        band = band_pass(np.zeros(1, FILTERS)[0], grid - grid[0])
        found.append(band / band.std())
    return found


def with_noise(
    beats: Examples, noises: list[Real], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the windows [n, 96] with noise at 0 to 15 dB; SNR as in nst."""
    noise = noises[int(rng.random() < MUSCLE)]
    windows = windows_of(beats)
    size = np.median([amplitude_mv(window) for window in windows])
    level = size / np.sqrt(8) * 10 ** (-rng.uniform(0, 15) / 20)
    steps = beats.steps - beats.steps[0]
    start = int(rng.integers(0, len(noise) - int(steps[-1]) - WINDOW))
    part = noise[(start + steps)[:, None] + np.arange(WINDOW)]
    return (windows + level * part).astype(np.float32)


class ShortSet(NamedTuple):
    """Every record of training2017: its intervals [r], and rows of its beats."""

    intervals: list[Intervals]
    atrial: AtrialRows


def read_short_set(data: Path, seed: int) -> ShortSet:
    """Describe the own beats of training2017; a record of few beats has no row.

    Every record is described as it is and with noise.
    """
    parts: list[tuple[Real, int, bool]] = []
    noises, rng = noises_of(data), np.random.default_rng(seed)
    labels, intervals = [], []
    for number, record in enumerate(analysed(data)):
        labels.append(record.label)
        intervals.append(intervals_of(record.analysis.beats))
        if len(record.analysis.beats.samples) >= FEWEST:
            beats = beats_of(record.mv, record.fs, record.analysis.beats)
            parts.append((rows_of(beats, windows_of(beats)), number, False))
            noisy = with_noise(beats, noises, rng)
            parts.append((rows_of(beats, noisy), number, True))
    rows, numbers, noisy_parts = zip(*parts, strict=True)
    counts = [len(part) for part in rows]
    atrial = AtrialRows(
        np.concatenate(rows),
        np.repeat(numbers, counts),
        np.repeat(noisy_parts, counts),
        np.array(labels),
    )
    return ShortSet(intervals, atrial)
