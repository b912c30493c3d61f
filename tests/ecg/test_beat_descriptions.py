"""A beat is described by its patient's own rhythm and normal beat."""

import numpy as np

from inference.ecg.beats import (
    FEATURES,
    Described,
    describe_beats,
    initial_beats,
    to_input,
)

FS = 125
TIME = np.arange(-40, 56) / FS


def pulse(width_s: float, mv: float) -> np.ndarray:
    return mv * np.exp(-0.5 * (TIME / width_s) ** 2)


NARROW, WIDE = pulse(0.016, 1.0), pulse(0.05, -1.4)


def draw(
    shapes: list[np.ndarray], intervals: list[float], seed: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return a signal, its R peaks and the intervals before and after each."""
    pre_s = np.array([np.nan, *intervals[1:]])
    at = 60 + np.concatenate(([0], np.cumsum(np.rint(pre_s[1:] * FS)))).astype(int)
    rng = np.random.default_rng(seed)
    signal = 0.01 * rng.standard_normal(at[-1] + 120)
    for step, shape in zip(at, shapes, strict=True):
        signal[step - 40 : step + 56] += shape
    return signal.astype(np.float32), at, pre_s, np.append(pre_s[1:], np.nan)


def column(said: Described, name: str) -> np.ndarray:
    return said.features[:, FEATURES.index(name)]


def test_it_says_the_same_of_beats_one_by_one() -> None:
    rng = np.random.default_rng(2)
    shapes = [WIDE if rng.random() < 0.3 else NARROW for _ in range(300)]
    intervals = rng.gamma(18.0, 0.65 / 18.0, 300)
    signal, at, pre_s, post_s = draw(shapes, intervals.tolist())
    pre_s[rng.random(300) < 0.05] = np.nan
    whole, single = initial_beats(), initial_beats()
    at_once = describe_beats(whole, signal, at, pre_s, post_s)
    for k in range(300):
        one = slice(k, k + 1)
        said = describe_beats(single, signal, at[one], pre_s[one], post_s[one])
        for all_parts, part in zip(at_once, said, strict=True):
            np.testing.assert_array_equal(all_parts[one], part)
    assert whole.tobytes() == single.tobytes()


def test_it_measures_an_early_wide_beat_against_the_normal_ones() -> None:
    shapes, intervals = [NARROW] * 60, [0.8] * 60
    shapes[40], intervals[40], intervals[41] = WIDE, 0.5, 1.1
    said = describe_beats(initial_beats(), *draw(shapes, intervals))
    assert abs(column(said, "log_pre_local")[40] - np.log(0.5 / 0.8)) < 0.02
    assert abs(column(said, "log_post_local")[40] - np.log(1.1 / 0.8)) < 0.02
    assert abs(column(said, "compensation")[40]) < 0.02
    assert column(said, "like_qrs")[40] < 0 < 0.9 < column(said, "like_qrs")[39]
    assert column(said, "width_difference")[40] > 0.3
    assert column(said, "residual_qrs")[40] > 10 * column(said, "residual_qrs")[39]
    np.testing.assert_array_equal(said.templates[40], said.templates[41])
    pair = to_input(said.windows, said.templates)
    residual = np.abs(pair[:, 30:50, 1]).max(axis=1)
    assert residual[39] < 0.1 < 1 < residual[40]


def test_it_keeps_its_reference_while_every_other_beat_is_early() -> None:
    said = describe_beats(
        initial_beats(), *draw([NARROW] * 120, [0.8] * 40 + [0.5, 1.1] * 40)
    )
    assert np.allclose(column(said, "local_s")[40:100], 0.0, atol=0.01)


def test_it_learns_a_new_normal_beat_when_none_matches_any_more() -> None:
    said = describe_beats(
        initial_beats(), *draw([NARROW] * 40 + [WIDE] * 60, [0.8] * 100)
    )
    like = column(said, "like_all")
    assert (like[10:40] > 0.9).all()
    assert (like[40:70] < 0.5).all()
    assert (like[71:] > 0.9).all()


def test_it_sees_how_common_and_how_early_a_shape_is() -> None:
    shapes, intervals = [NARROW] * 200, [0.8] * 200
    for k in range(20, 200, 6):
        shapes[k], intervals[k], intervals[k + 1] = WIDE, 0.5, 1.1
    said = describe_beats(initial_beats(), *draw(shapes, intervals))
    wide = np.arange(80, 200, 6)
    narrow = wide - 2
    assert (column(said, "family_pre")[wide] < -0.4).all()
    assert (column(said, "family_post")[wide] > 0.2).all()
    assert (np.abs(column(said, "family_pre")[narrow]) < 0.1).all()
    assert (column(said, "family_share")[wide] < np.log(0.2)).all()
    assert (column(said, "family_width")[wide] > 0.3).all()
    assert column(said, "family_is_own")[narrow].all()
    assert not column(said, "family_is_own")[wide].any()
    assert (column(said, "families")[wide] == 2).all()


def test_it_keeps_the_slow_beats_as_reference_in_bigeminy() -> None:
    said = describe_beats(
        initial_beats(), *draw([NARROW] * 120, [0.8] * 40 + [0.5, 1.1] * 40)
    )
    early = np.arange(80, 118, 2)
    assert (column(said, "log_pre_upper")[early] < np.log(0.5 / 1.0)).all()
    assert (column(said, "early_share")[early] > 0.2).all()


def test_it_forgets_a_shape_that_came_no_more() -> None:
    rng = np.random.default_rng(5)
    signal, at, pre_s, post_s = draw([WIDE] * 3 + [NARROW] * 1497, [0.8] * 1500)
    other = signal + rng.normal(0, 0.1, len(signal)).astype(np.float32)
    other[at[20] :] = signal[at[20] :]
    states = initial_beats(), initial_beats()
    for state, own in zip(states, (signal, other), strict=True):
        describe_beats(state, own, at, pre_s, post_s)
    assert states[0].tobytes() == states[1].tobytes()


def test_it_takes_no_pause_behind_a_wide_beat_for_the_usual_pace() -> None:
    shapes, intervals = [], []
    for _ in range(25):  # two normal beats, a wide one, its pause
        shapes += [NARROW, NARROW, WIDE]
        intervals += [1.2, 0.8, 0.5]
    said = describe_beats(initial_beats(), *draw(shapes, intervals))
    normal = np.arange(46, 72, 3)  # the second of the two
    assert column(said, "log_pre_upper")[normal].max() < -0.3
    assert np.abs(column(said, "conducted_log_pre_upper")[normal]).max() < 0.05
    assert column(said, "conducted")[normal].all()
    assert not column(said, "conducted")[normal + 1].any()
    assert not column(said, "conducted_before")[normal + 2].any()


def test_it_sees_how_much_of_a_fusion_beat_is_ventricular() -> None:
    shapes, intervals = [NARROW] * 80, [0.8] * 80
    for k in range(10, 40, 6):
        shapes[k] = WIDE
    shapes[60], shapes[70] = 0.5 * NARROW + 0.5 * WIDE, WIDE
    said = describe_beats(initial_beats(), *draw(shapes, intervals))
    share = column(said, "mixture_share")
    assert share[50] < 0.1
    assert share[70] > 0.9
    assert 0.3 < share[60] < 0.8
    assert column(said, "mixture_left")[60] < 0.1
    assert column(said, "mixture_left_own")[60] > 0.3
    assert column(said, "mixture_left_other")[60] > 0.2


def test_it_sees_no_mixture_where_all_beats_are_alike() -> None:
    said = describe_beats(initial_beats(), *draw([NARROW] * 30, [0.8] * 30))
    for name in FEATURES:
        if name.startswith("mixture"):
            assert not column(said, name).any()
