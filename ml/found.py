"""Beats as the R-peak net finds them, not as people annotated them.

In noise some of what it finds is no beat. A beat net that never saw such a place calls
it ventricular, for it is wide and unlike the rest; here it learns to call it Q.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from inference.ecg import CLASSES
from inference.ecg.filters import BAND_DELAY
from inference.ecg.grid import GRID_FS
from inference.ecg.types import Detect
from ml.data import FS, Record
from ml.examples import Examples, band_of, describe, sequence_of
from ml.judge.beats import pair_beats
from ml.r_peak_labels import heat_of, r_peaks_of, votes_of

ARTEFACT = CLASSES.index("Q")
BESIDE_S = 1.0  # around flutter nobody labelled beats
Find = Callable[[NDArray[np.float32]], NDArray[np.int64]]


def finder(detect: Detect) -> Find:
    """Return what gives the R peaks, in grid steps, of a band-passed signal [n]."""
    return lambda band: r_peaks_of(heat_of(detect, band), votes_of(band))


def found_in(record: Record, find: Find, index: int = 0) -> Examples:
    """Describe what is found in a record: annotated beats, or artefacts.

    A find within 150 ms of an annotated beat has its class. What lies in ventricular
    flutter is left out.
    """
    band = band_of(record)
    at = find(band)
    partner = pair_beats(record.samples / FS, _seconds(at))
    classes = np.full(len(at), ARTEFACT, np.uint8)
    hit = partner >= 0
    classes[partner[hit]] = record.classes[hit]
    beats = describe(sequence_of(band, at, classes), index, "noisy")
    known = np.ones(len(beats), bool)
    for start, end in record.flutter:
        seconds = _seconds(beats.steps)
        known &= (seconds < start / FS - BESIDE_S) | (seconds > end / FS + BESIDE_S)
    return beats.take(known)


def _seconds(steps: NDArray[np.int64]) -> NDArray[np.float64]:
    return (steps - BAND_DELAY) / GRID_FS
