"""Silence behind a moved electrode is no asystole; a silent heart is one."""

import numpy as np
import pytest

from devices.ecg_model import synthesise
from tests.ecg.feeding import feed
from tests.ecg.judging import words_of

FS = 250


def _lost_contact(seconds: int) -> np.ndarray:
    """Return beats, a jump of the level that sinks back without beats, beats."""
    mv = synthesise("sinus", fs=FS, seconds=60, seed=31).mv.astype(np.float64)
    start, stop = 30 * FS + 70, (30 + seconds) * FS + 70
    time = np.arange(stop - start) / FS
    mv[start:stop] = 4.0 * np.exp(-time / 1.5)
    mv[start:stop] += 0.004 * np.random.default_rng(31).standard_normal(len(time))
    return mv


def test_it_does_not_take_a_lost_contact_for_asystole() -> None:
    fed = feed(_lost_contact(8), FS)
    assert "ASYSTOLE" not in fed.labels
    assert "PAUSE" not in fed.labels
    assert fed.words[32:37] == ("flat",) * 5
    assert set(fed.words[41:]) == {"good"}


def test_it_believes_silence_when_the_level_has_rested() -> None:
    words = words_of(_lost_contact(28), FS)
    assert set(words[31:42]) == {"flat"}
    assert set(words[46:58]) == {"good"}


@pytest.mark.parametrize("noise_mv", [0.002, 0.01, 0.03])
def test_it_believes_a_heart_that_falls_silent_by_itself(noise_mv: float) -> None:
    rng = np.random.default_rng(32)
    mv = synthesise("sinus", fs=FS, seconds=45, seed=32).mv.astype(np.float64)
    mv[30 * FS :] = 0.05 + noise_mv * rng.standard_normal(15 * FS)
    assert set(words_of(mv, FS)) == {"good"}
    assert feed(mv, FS).labels == ["ASYSTOLE"]
