"""Electrode motion and muscle are told from good signal, whatever the rate and gain."""

from math import gcd
from pathlib import Path

import numpy as np
import pytest
import wfdb
from scipy.signal import resample_poly

from tests.ecg.judging import share, words_of

NOISE_FROM = 900 * 360  # the second half of each noise, which trained nothing


def _signal(path: Path, seconds: int, start: int = 0) -> np.ndarray:
    record = wfdb.rdrecord(
        str(path), channels=[0], sampfrom=start, sampto=start + seconds * 360
    )
    return np.asarray(record.p_signal[:, 0])


def _noisy(folder: Path, noise: str, snr_db: float) -> np.ndarray:
    """Return three clean and two noisy minutes; SNR as in nst."""
    mv = _signal(folder / "mitdb" / "119", 300)
    added = _signal(folder / "nstdb" / noise, 120, NOISE_FROM)
    rows = np.sort(added.reshape(120, 360).var(axis=1))[6:114]
    qrs_mv = 2.1  # peak-to-peak of this record
    level = np.sqrt(qrs_mv**2 / 8 / rows.mean() / 10 ** (snr_db / 10))
    mv[180 * 360 :] += level * (added - added.mean())
    return mv


@pytest.mark.parametrize(
    ("noise", "word", "snr_db", "least"),
    [
        ("em", "motion", 6.0, 0.5),
        ("em", "motion", 0.0, 0.8),
        ("ma", "muscle", 6.0, 0.5),
        ("ma", "muscle", 0.0, 0.7),
    ],
)
def test_it_names_noise_added_to_a_clean_record(
    ecg_data: Path, noise: str, word: str, snr_db: float, least: float
) -> None:
    words = words_of(_noisy(ecg_data, noise, snr_db), 360)
    assert share(words[:180], "good") > 0.97
    assert share(words[180:], word) > least


def test_it_trusts_a_wandering_baseline(ecg_data: Path) -> None:
    words = words_of(_noisy(ecg_data, "bw", 12.0), 360)
    assert share(words[180:], "good") > 0.85


@pytest.mark.parametrize("noise", ["em", "bw", "ma"])
def test_it_believes_no_noise_without_a_heart(ecg_data: Path, noise: str) -> None:
    words = words_of(_signal(ecg_data / "nstdb" / noise, 300, NOISE_FROM), 360)
    assert share(words[10:], "good") < 0.4


def test_it_judges_alike_at_any_rate_gain_polarity_and_offset(ecg_data: Path) -> None:
    mv = _noisy(ecg_data, "em", 6.0)
    words = words_of(mv, 360)
    others = [words_of(mv * gain, 360) for gain in (0.2, 5.0, -1.0)]
    others.append(words_of(mv + 1.0, 360))
    for fs in (125, 180, 250, 500):
        common = gcd(fs, 360)
        others.append(words_of(resample_poly(mv, fs // common, 360 // common), fs))
    for other in others:
        same = [a == b for a, b in zip(words, other, strict=True)]
        assert np.mean(same) > 0.95
