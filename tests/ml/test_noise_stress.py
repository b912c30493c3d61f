"""Noise is mixed in at the ratio that is asked for, in the minutes that are due."""

import numpy as np

from ml.judge.noise import noisy_spans, qrs_size, unseen_half, with_noise
from ml.judge.reading import Reading, Span

FS = 360


def a_record(minutes: int) -> tuple[np.ndarray, Reading]:
    beats = np.arange(0.5, 60 * minutes, 1.0)
    signal = np.zeros(60 * minutes * FS)
    signal[np.rint(beats * FS).astype(int)] = 2.0
    classes = np.zeros(len(beats), np.uint8)
    return signal, Reading(60.0 * minutes, beats, classes)


def test_it_adds_noise_in_every_other_two_minutes_from_5_min_on() -> None:
    signal, reference = a_record(10)
    noise = np.random.default_rng(0).standard_normal(len(signal))
    assert qrs_size(signal, reference) == 2.0
    assert noisy_spans(600) == [Span(300, 420), Span(540, 600)]
    for snr_db in (12, 0):
        added = with_noise(signal, noise, reference, snr_db) - signal
        assert not added[: 300 * FS].any()
        power = added[300 * FS : 420 * FS].var()
        assert abs(10 * np.log10(2.0**2 / 8 / power) - snr_db) < 0.2
        assert np.ptp(added[421 * FS : 539 * FS]) < 1e-12


def test_it_mixes_in_only_what_no_training_has_seen() -> None:
    noise = np.concatenate((np.full(5, 9.0), np.arange(5.0)))
    assert unseen_half(noise).tolist() == [0, 1, 2, 3, 4, 4, 5, 6, 7, 8]
