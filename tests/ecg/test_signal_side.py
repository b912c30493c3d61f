"""Each function on the signal takes what no heart ever sent."""

import numpy as np
import pytest

from inference.ecg import adu_to_mv, align_r_peaks, resample, segment
from inference.ecg.align import refine_peaks
from inference.ecg.beats import describe_beats, initial_beats
from inference.ecg.detector import DETECTOR, find_r_peaks, start_detector
from inference.ecg.filters import FILTERS, band_pass, envelope
from inference.ecg.fusion import APART, FUSION, fuse, start_fusion
from inference.ecg.gaps import GAPS, fill_gaps, start_gaps
from inference.ecg.heat import CONTEXT, HEAT, LIMIT, ask, normalise, start_heat
from inference.ecg.quality import QUALITY, judge_seconds, start_quality
from inference.ecg.resampling import (
    RESAMPLING,
    kernel,
    resample_block,
    start_resampling,
)
from inference.ecg.rhythm_window import ShortWindow, feature_names, rhythm_features
from inference.nets import nets

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


def grid(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a signal on the grid behind the band filter, and what was missing."""
    mv = SIGNALS[name].astype(np.float32)
    gaps, filters = np.zeros(1, GAPS)[0], np.zeros(1, FILTERS)[0]
    start_gaps(gaps)
    signal, correction, missing = fill_gaps(gaps, mv, FS)
    band = band_pass(filters, resample(signal + correction, FS))
    return band.astype(np.float32), missing[::2].copy()


@pytest.mark.parametrize("name", SIGNALS)
def test_it_shows_any_signal_to_the_net(name: str) -> None:
    band, blind = grid(name)
    heat_state, fusion = np.zeros(1, HEAT)[0], np.zeros(1, FUSION)[0]
    start_heat(heat_state)
    start_fusion(fusion)
    shown = normalise(heat_state, band, blind, 0)
    assert np.abs(shown).max() <= LIMIT
    detect = nets().detect
    assert detect is not None
    (heat,) = ask(detect, [shown])
    assert len(heat) == len(shown) - CONTEXT
    assert ((heat >= 0) & (heat <= 1)).all()
    votes = np.zeros((0, 2), np.int64)
    steps = fuse(fusion, heat, votes, blind, 0)
    assert (np.diff(steps) >= APART).all()


@pytest.mark.parametrize("name", SIGNALS)
def test_it_describes_beats_of_any_signal(name: str) -> None:
    band, _ = grid(name)
    at = np.unique(np.array([0, len(band) // 2, max(len(band) - 1, 0)]))
    aligned = align_r_peaks(band, at)
    assert (np.abs(aligned - at) <= 10).all()
    assert (np.abs(refine_peaks(band, aligned) - aligned) <= 8.5).all()
    windows = segment(band, aligned, before=40, length=96)
    assert np.isfinite(windows).all()
    unknown = np.full(len(at), np.nan)
    said = describe_beats(initial_beats(), band, aligned, unknown, unknown)
    assert all(np.isfinite(part).all() for part in said)


@pytest.mark.parametrize("name", SIGNALS)
def test_it_keeps_what_is_missing_where_it_takes_signal_as_it_is(name: str) -> None:
    mv = SIGNALS[name]
    known = np.isfinite(mv) & (np.abs(mv) < 100)
    adu = np.where(known, 200 * np.where(known, mv, 0) + 1024, 0).astype(np.int16)
    back = adu_to_mv(adu, gain=200, baseline=1024)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back[known], mv[known], atol=0.005)
    at = np.array([0, len(mv) // 2])
    assert len(resample(mv, FS)) == -(-len(mv) // 2)
    assert (np.abs(align_r_peaks(mv, at) - at) <= 10).all()
    assert segment(mv, at, before=40, length=96).shape == (2, 96)


@pytest.mark.parametrize("name", SIGNALS)
def test_it_describes_any_half_minute(name: str) -> None:
    none = np.zeros(0, np.float32)
    steps, said = np.zeros(0, np.int64), np.zeros((0, 5), np.float32)
    short = SIGNALS[name].astype(np.float32)
    with pytest.raises(ShortWindow, match="at least 8 s"):
        rhythm_features(short, FS, steps, said, none)
    if len(short):
        long = np.resize(short, 10 * FS)
        assert len(rhythm_features(long, FS, steps, said, none)) == len(feature_names())
