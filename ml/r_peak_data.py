"""Records as the R-peak net is trained on them: band-passed, on the grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.ecg.align import align_r_peaks
from inference.ecg.filters import BAND_DELAY, FILTERS, band_pass
from inference.ecg.grid import GRID_FS
from inference.ecg.resampling import resample
from ml.data import FS, Record

NOISES = ("em", "ma", "bw")
UNSURE = 12  # grid steps around flutter, whose beats nobody labelled


@dataclass(frozen=True)
class Track:
    """One lead: ``band`` [n] in mV on the grid and what is known of its beats.

    ``r_peaks`` are grid steps; ``unsure`` [n] marks steps that teach nothing;
    ``usual`` is the usual peak-to-peak of a second. Leads of one ``patient``
    never stand on both sides of a split.
    """

    name: str
    patient: str
    band: NDArray[np.float32]
    r_peaks: NDArray[np.int64]
    unsure: NDArray[np.bool_]
    usual: float
    record: Record | None = None  # as it was annotated, if it was


def band_of(mv: NDArray[np.float32], fs: int) -> NDArray[np.float32]:
    """Return a signal [n] at ``fs`` Hz as the analysis has it: band-passed, 125 Hz."""
    grid = resample(mv.astype(np.float64), fs)
    return band_pass(np.zeros(1, FILTERS)[0], grid - grid[0]).astype(np.float32)


def usual_peak_to_peak(band: NDArray[np.float32]) -> float:
    """Return the median peak-to-peak of the seconds."""
    rows = band[: len(band) // GRID_FS * GRID_FS].reshape(-1, GRID_FS)
    return max(float(np.median(np.ptp(rows, axis=1))), 1e-3)


def track_of(record: Record, patient: str) -> Track:
    """Return a record with its beats moved by the rule that service uses too."""
    band = band_of(record.mv, FS)
    at = np.rint(record.samples * GRID_FS / FS).astype(np.int64) + BAND_DELAY
    unsure = np.zeros(len(band), dtype=bool)
    for start, end in record.flutter:
        span = np.array([start, end]) * GRID_FS / FS + (-UNSURE, UNSURE)
        unsure[max(int(span[0]), 0) : int(span[1])] = True
    r_peaks = align_r_peaks(band, at)
    usual = usual_peak_to_peak(band)
    return Track(record.name, patient, band, r_peaks, unsure, usual, record)
