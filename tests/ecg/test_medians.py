"""Medians that slide are the medians that numpy finds."""

import numpy as np
import pytest

from inference.ecg.medians import (
    median,
    median_distance,
    middle,
    nth,
    nth_distance,
    put_in_order,
    slide,
)


@pytest.mark.parametrize("length", [1, 2, 3, 10, 69, 96])
def test_it_finds_what_sorting_finds(length: int) -> None:
    rng = np.random.default_rng(length)
    for digits in (0, 1, 9):  # with many equal values and with none
        values = np.round(rng.standard_normal(length), digits)
        ordered = np.sort(values)
        assert median(values.copy()) == np.median(values)
        for k in range(length):
            assert nth(values.copy(), k) == ordered[k]
            room = np.empty(length)
            distance = nth_distance(np.abs(values), k, 0.03, room)
            assert distance == np.sort(np.abs(values))[k]
        out = np.empty(length)
        put_in_order(values, out)
        np.testing.assert_array_equal(out, ordered)


def test_it_knows_no_median_of_nothing() -> None:
    nothing = np.zeros(0)
    assert np.isnan(median(nothing))
    assert np.isnan(middle(nothing))
    assert np.isnan(median_distance(nothing, 1.0))


def test_it_keeps_a_sliding_window_in_order() -> None:
    rng = np.random.default_rng(1)
    line = np.round(rng.standard_normal(300), 1)
    line[rng.random(300) < 0.3] = np.nan
    line[100:120] = np.nan  # longer than the window: it runs empty
    ordered, count = np.zeros(12), 0
    for k, value in enumerate(line):
        leaving = line[k - 12] if k >= 12 else np.nan
        count = slide(ordered, count, leaving, value)
        inside = line[max(k - 11, 0) : k + 1]
        inside = np.sort(inside[~np.isnan(inside)])
        np.testing.assert_array_equal(ordered[:count], inside)
        assert not ordered[count:].any()
        if count:
            assert middle(ordered[:count]) == np.median(inside)
            away = np.median(np.abs(inside - 0.25))
            assert median_distance(ordered[:count], 0.25) == pytest.approx(away)
