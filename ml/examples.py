"""From records to training examples, through the code that also runs live."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Examples:
    """Beats of many records: ``wide`` [n, 112] and ``templates`` [n, 96] in mV,
    ``features`` [n, F], ``classes`` [n], ``records`` [n] (index of the record),
    ``af`` [n] (probability of atrial fibrillation).
    """

    wide: NDArray[np.float32]
    templates: NDArray[np.float32]
    features: NDArray[np.float32]
    classes: NDArray[np.uint8]
    records: NDArray[np.int64]
    af: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of beats."""
        return len(self.classes)

    def take(self, at: NDArray[np.int64] | NDArray[np.bool_]) -> Examples:
        """Return the beats at ``at``."""
        return Examples(
            self.wide[at],
            self.templates[at],
            self.features[at],
            self.classes[at],
            self.records[at],
            self.af[at],
        )


def examples_of(record: Record, index: int = 0) -> Examples:
    """Describe every annotated beat of a record.

    The annotated R peak is aligned by the rule that also aligns detected ones.
    """
    grid = resample(record.mv.astype(np.float64), FS)
    band = band_pass(np.zeros(1, FILTERS)[0], grid - grid[0])
    band = band.astype(np.float32)
    at = np.rint(record.samples * GRID_FS / FS).astype(np.int64) + BAND_DELAY
    r_peaks = align_r_peaks(band, at)
    keep = np.concatenate(([True], np.diff(np.maximum.accumulate(r_peaks)) > 0))
    r_peaks, classes = r_peaks[keep], record.classes[keep]
    never = np.full(len(r_peaks), -1)
    pre_s = pre_intervals(r_peaks, never, None)
    post_s = np.concatenate((post_intervals(pre_s), [np.nan]))
    described = describe_beats(initial_beats(), band, r_peaks, pre_s, post_s)
    wide = segment(band, r_peaks, before=BEFORE + MARGIN, length=WINDOW + 2 * MARGIN)
    return Examples(
        wide=wide.astype(np.float32),
        templates=described.templates.astype(np.float32),
        features=described.features.astype(np.float32),
        classes=classes,
        records=np.full(len(classes), index),
        af=described.af,
    )


def join(parts: list[Examples]) -> Examples:
    """Return the beats of several sets as one."""
    return Examples(
        np.concatenate([part.wide for part in parts]),
        np.concatenate([part.templates for part in parts]),
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.classes for part in parts]),
        np.concatenate([part.records for part in parts]),
        np.concatenate([part.af for part in parts]),
    )
