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
from ml.af_ectopy import Intervals, Real
from ml.examples import MARGIN, Examples, describe, sequence_of
from ml.short_records import analysed, intervals_of

LIKE = FEATURES.index("like_qrs")


class AtrialRows(NamedTuple):
    """ATRIAL_FEATURES [n, F] after a usual beat, the record's number [n]; labels [r].

    Records are numbered as REFERENCE.csv lists them.
    """

    features: Real
    records: NDArray[np.int64]
    labels: NDArray[np.str_]


def beats_of(mv: Signal, fs: int, beats: Beats) -> Examples:
    """Describe beats found in a signal [n] in mV."""
    grid = resample(mv.astype(np.float64), fs)
    band = band_pass(np.zeros(1, FILTERS)[0], grid - grid[0]).astype(np.float32)
    at = np.rint(beats.samples * GRID_FS / fs).astype(np.int64) + BAND_DELAY
    return describe(sequence_of(band, at, beats.classes))


def rows_of(beats: Examples) -> Real:
    """Return ATRIAL_FEATURES [n, F] after each usual beat from the eighth on."""
    state, rows = np.zeros(1, ATRIAL)[0], []
    windows = np.ascontiguousarray(beats.wide[:, MARGIN : MARGIN + WINDOW])
    for window, like in zip(windows, beats.features[:, LIKE], strict=True):
        if add_beat(state, window, float(like)) and state["count"] >= FEWEST:
            rows.append(np.empty(len(ATRIAL_FEATURES)))
            describe_atrial(state, rows[-1])
    return np.array(rows).reshape(-1, len(ATRIAL_FEATURES))


class ShortSet(NamedTuple):
    """Every record of training2017: its intervals [r], and rows of its beats."""

    intervals: list[Intervals]
    atrial: AtrialRows


def read_short_set(data: Path) -> ShortSet:
    """Describe the own beats of training2017; a record of few beats has no row."""
    parts: list[tuple[Real, int]] = []
    labels, intervals = [], []
    for number, record in enumerate(analysed(data)):
        labels.append(record.label)
        intervals.append(intervals_of(record.analysis.beats))
        if len(record.analysis.beats.samples) >= FEWEST:
            beats = beats_of(record.mv, record.fs, record.analysis.beats)
            parts.append((rows_of(beats), number))
    features = np.concatenate([rows for rows, _ in parts])
    records = np.concatenate([np.full(len(rows), number) for rows, number in parts])
    return ShortSet(intervals, AtrialRows(features, records, np.array(labels)))
