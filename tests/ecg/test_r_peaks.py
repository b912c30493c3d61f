"""R peaks are found where they are, at any rate, gain and polarity."""

from pathlib import Path

import numpy as np
import pytest
import wfdb

from devices.ecg_model import SCRIPTS, synthesise
from tests.ecg.feeding import feed, missed_and_false, seconds

CLEAN = [script for script in SCRIPTS if script not in ("noise", "lead_off")]


@pytest.mark.parametrize("script", CLEAN)
def test_it_finds_every_known_r_peak(script: str) -> None:
    known = synthesise(script, fs=250, seconds=90, seed=6)
    found = feed(known.mv, 250)
    assert missed_and_false(known.r_peaks, found.samples, 250) == (0, 0)
    off_ms = np.abs(known.r_peaks - found.samples) * 4
    assert np.median(off_ms) <= 4
    assert off_ms.max() <= 12


@pytest.mark.parametrize("fs", [100, 125, 128, 300, 360, 977, 1000])
def test_it_takes_any_sampling_frequency(fs: int) -> None:
    known = synthesise("pvc", fs=fs, seconds=60, seed=7)
    found = feed(known.mv, fs)
    assert missed_and_false(known.r_peaks, found.samples, fs) == (0, 0)
    assert np.abs(known.r_peaks - found.samples).max() <= max(0.012 * fs, 1)


@pytest.mark.parametrize("factor", [0.25, -1.0, 8.0])
def test_it_takes_any_gain_and_polarity(factor: float) -> None:
    known = synthesise("vt", fs=250, seconds=80, seed=8)
    found = feed(known.mv * factor, 250)
    assert missed_and_false(known.r_peaks, found.samples, 250) == (0, 0)


def test_it_settles_an_r_peak_within_a_second_and_its_class_soon_after() -> None:
    known = synthesise("sinus", fs=250, seconds=60, seed=9)
    fed = feed(known.mv, 250, seconds(1))
    for call in fed.calls[6:-1]:
        due = known.r_peaks[known.r_peaks < call.end_sample - 3 * 250]
        final = fed.samples[fed.samples < call.end_sample - 3 * 250]
        assert len(due) == len(final)
        assert len(call.beats.samples)


def test_it_finds_the_beats_of_a_real_record(ecg_data: Path) -> None:
    path = str(ecg_data / "mitdb" / "100")
    record = wfdb.rdrecord(path, channels=[0], sampto=300 * 360)
    marks = wfdb.rdann(path, "atr", sampto=300 * 360)
    beats = np.array(
        [s for s, c in zip(marks.sample, marks.symbol, strict=True) if c in "NAV"]
    )
    found = feed(record.p_signal[:, 0], 360)
    assert missed_and_false(beats, found.samples, 360) == (0, 0)


def test_it_finds_no_beat_that_the_end_of_a_record_cuts_off() -> None:
    known = synthesise("sinus", fs=250, seconds=60, seed=10)
    last = int(known.r_peaks[-1])
    for after_ms, is_found in ((20, False), (120, True)):
        found = feed(known.mv[: last + after_ms * 250 // 1000], 250)
        assert (abs(found.samples[-1] - last) < 5) == is_found
