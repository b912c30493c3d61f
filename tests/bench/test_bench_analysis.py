"""The benchmark of the analysis measures what it says."""

import json

import numpy as np
import pytest

from bench import rivals
from bench.analysis import measure
from bench.clock import Spent, Stopwatch
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


def test_it_counts_the_quickest_run_with_its_own_processor_time() -> None:
    runs = [Spent(3.0, 1.0), Spent(2.0, 4.0), Spent(2.5, 0.5)]
    assert rivals.quickest(runs) == Spent(2.0, 4.0)


def test_it_runs_each_rival_that_is_installed_as_often_as_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lengths = []

    def detect(mv: rivals.Signal) -> int:
        lengths.append(len(mv))
        return 7

    def missing(mv: rivals.Signal) -> int:
        raise ImportError

    known = {"one": ("numpy", detect, 100), "other": ("none such", missing, 100)}
    monkeypatch.setattr(rivals, "RIVALS", known)
    ready = rivals.Rivals(np.zeros(200 * FS, np.float32))
    for _ in range(2):
        ready.run()
    assert lengths == [60 * FS, 100 * FS, 100 * FS]
    found = ready.as_json()
    assert found["other"] == {"missing": "install none such"}
    assert (found["one"]["r_peaks"], found["one"]["measured_s"]) == (7, 100)


@pytest.mark.slow
def test_it_times_steps_live_records_and_others() -> None:
    found = measure(None, seconds=180, sizes={1: 3, 4: 3})
    json.dumps(found)
    assert found["per_24_h"]["everything"]["cpu_s"] > 0
    assert found["per_24_h"]["steps"]["beat net"]["cpu_s"] > 0
    assert set(found["live"]) == {"1", "4"}
    assert found["live"]["4"]["blocks_per_s"] > 1
    assert {"sleepecg", "neurokit2", "xqrs"} == set(found["others"])
    for other in found["others"].values():
        assert "missing" in other or other["per_24_h"]["cpu_s"] > 0
