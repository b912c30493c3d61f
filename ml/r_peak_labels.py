"""Records without beat labels, labelled where a net and the classical detector agree.

The PhysioNet/CinC 2017 set holds thousands of people that no annotated set holds.
What only one of the two says is taught neither as a beat nor as none.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import wfdb
from numpy.typing import NDArray

from inference.ecg.align import align_r_peaks
from inference.ecg.detector import DETECTOR, find_votes, start_detector
from inference.ecg.filters import FILTERS, envelope
from inference.ecg.fusion import FUSION, NEAR, TO_BAND, fuse, start_fusion
from inference.ecg.grid import GRID_FS
from inference.ecg.heat import FUTURE, HEAT, LAG, LONG_S, ask, normalise, start_heat
from inference.ecg.types import Detect
from ml.r_peak_data import Track, band_of, usual_peak_to_peak

LEAST_S = 8
SURE = 0.6
POSSIBLE = 0.05
BESIDE = 25  # grid steps around what only one of them says


def read_rhythms(data: Path) -> dict[str, str]:
    """Return the rhythm of every record of training2017: N, A, O, or ~ for noise."""
    with open(data / "training2017" / "REFERENCE.csv") as file:
        return {row[0]: row[1] for row in csv.reader(file)}


def read_bands(data: Path) -> dict[str, NDArray[np.float32]]:
    """Return every record of training2017, band-passed, in whole seconds."""
    folder = data / "training2017"
    bands = {}
    for name in read_rhythms(data):
        record = wfdb.rdrecord(str(folder / name))
        band = band_of(np.nan_to_num(record.p_signal[:, 0]), int(record.fs))
        if len(band) >= LEAST_S * GRID_FS:
            bands[name] = band[: len(band) // GRID_FS * GRID_FS]
    return bands


def heat_of(detect: Detect, band: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability of an R peak at every step of a record [n].

    Asked for in whole minutes, beyond the end of which the last value is held.
    """
    blocks = -(-(len(band) + LAG + FUTURE) // (LONG_S * GRID_FS)) * LONG_S
    held = np.full(blocks * GRID_FS - len(band), band[-1], np.float32)
    state = np.zeros(1, HEAT)[0]
    start_heat(state)
    blind = np.zeros(0, dtype=bool)
    shown = normalise(state, np.concatenate((band, held)), blind, 0)
    return ask(detect, [shown])[0][LAG + FUTURE :][: len(band)]


def votes_of(band: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return what the classical detector finds, as ``fuse`` takes it: [k, 2]."""
    energy = envelope(np.zeros(1, FILTERS)[0], band.astype(np.float64))
    state = np.zeros(1, DETECTOR)[0]
    start_detector(state)
    blind = np.zeros(len(band), dtype=bool)
    return find_votes(state, energy, blind, 0)


def r_peaks_of(
    heat: NDArray[np.float32], votes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the R peaks that service makes of a heat map [n] and votes, grid steps."""
    state = np.zeros(1, FUSION)[0]
    start_fusion(state)
    shown = np.concatenate((np.zeros(LAG + FUTURE), heat, np.zeros(GRID_FS)))
    blind = np.zeros(0, dtype=bool)
    return fuse(state, shown.astype(np.float32), votes, blind, 0)


def maxima_of(heat: NDArray[np.float32], least: float) -> NDArray[np.int64]:
    """Return the maxima of a heat map that are at least so high, by service's rule."""
    # Raised above the threshold: only their places are asked for.
    raised = np.where(heat >= least, 0.9 + 0.1 * heat, 0.0)
    return r_peaks_of(raised, np.zeros((0, 2), dtype=np.int64))


def label(detect: Detect, name: str, band: NDArray[np.float32]) -> Track:
    """Return a record with the beats of which both are sure."""
    heat, votes = heat_of(detect, band), votes_of(band)[:, 0] - TO_BAND
    maxima = maxima_of(heat, POSSIBLE)
    distance = np.abs(maxima[:, None] - votes[None, :]) <= NEAR
    sure = distance.any(axis=1) & (heat[maxima] >= SURE)
    unsure = np.zeros(len(band), dtype=bool)
    doubtful = [*maxima[~sure].tolist(), *votes[~distance.any(axis=0)].tolist()]
    for at in doubtful:
        unsure[max(at - BESIDE, 0) : at + BESIDE] = True
    r_peaks = align_r_peaks(band, maxima[sure])
    return Track(name, name, band, r_peaks, unsure, usual_peak_to_peak(band))
