"""Atrial fibrillation is told from intervals and from the beats called V."""

import numpy as np
import pytest

from inference.ecg import CLASSES
from inference.ecg.af import (
    IRREGULARITY,
    af_probability,
    follow_irregularity,
    join_ventricular,
    start_irregularity,
)
from inference.ecg.af_model import AF_NET

FS = 250


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


def beats(
    pre_s: np.ndarray, wide: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return samples, intervals before and after, class probabilities, no evidence."""
    samples = np.cumsum(np.nan_to_num(pre_s, nan=0.8) * FS).astype(np.int64)
    said = np.zeros((len(pre_s), len(CLASSES)), np.float32)
    said[:, 0] = 1.0
    if wide is not None:
        said[wide] = np.eye(len(CLASSES), dtype=np.float32)[CLASSES.index("V")]
    evidence = np.full(len(pre_s), np.nan)
    return samples, pre_s, np.append(pre_s[1:], np.nan), said, evidence


def probability(pre_s: np.ndarray, wide: np.ndarray | None = None) -> np.ndarray:
    return af_probability(*beats(pre_s, wide), FS)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_sees_fibrillation(seed: int) -> None:
    assert np.mean(probability(fibrillation(300, seed))[40:] > 0.7) > 0.95


@pytest.mark.parametrize("seed", [1, 2])
def test_it_sees_fibrillation_with_wide_beats(seed: int) -> None:
    wide = np.random.default_rng(seed).random(300) < 0.15
    assert np.mean(probability(fibrillation(300, seed), wide)[40:] > 0.7) > 0.9


@pytest.mark.parametrize(
    "intervals",
    [
        sinus(300, 1),
        with_early_beats(2, 1.35, 2),
        with_early_beats(3, 1.35, 3),
        with_early_beats(3, 1.0, 4),
        with_early_beats(8, 1.35, 5),
        with_early_beats(5, 1.1, 6),
        np.tile([0.6, 0.66, 1.1], 100),
        np.repeat([0.8, 0.4, 0.8, 0.4, 0.8, 0.4], 50),
    ],
    ids=[
        *("sinus", "bigeminy", "trigeminy", "atrial", "rare", "every fifth"),
        *("Wenckebach", "runs"),
    ],
)
def test_it_is_not_fooled_by_what_has_an_order(intervals: np.ndarray) -> None:
    assert np.mean(probability(intervals)[20:] > 0.5) < 0.05


def test_it_joins_intervals_around_a_ventricular_beat() -> None:
    intervals = np.array(
        [0.8, 0.8, 0.5, 1.1, 0.8, 0.4, 0.4, 0.8, 0.3, 0.3, 0.9, np.nan]
    )
    wide = np.array([0, 0, 1, 0, 0, 1, 0, 0, 1, 1, 0, 0], bool)
    out = np.zeros(12)
    count = join_ventricular(np.array(intervals), wide, out)
    # With its pause; interpolated; a couplet with what surrounds it.
    np.testing.assert_allclose(out[:count], [0.8, 0.8, 0.8, 0.8, 0.8, 0.8])


def test_it_is_not_fooled_by_many_ventricular_beats() -> None:
    rng = np.random.default_rng(3)
    intervals, wide = sinus(300, 1), np.zeros(300, bool)
    for k in np.flatnonzero(rng.random(298) < 0.3):
        early = rng.uniform(0.5, 0.9) if not wide[k - 1] else 1.0
        intervals[k + 1] += (1 - early) * intervals[k]
        intervals[k] *= early
        wide[k] = early < 1
    assert np.mean(probability(intervals, wide)[20:] > 0.5) < 0.05


def test_it_says_nothing_of_few_or_unknown_intervals() -> None:
    assert not probability(fibrillation(20, 1))[:10].any()
    assert not probability(np.full(50, np.nan)).any()
    assert len(probability(np.zeros(0))) == 0


def test_a_p_wave_speaks_against_fibrillation() -> None:
    rows = beats(fibrillation(300, 1))
    unknown = af_probability(*rows, FS)[40:]
    rows[-1][:] = -6.0
    locked = af_probability(*rows, FS)[40:]
    rows[-1][:] = 1.0
    loose = af_probability(*rows, FS)[40:]
    assert (locked < unknown).all()
    assert (unknown < loose).all()


def test_it_says_the_same_of_beats_one_by_one() -> None:
    intervals = fibrillation(300, 4)
    intervals[::17] = np.nan
    rows = beats(intervals, np.random.default_rng(4).random(300) < 0.1)
    state = np.zeros(1, IRREGULARITY)
    start_irregularity(state[0])
    one_by_one = [
        follow_irregularity(state[0], *(row[k : k + 1] for row in rows), FS, AF_NET)[0]
        for k in range(300)
    ]
    np.testing.assert_array_equal(one_by_one, af_probability(*rows, FS))
