"""What the R-peak net is shown, and what becomes of its answers."""

from collections.abc import Iterator

import numpy as np

from inference.ecg.fusion import (
    ALONE,
    APART,
    FUSION,
    TO_BAND,
    fuse,
    start_fusion,
)
from inference.ecg.heat import (
    BLOCK,
    CONTEXT,
    FUTURE,
    HEAT,
    LAG,
    PAST,
    ask,
    normalise,
    start_heat,
)
from tests.ecg.feeding import any_seconds, seconds

SEEING = np.zeros(0, dtype=bool)


def shown(
    band: np.ndarray, blind: np.ndarray = SEEING, pieces: Iterator[int] | None = None
) -> tuple[np.ndarray, bytes]:
    """Return all that the net is shown of new, and the state after it."""
    state = np.zeros(1, HEAT)[0]
    start_heat(state)
    parts, at = [], 0
    while at < len(band):
        size = (next(pieces) if pieces else len(band)) * BLOCK
        piece = band[at : at + size].astype(np.float32)
        parts.append(normalise(state, piece, blind, 0)[CONTEXT:])
        at += size
    return np.concatenate(parts), state.tobytes()


def r_peaks(
    heat: np.ndarray,
    blind: np.ndarray = SEEING,
    votes: tuple[int, ...] = (),
    pieces: Iterator[int] | None = None,
) -> list[int]:
    """Return the R peaks of a heat map from grid step 0 on."""
    heat = np.concatenate((np.zeros(LAG + FUTURE), heat, np.zeros(BLOCK)))
    heat = heat.astype(np.float32)
    state = np.zeros(1, FUSION)[0]
    start_fusion(state)
    found, at = [], 0
    while at < len(heat):
        size = (next(pieces) if pieces else len(heat)) * BLOCK
        now = np.array([v for v in votes if at <= v < at + size], dtype=np.int64)
        cast = np.stack((now + TO_BAND, now + TO_BAND), axis=1)
        part = fuse(state, heat[at : at + size], cast, blind, 0)
        found += part.tolist()
        at += size
    return found


def bumps(at: dict[int, float], steps: int = 2000) -> np.ndarray:
    heat = np.zeros(steps)
    for step, height in at.items():
        around = np.arange(steps) - step
        heat = np.maximum(heat, height * np.exp(-0.5 * (around / 2.0) ** 2))
    return heat


def test_it_shows_the_same_however_the_signal_is_cut() -> None:
    rng = np.random.default_rng(3)
    band = rng.standard_normal(60 * BLOCK)
    blind = rng.random(60 * BLOCK) < 0.3
    blind[2000:3000] = True
    whole = shown(band, blind)
    for pieces in (seconds(1), any_seconds(3, 9)):
        again = shown(band, blind, pieces)
        np.testing.assert_array_equal(again[0], whole[0])
        assert again[1] == whole[1]


def test_it_shows_any_gain_and_polarity_alike() -> None:
    band = np.random.default_rng(4).standard_normal(30 * BLOCK)
    plain, _ = shown(band)
    np.testing.assert_allclose(shown(-5 * band)[0], -plain, atol=1e-4)
    assert np.abs(plain).max() <= 4
    np.testing.assert_array_equal(shown(np.zeros(3 * BLOCK))[0], 0)


def test_it_keeps_the_scale_through_what_cannot_be_read() -> None:
    band = np.random.default_rng(5).standard_normal(90 * BLOCK)
    band[30 * BLOCK : 80 * BLOCK] *= 1e-3
    blind = np.zeros(len(band), dtype=bool)
    blind[30 * BLOCK : 80 * BLOCK] = True
    hidden, _ = shown(band, blind)
    after = slice(82 * BLOCK, 88 * BLOCK)
    assert np.abs(hidden[after]).max() < 1
    assert np.abs(shown(band)[0][after]).max() > 1


def test_it_asks_minutes_and_seconds_and_joins_the_answers() -> None:
    lengths: list[int] = []

    def detect(windows: np.ndarray) -> np.ndarray:
        lengths.append(windows.shape[1] - CONTEXT)
        return windows[:, PAST : windows.shape[1] - FUTURE]

    rng = np.random.default_rng(6)
    rows = [rng.random(CONTEXT + n * BLOCK).astype(np.float32) for n in (0, 2, 123)]
    for row, heat in zip(rows, ask(detect, rows), strict=True):
        np.testing.assert_array_equal(heat, row[PAST : len(row) - FUTURE])
    assert lengths == [60 * BLOCK, BLOCK]


def test_it_takes_maxima_that_stand_apart() -> None:
    near = bumps({300: 0.95, 300 + APART - 2: 0.9, 300 + 2 * APART + 3: 0.8})
    assert r_peaks(near) == [300, 300 + 2 * APART + 3]
    assert r_peaks(bumps({0: 0.9, 500: ALONE - 0.05})) == [0]


def test_it_believes_less_alone() -> None:
    heat = bumps({300: 0.36, 600: 0.36})
    assert r_peaks(heat) == []
    assert r_peaks(heat, votes=(605,)) == [600]


def test_it_believes_less_while_in_doubt() -> None:
    clear = dict.fromkeys(range(100, 1900, 100), 0.97)
    assert 1950 in r_peaks(bumps({**clear, 1950: 0.55}))
    noisy = dict.fromkeys(range(100, 1900, 30), 0.3)
    assert r_peaks(bumps({**noisy, 1950: 0.55})) == []


def test_it_expects_the_next_beat_of_a_regular_heart() -> None:
    regular = dict.fromkeys(range(100, 6001, 100), 0.9)
    assert r_peaks(bumps({**regular, 6050: 0.75}, 6500))[-1] == 6000
    assert r_peaks(bumps({**regular, 6095: 0.5}, 6500))[-1] == 6095
    # After a long pause nothing is expected any more.
    assert r_peaks(bumps({**regular, 6250: 0.5}, 6500))[-1] == 6000


def test_it_expects_nothing_of_an_irregular_heart() -> None:
    bigeminy = [at for start in range(100, 5901, 200) for at in (start, start + 60)]
    irregular = {**dict.fromkeys(bigeminy, 0.9), 6000: 0.9}
    assert r_peaks(bumps({**irregular, 6050: 0.75}, 6500))[-1] == 6050
    assert r_peaks(bumps({**irregular, 6095: 0.5}, 6500))[-1] == 6000


def test_it_finds_the_first_beat_of_a_run_where_all_is_clear() -> None:
    clear = dict.fromkeys(range(100, 6001, 100), 0.96)
    assert r_peaks(bumps({**clear, 6045: 0.2}, 6500), votes=(6045,))[-1] == 6045


def test_it_finds_nothing_where_nothing_can_be_read() -> None:
    blind = np.zeros(2000, dtype=bool)
    blind[250:350] = True
    assert r_peaks(bumps({300: 0.9, 500: 0.9}), blind) == [500]


def test_it_finds_the_same_however_the_heat_map_is_cut() -> None:
    rng = np.random.default_rng(7)
    heat = rng.random(40 * BLOCK) ** 6
    blind = rng.random(40 * BLOCK) < 0.02
    votes = tuple(np.flatnonzero(rng.random(40 * BLOCK) < 0.01).tolist())
    whole = r_peaks(heat, blind, votes)
    assert len(whole) > 50
    for pieces in (seconds(1), any_seconds(8, 7)):
        assert r_peaks(heat, blind, votes, pieces) == whole
