"""From records to training examples, through the code that also runs live."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from inference.ecg.align import align_r_peaks, segment
from inference.ecg.beats import (
    describe_beats,
    initial_beats,
    post_intervals,
    pre_intervals,
)
from inference.ecg.filters import BAND_DELAY, FILTERS, band_pass
from inference.ecg.grid import BEFORE, GRID_FS, WINDOW
from inference.ecg.resampling import resample
from ml.data import FS, Record

MARGIN = 8  # grid steps by which training may move a beat in its window
WIDE = WINDOW + 2 * MARGIN
# Where beats come from: annotated ones of two databases; what the R-peak net finds in
# noisy copies of them; people labelled only as a whole, normal or in fibrillation;
# fusion beats and rhythms made of annotated beats; what stands between such fusion
# beats, and teaches nothing.
KINDS = (
    *("mitdb", "svdb", "noisy", "people", "fibrillation"),
    *("fusion", "ectopy", "sinus", "between"),
)


@dataclass(frozen=True)
class Examples:
    """Beats of many records.

    ``wide`` [n, 112] and ``templates`` [n, 96] in mV, ``features`` [n, F],
    ``classes`` [n], ``steps`` [n] (R peaks on the grid), ``pre_s`` and ``post_s`` [n]
    (NaN: unknown), ``records`` [n] (index of the record), ``kinds`` [n] (of KINDS).
    """

    wide: NDArray[np.float32]
    templates: NDArray[np.float32]
    features: NDArray[np.float32]
    classes: NDArray[np.uint8]
    steps: NDArray[np.int64]
    pre_s: NDArray[np.float64]
    post_s: NDArray[np.float64]
    records: NDArray[np.int64]
    kinds: NDArray[np.uint8]

    def __len__(self) -> int:
        """Return the number of beats."""
        return len(self.classes)

    def take(self, at: NDArray[np.int64] | NDArray[np.bool_]) -> Examples:
        """Return the beats at ``at``."""
        return Examples(*(getattr(self, part.name)[at] for part in fields(self)))


@dataclass(frozen=True)
class Sequence:
    """The beats of one lead in order.

    ``wide`` [n, 112] are windows in mV around their aligned R peaks, the grid's
    ``steps`` [n]; ``pre_s`` and ``post_s`` [n] (NaN: unknown), ``classes`` [n].
    """

    steps: NDArray[np.int64]
    wide: NDArray[np.float32]
    pre_s: NDArray[np.float64]
    post_s: NDArray[np.float64]
    classes: NDArray[np.uint8]


def band_of(record: Record) -> NDArray[np.float32]:
    """Return a record as the beat side has it: band-passed, at 125 Hz."""
    grid = resample(record.mv.astype(np.float64), FS)
    return band_pass(np.zeros(1, FILTERS)[0], grid - grid[0]).astype(np.float32)


def sequence_of(
    band: NDArray[np.float32], at: NDArray[np.int64], classes: NDArray[np.uint8]
) -> Sequence:
    """Cut the beats near the steps ``at`` out of a band-passed signal.

    Annotated R peaks are aligned by the rule that also aligns detected ones.
    """
    r_peaks = align_r_peaks(band, at)
    keep = np.concatenate(([True], np.diff(np.maximum.accumulate(r_peaks)) > 0))
    r_peaks, classes = r_peaks[keep[: len(r_peaks)]], classes[keep[: len(r_peaks)]]
    pre_s = pre_intervals(r_peaks, np.full(len(r_peaks), -1), None)
    wide = segment(band, r_peaks, before=BEFORE + MARGIN, length=WIDE)
    wide = wide.astype(np.float32)
    return Sequence(r_peaks, wide, pre_s, after(pre_s), classes)


def after(pre_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the intervals after beats [n] from those before them."""
    return np.concatenate((post_intervals(pre_s), [np.nan]))


def annotated(record: Record) -> Sequence:
    """Return every annotated beat of a record."""
    at = np.rint(record.samples * GRID_FS / FS).astype(np.int64) + BAND_DELAY
    return sequence_of(band_of(record), at, record.classes)


def describe(beats: Sequence, index: int = 0, kind: str = "mitdb") -> Examples:
    """Describe beats in order, as the analysis does."""
    line = np.ascontiguousarray(beats.wide).reshape(-1)
    r_peaks = np.arange(len(beats.classes)) * WIDE + BEFORE + MARGIN
    described = describe_beats(
        initial_beats(), line, r_peaks, beats.pre_s, beats.post_s
    )
    return Examples(
        wide=beats.wide,
        templates=described.templates.astype(np.float32),
        features=described.features.astype(np.float32),
        classes=beats.classes,
        steps=beats.steps,
        pre_s=beats.pre_s,
        post_s=beats.post_s,
        records=np.full(len(beats.classes), index),
        kinds=np.full(len(beats.classes), KINDS.index(kind), dtype=np.uint8),
    )


def examples_of(record: Record, index: int = 0, kind: str = "mitdb") -> Examples:
    """Describe every annotated beat of a record."""
    return describe(annotated(record), index, kind)


def join(parts: list[Examples]) -> Examples:
    """Return the beats of several sets as one."""
    names = [part.name for part in fields(Examples)]
    return Examples(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in names)
    )
