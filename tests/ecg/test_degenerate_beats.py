"""Beats at the ends, beats of nothing and no beats at all are described too."""

import numpy as np
import pytest

from inference.ecg.af import gate
from inference.ecg.align import align_r_peaks, refine_peaks, segment
from inference.ecg.beats import (
    FEATURES,
    describe_beats,
    initial_beats,
    post_intervals,
    pre_intervals,
    to_input,
)
from inference.ecg.grid import WINDOW
from inference.ecg.irregular import AF_FEATURES, INTERVALS, af_features, af_probability

NONE = np.zeros(0)
NO_STEPS = np.zeros(0, np.int64)
NO_WINDOWS = np.zeros((0, WINDOW), np.float32)
FLAT = np.zeros(1000, np.float32)
NOISE = np.random.default_rng(3).standard_normal(1000).astype(np.float32)


def steps(*at: int) -> np.ndarray:
    return np.array(at, dtype=np.int64)


def unknown(count: int) -> np.ndarray:
    return np.full(count, np.nan)


def test_it_takes_no_beat() -> None:
    assert align_r_peaks(NOISE, NO_STEPS).shape == (0,)
    assert refine_peaks(NOISE, NO_STEPS).shape == (0,)
    assert segment(NOISE, NO_STEPS, before=40, length=WINDOW).shape == (0, WINDOW)
    assert pre_intervals(NO_STEPS, NO_STEPS, None).shape == (0,)
    assert post_intervals(NONE).shape == (0,)
    state = initial_beats()
    before = state.tobytes()
    shapes = [x.shape for x in describe_beats(state, NOISE, NO_STEPS, NONE, NONE)]
    assert shapes == [(0, WINDOW), (0, WINDOW), (0, len(FEATURES)), (0,)]
    assert state.tobytes() == before
    assert to_input(NO_WINDOWS, NO_WINDOWS).shape == (0, WINDOW, 2)
    assert af_probability(unknown(INTERVALS), NONE, NONE).shape == (0,)
    assert af_features(np.zeros((0, INTERVALS))).shape == (0, len(AF_FEATURES))
    assert gate(np.zeros((0, 5), np.float32), NONE).shape == (0, 5)


@pytest.mark.parametrize("signal", [FLAT, NOISE, NOISE[:1], NOISE[:30]])
@pytest.mark.parametrize("at", [0, 3, 500, 998, 999])
def test_it_takes_one_beat_anywhere(signal: np.ndarray, at: int) -> None:
    at = min(at, len(signal) - 1)
    aligned = align_r_peaks(signal, steps(at))
    assert abs(aligned[0] - at) <= 10
    assert abs(refine_peaks(signal, aligned)[0] - aligned[0]) <= 8.5
    said = describe_beats(initial_beats(), signal, steps(at), unknown(1), unknown(1))
    assert all(np.isfinite(part).all() for part in said)
    assert said.af[0] == 0
    row = dict(zip(FEATURES, said.features[0], strict=True))
    assert row["pre_missing"] == row["post_missing"] == 1
    assert row["log_pre_local"] == row["innovation_post"] == row["jitter30"] == 0
    pair = to_input(said.windows, said.templates)
    assert pair.dtype == np.float32
    assert np.abs(pair).max() <= 8
    assert not pair[..., 1].any()  # the first beat is its own template


def test_it_leaves_r_peaks_of_a_flat_line_where_they_are() -> None:
    at = steps(0, 40, 999)
    np.testing.assert_array_equal(align_r_peaks(FLAT + 2, at), at)
    windows = segment(FLAT + 2, at, before=40, length=WINDOW)
    np.testing.assert_array_equal(windows, 0)


def test_it_takes_flat_beats_for_ever() -> None:
    at = np.full(200, 500)
    said = describe_beats(
        initial_beats(), FLAT, at, np.full(200, 0.8), np.full(200, 0.8)
    )
    assert all(np.isfinite(part).all() for part in said)
    width = said.features[:, FEATURES.index("width")]
    np.testing.assert_allclose(width, -1.0)  # no width: 10 times 0.1 s less than usual
    assert not said.templates.any()


def test_it_never_learns_of_intervals_that_are_unknown() -> None:
    at = np.arange(50, 950, 30)
    said = describe_beats(
        initial_beats(), NOISE, at, unknown(len(at)), unknown(len(at))
    )
    assert np.isfinite(said.features).all()
    assert not said.features[:, :18].any()
    assert not said.af.any()


@pytest.mark.parametrize("interval", [0.008, 5.0, 100.0])
def test_it_takes_absurd_intervals(interval: float) -> None:
    at = np.full(100, 500)
    pre_s = np.full(100, interval)
    pre_s[::7] = 0.8
    said = describe_beats(initial_beats(), NOISE, at, pre_s, pre_s)
    assert all(np.isfinite(part).all() for part in said)
    assert ((said.af >= 0) & (said.af <= 1)).all()


def test_it_keeps_a_gate_shut_for_unsure_probabilities() -> None:
    even = np.full((3, 5), 0.2, np.float32)
    np.testing.assert_array_equal(gate(even, np.array([0.0, 1.0, 0.5])), even)


def test_it_knows_no_interval_over_what_could_not_be_read() -> None:
    at = steps(100, 200, 300, 400)
    blind = steps(-1, -1, 250, 250)
    np.testing.assert_array_equal(
        pre_intervals(at, blind, None), [np.nan, 0.8, np.nan, 0.8]
    )
    assert pre_intervals(at, blind, 50)[0] == 0.4
    assert np.isnan(pre_intervals(at, blind, -1)[0])
    assert pre_intervals(at[:1], blind[:1], 0)[0] == 0.8


def test_it_waits_for_no_interval_above_1600_ms() -> None:
    pre_s = np.array([np.nan, 1.6, 1.608, np.nan])
    np.testing.assert_array_equal(post_intervals(pre_s), [1.6, np.nan, np.nan])


def test_it_refuses_windows_without_their_r_peak() -> None:
    with pytest.raises(ValueError, match="R peak"):
        segment(NOISE, steps(5), before=40, length=40)
