"""Each function on the signal takes what no heart ever sent."""

import numpy as np
import pytest

from inference.ecg import resample
from inference.ecg.detector import DETECTOR, find_r_peaks, start_detector
from inference.ecg.filters import FILTERS, band_pass, envelope
from inference.ecg.gaps import GAPS, fill_gaps, start_gaps
from inference.ecg.quality import QUALITY, judge_seconds, start_quality
from inference.ecg.resampling import (
    RESAMPLING,
    kernel,
    resample_block,
    start_resampling,
)

FS = 250
TIME = np.arange(2 * FS) / FS
SIGNALS = {
    "none": np.zeros(0),
    "one sample": np.array([0.7]),
    "half a second": np.sin(9 * TIME[: FS // 2]),
    "flat": np.full(2 * FS, 3.0),
    "missing": np.full(2 * FS, np.nan),
    "partly missing": np.where(TIME < 1, np.nan, np.sin(9 * TIME)),
    "clipped": np.clip(5 * np.sin(9 * TIME), -1, 1),
    "absurd": np.full(2 * FS, 1e30),
}


@pytest.mark.parametrize("name", SIGNALS)
def test_it_takes_any_signal(name: str) -> None:
    mv = SIGNALS[name].astype(np.float32)
    gaps, quality, resampling, filters, detector = (
        np.zeros(1, dtype)[0]
        for dtype in (GAPS, QUALITY, RESAMPLING, FILTERS, DETECTOR)
    )
    start_gaps(gaps)
    start_quality(quality)
    start_resampling(resampling, FS)
    start_detector(detector)
    signal, correction, missing = fill_gaps(gaps, mv, FS)
    assert len(signal) == len(correction) == len(missing) == len(mv)
    score, word, blind = judge_seconds(quality, signal, missing, FS)
    assert len(score) == len(word) == len(blind) == -(-len(mv) // FS)
    steps = resample_block(resampling, signal + correction, FS, *kernel(FS))
    band = band_pass(filters, steps)
    energy = envelope(filters, band)
    assert len(steps) == len(band) == len(energy)
    for values in (signal, correction, steps, band, energy):
        assert np.isfinite(values).all()
    unreadable = np.zeros(max(len(energy), 1), bool)
    assert len(find_r_peaks(detector, energy, unreadable, 0)) == 0
    assert len(resample(np.nan_to_num(mv), FS)) == -(-len(mv) // 2)
