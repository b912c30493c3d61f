"""The four public operators: resample, scale, segment, align_r_peaks."""

import numpy as np
import pytest

from devices.ecg_model import synthesise
from inference.ecg import adu_to_mv, align_r_peaks, resample, scale, segment
from inference.ecg.filters import FILTERS, band_pass


@pytest.mark.parametrize("fs", [100, 128, 250, 360, 500, 1000])
def test_it_resamples_without_shift(fs: int) -> None:
    time = np.arange(4 * fs) / fs
    grid = np.arange(500) / 125
    for hz in (1.0, 10.0, 20.0):
        out = resample(np.sin(2 * np.pi * hz * time), fs)
        assert len(out) == 500
        error = np.abs(out - np.sin(2 * np.pi * hz * grid))[20:-20]
        assert error.max() < 0.02


def test_it_keeps_a_constant_exactly_a_constant() -> None:
    np.testing.assert_allclose(resample(np.full(720, 3.5), 360), 3.5, rtol=1e-12)


def test_it_stops_what_the_grid_cannot_hold() -> None:
    time = np.arange(4000) / 1000
    assert np.abs(resample(np.sin(2 * np.pi * 90 * time), 1000))[20:-20].max() < 0.03


def test_it_scales_adu_to_millivolts() -> None:
    adu = np.array([0, 1024, 1224, -32768], dtype=np.int16)
    mv = adu_to_mv(adu, gain=200.0, baseline=1024)
    np.testing.assert_allclose(mv, [-5.12, 0.0, 1.0, -168.96], rtol=1e-6)
    assert mv.dtype == np.float32
    assert scale is adu_to_mv
    with pytest.raises(ValueError, match="above 0"):
        adu_to_mv(adu, gain=0.0, baseline=0)


def test_it_cuts_windows_free_of_their_median() -> None:
    signal = np.arange(300.0)
    windows = segment(signal, np.array([100, 5]), before=40, length=96)
    assert windows.shape == (2, 96)
    np.testing.assert_allclose(np.median(windows, axis=1), 0.0)
    assert windows[0, 40] - windows[0, 0] == 40
    assert windows[1, 0] == windows[1, 10]  # before the start the start is held


def test_it_aligns_r_peaks_that_were_marked_beside() -> None:
    known = synthesise("sinus", fs=125, seconds=30, seed=26)
    band = band_pass(np.zeros(1, FILTERS)[0], known.mv.astype(np.float64))
    rng = np.random.default_rng(26)
    beside = known.r_peaks + rng.integers(-5, 6, len(known.r_peaks))
    exact = align_r_peaks(band, known.r_peaks)
    assert np.abs(align_r_peaks(band, beside) - exact).max() <= 2
    assert np.abs(exact - known.r_peaks).max() <= 3
