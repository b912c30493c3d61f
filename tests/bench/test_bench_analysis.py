"""The benchmark of the analysis measures what it says."""

import json

import pytest

from bench.analysis import measure
from bench.clock import Stopwatch
from bench.day import FS, read_day


def test_it_adds_up_what_a_step_takes() -> None:
    watch = Stopwatch()
    double = watch.watched("sum", sum)
    assert double([1, 2]) == double([3]) == 3
    assert watch.call("other", max, 1, 2) == 2
    assert set(watch.steps) == {"sum", "other"}
    assert watch.steps["sum"].wall_s >= 0


def test_it_makes_a_day_without_any_records() -> None:
    day = read_day(None, seconds=700)
    assert len(day.mv) == 700 * FS
    assert day.source.startswith("synthetic")


@pytest.mark.slow
def test_it_times_steps_live_records_and_others() -> None:
    found = measure(None, seconds=180, sizes={1: 3, 4: 3})
    json.dumps(found)
    assert found["per_24_h"]["everything"]["cpu_s"] > 0
    assert found["per_24_h"]["steps"]["beat net"]["cpu_s"] > 0
    assert set(found["live"]) == {"1", "4"}
    assert found["live"]["4"]["blocks_per_s"] > 1
    assert {"sleepecg", "neurokit2", "xqrs"} == set(found["others"])
