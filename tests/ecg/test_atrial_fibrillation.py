"""Irregular intervals are told from ectopic ones, and take belief from S alone."""

import numpy as np
import pytest

from devices.ecg_model import synthesise
from inference.ecg import CLASSES
from inference.ecg.af import gate
from inference.ecg.irregular import INTERVALS, af_probability
from tests.ecg.feeding import feed

NOTHING = np.full(INTERVALS, np.nan)


def sinus(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    breath = 0.03 * np.sin(np.arange(count) * 1.3)
    return 0.8 * (1 + breath + 0.01 * rng.standard_normal(count))


def fibrillation(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).gamma(18.0, 0.65 / 18.0, count)


def with_early_beats(period: int, pause: float, seed: int) -> np.ndarray:
    intervals = sinus(300, seed)
    intervals[::period] *= 0.65
    intervals[1::period] *= pause
    return intervals


def probability(intervals: np.ndarray) -> np.ndarray:
    """Return what the analysis thinks at each beat from the 30th on."""
    post = np.append(intervals[1:], np.nan)
    return af_probability(NOTHING, intervals, post)[30:]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_sees_fibrillation(seed: int) -> None:
    assert np.mean(probability(fibrillation(300, seed)) > 0.5) > 0.95


@pytest.mark.parametrize(
    "intervals",
    [
        sinus(300, 1),
        with_early_beats(2, 1.35, 2),
        with_early_beats(3, 1.35, 3),
        with_early_beats(3, 1.0, 4),
        with_early_beats(8, 1.35, 5),
        with_early_beats(5, 1.1, 6),
    ],
    ids=["sinus", "bigeminy", "trigeminy", "atrial", "rare", "every fifth"],
)
def test_it_is_not_fooled_by_ectopic_beats(intervals: np.ndarray) -> None:
    assert np.mean(probability(intervals) > 0.5) < 0.05


def test_it_says_nothing_of_few_intervals() -> None:
    intervals = fibrillation(20, 1)
    post = np.append(intervals[1:], np.nan)
    assert not af_probability(NOTHING, intervals, post)[:10].any()


def test_it_says_the_same_of_beats_one_by_one() -> None:
    intervals = fibrillation(150, 4)
    intervals[::17] = np.nan
    post = np.append(intervals[1:], np.nan)
    at_once = af_probability(NOTHING, intervals, post)
    for k in range(150):
        past = intervals[:k][~np.isnan(intervals[:k])]
        own = af_probability(
            np.concatenate((NOTHING, past)), intervals[k : k + 1], post[k : k + 1]
        )
        assert own[0] == at_once[k]


def test_it_takes_belief_from_beats_called_s_alone() -> None:
    said = np.array(
        [
            [0.1, 0.8, 0.1, 0.0, 0.0],
            [0.3, 0.3, 0.4, 0.0, 0.0],
            [0.0, 0.5, 0.4, 0.1, 0.0],
            [0.9, 0.1, 0.0, 0.0, 0.0],
        ],
        dtype=np.float32,
    )
    sure = gate(said, np.ones(4))
    assert sure.argmax(axis=1).tolist() == [0, 2, 0, 0]
    np.testing.assert_allclose(sure.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_array_equal(sure[:, 2:], said[:, 2:])
    np.testing.assert_array_equal(gate(said, np.full(4, 0.03)), said)


@pytest.mark.parametrize("script", ["af", "sinus", "pvc", "bigeminy"])
def test_it_calls_hardly_a_beat_of_the_demonstration_s(script: str) -> None:
    fed = feed(synthesise(script, fs=250, seconds=240, seed=1).mv, 250)
    supraventricular = fed.classes == CLASSES.index("S")
    assert supraventricular.mean() <= 0.03
