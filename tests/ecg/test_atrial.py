"""What lies between the beats tells fibrillation, whatever their intervals."""

import numpy as np
import pytest

from inference.ecg.af import LOWEST, NEUTRAL, WEIGHT, atrial_log_odds
from inference.ecg.atrial import (
    ATRIAL,
    AVERAGED,
    FEWEST,
    KEPT,
    atrial_evidence,
    follow_atrial,
)
from inference.ecg.atrial_model import ATRIAL_NET
from inference.ecg.grid import BEFORE, GRID_FS, WINDOW

TIME_S = (np.arange(WINDOW) - BEFORE) / GRID_FS
COUNT = 80


def wave(at_s: float, width_s: float, mv: float) -> np.ndarray:
    return mv * np.exp(-0.5 * ((TIME_S - at_s) / width_s) ** 2)


def noise(seed: int, mv: float = 0.01) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, mv, (COUNT, WINDOW))


def ventricles() -> np.ndarray:
    return wave(0.0, 0.012, 1.0) - wave(0.03, 0.01, 0.25) + wave(0.28, 0.04, 0.25)


def sinus(seed: int) -> np.ndarray:
    p_wave = wave(-0.16, 0.025, 0.14)
    return (ventricles() + p_wave + noise(seed)).astype(np.float32)


def fibrillation(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 2 * np.pi, (COUNT, 1))
    f_waves = 0.1 * np.sin(2 * np.pi * 6 * TIME_S + phase)
    return (ventricles() + f_waves + noise(seed)).astype(np.float32)


def evidence(windows: np.ndarray, like: np.ndarray | None = None) -> np.ndarray:
    rows = np.ones(len(windows)) if like is None else like
    return atrial_evidence(np.zeros(1, ATRIAL)[0], windows, rows, ATRIAL_NET)


@pytest.mark.parametrize("sign", [1, -1], ids=["upright", "inverted"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_tells_f_waves_from_p_waves(seed: int, sign: int) -> None:
    assert evidence(sign * sinus(seed))[-1] < -3
    assert evidence(sign * fibrillation(seed))[-1] > NEUTRAL + 1


def test_it_says_nothing_of_a_few_beats() -> None:
    said = evidence(sinus(1))
    assert np.isnan(said[: FEWEST - 1]).all()
    assert not np.isnan(said[FEWEST - 1 :]).any()
    assert len(evidence(sinus(1)[:0])) == 0


def test_it_learns_nothing_from_unusual_beats() -> None:
    windows, like = sinus(1), np.ones(COUNT)
    strange = np.arange(COUNT) % 3 == 0
    windows[strange], like[strange] = fibrillation(2)[strange] * 3, 0.5
    usual = evidence(windows[~strange])
    np.testing.assert_array_equal(evidence(windows, like)[~strange], usual)
    assert np.isnan(evidence(windows, np.full(COUNT, np.nan))).all()


def test_it_says_the_same_of_beats_one_by_one() -> None:
    windows, state = fibrillation(4), np.zeros(1, ATRIAL)[0]
    one_by_one = [follow_atrial(state, window, 1.0, ATRIAL_NET) for window in windows]
    np.testing.assert_array_equal(one_by_one, evidence(windows))


def test_it_forgets_what_was_before() -> None:
    states = np.zeros(2, ATRIAL)
    for state, before in zip(states, (sinus(1), fibrillation(2)), strict=True):
        atrial_evidence(state, before, np.ones(COUNT), ATRIAL_NET)
        after = sinus(3)[: KEPT + AVERAGED]
        atrial_evidence(state, after, np.ones(len(after)), ATRIAL_NET)
    assert states[0].tobytes() == states[1].tobytes()


def test_it_bears_a_flat_line() -> None:
    flat = np.zeros((COUNT, WINDOW), np.float32)
    assert np.isfinite(evidence(flat)[FEWEST:]).all()


def test_evidence_that_is_unknown_adds_nothing() -> None:
    assert atrial_log_odds(np.nan) == 0
    assert atrial_log_odds(NEUTRAL) == 0
    assert atrial_log_odds(-20.0) == pytest.approx(WEIGHT * (LOWEST - NEUTRAL))
