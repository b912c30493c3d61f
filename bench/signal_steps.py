"""The first steps of the analysis one by one: the pipeline runs them as one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.clock import Stopwatch
from bench.day import FS
from inference.ecg.detector import DETECTOR, find_r_peaks, start_detector
from inference.ecg.filters import FILTERS, band_pass, envelope
from inference.ecg.gaps import GAPS, fill_gaps, start_gaps
from inference.ecg.grid import GRID_FS
from inference.ecg.quality import QUALITY, judge_seconds, start_quality
from inference.ecg.resampling import (
    RESAMPLING,
    kernel,
    resample_block,
    start_resampling,
)
from inference.ecg.turns import CHUNK_S


def time_signal_steps(mv: NDArray[np.float32], watch: Stopwatch) -> None:
    """Run gaps, quality, resampling, filters and voter over a whole signal."""
    gaps, quality = np.zeros(1, GAPS)[0], np.zeros(1, QUALITY)[0]
    resampling, filters = np.zeros(1, RESAMPLING)[0], np.zeros(1, FILTERS)[0]
    detector = np.zeros(1, DETECTOR)[0]
    start_gaps(gaps)
    start_quality(quality)
    start_resampling(resampling, FS)
    start_detector(detector)
    taps, first = kernel(FS), 0
    for start in range(0, len(mv), CHUNK_S * FS):
        piece = mv[start : start + CHUNK_S * FS]
        signal, correction, missing = watch.call("gaps", fill_gaps, gaps, piece, FS)
        _, _, dark = watch.call("quality", judge_seconds, quality, signal, missing, FS)
        steps = watch.call(
            "resampling",
            resample_block,
            resampling,
            signal + correction,
            FS,
            taps.weights,
            taps.half,
        )
        band = watch.call("band-pass", band_pass, filters, steps)
        energy = watch.call("envelope", envelope, filters, band)
        blind = np.repeat(np.asarray(dark, dtype=np.bool_), GRID_FS)
        watch.call("voter", find_r_peaks, detector, energy, blind, first)
        first += len(energy)
