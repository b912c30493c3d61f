"""Figures of minutes, hours and days."""

import time

import numpy as np
import pytest

from inference.course import course_of, join_courses
from inference.ecg.types import CLASSES, Beats
from inference.span_summary import DAY_S, HOUR_S, MINUTE_S, span_summary
from inference.span_summary import summarise_spans as spans_of
from inference.summary import minutes_of, summarise
from inference.tallies import tally, total
from tests.files.findings import FS, beats_of, episode

DAY = np.array([0.0, DAY_S])


def course(text="N" * 60, episodes=(), *, bad=(), seconds=None, **beats):
    found = beats_of(text, **beats)
    last_s = int(found.samples[-1]) // FS + 1 if len(found.samples) else 1
    quality = np.full(seconds or last_s, 100, np.uint8)
    quality[list(bad)] = 20
    return course_of(fs=FS, beats=found, episodes=episodes, quality=quality)


def whole(*args, **named):
    row = tally(course(*args, **named), DAY)[0]
    return span_summary(row, onset_s=0, end_s=DAY_S)


def test_it_counts_each_minute_for_itself():
    # 60 beats a minute; the third minute has a couplet, a run and an S beat.
    text = "N" * 119 + "NVVNVVVNS" + "N" * 52
    first, second, third, fourth = spans_of(course(text, rr_ms=1000), step_s=MINUTE_S)
    assert (first.beat_count, second.beat_count, third.beat_count) == (59, 60, 60)
    assert (first.v_burden, first.v_couplets, first.v_runs) == (0, 0, 0)
    assert third.beats == {"N": 54, "S": 1, "V": 5, "F": 0, "Q": 0}
    assert (third.v_couplets, third.v_runs, third.v_run_beats) == (1, 1, 3)
    assert (third.v_run_bpm, third.heart_rate_mean_bpm) == (60, 60)
    assert (third.v_per_hour, third.s_per_hour) == (300, 60)
    assert (third.onset_s, third.end_s) == (120, 180)
    assert fourth.v_per_hour is None  # a second tells nothing per hour


def test_it_counts_a_run_where_it_begins_and_only_once():
    minutes = spans_of(course("N" * 58 + "VVV" + "N" * 9, rr_ms=1000), step_s=MINUTE_S)
    assert [minute.v_runs for minute in minutes] == [1, 0]
    assert [minute.beats["V"] for minute in minutes] == [1, 2]


def test_it_takes_rates_of_twelve_intervals_within_the_span():
    rr = np.full(200, 1000.0)
    rr[70:90] = 500
    beats = beats_of("N" * 200)
    beats.samples[:] = np.cumsum(rr) * FS / 1000
    found = course_of(
        fs=FS, beats=beats, episodes=(), quality=np.full(200, 100, np.uint8)
    )
    first, second, third, _ = spans_of(found, step_s=MINUTE_S)
    assert (first.heart_rate_min_bpm, first.heart_rate_max_bpm) == (60, 60)
    assert (second.heart_rate_min_bpm, second.heart_rate_max_bpm) == (60, 120)
    assert third.heart_rate_max_bpm == 60


def test_it_finds_the_longest_pause_and_not_across_gaps():
    found = whole("NNNN....NNNN", rr_ms=1000)
    assert (found.longest_rr_ms, found.longest_rr_at_s) == (1000, 2)


def test_it_takes_af_as_a_share_of_what_is_readable():
    af = [episode("AF", 10, 40), episode("VT", 45, 50), episode("AF", 55, 55)]
    found = whole("N" * 60, af, rr_ms=1000, seconds=60, bad=range(0, 20))
    assert (found.usable_s, found.af_s, found.af_burden) == (40, 20, 0.5)
    assert whole("", bad=[0]).af_burden is None


def test_it_takes_an_open_af_episode_to_the_end():
    found = whole("N" * 60, [episode("AF", 30, None)], rr_ms=1000, seconds=60)
    assert found.af_s == 30


def variability_by_hand(rr_ms, normal):
    nn = [r for k, r in enumerate(rr_ms) if k and normal[k] and normal[k - 1]]
    steps = [
        rr_ms[k] - rr_ms[k - 1]
        for k in range(2, len(rr_ms))
        if normal[k] and normal[k - 1] and normal[k - 2]
    ]
    return np.std(nn, ddof=1), np.sqrt(np.mean(np.square(steps)))


def test_it_takes_variability_of_normal_intervals_alone():
    rng = np.random.default_rng(1)
    text = "".join(rng.choice(list("NNNNNVSF"), 300))
    beats = beats_of(text)
    rr_ms = rng.integers(700, 900, 300) // 4 * 4
    beats.samples[:] = np.cumsum(rr_ms) * FS // 1000
    found = course_of(
        fs=FS, beats=beats, episodes=(), quality=np.full(300, 100, np.uint8)
    )
    summary = span_summary(tally(found, DAY)[0], onset_s=0, end_s=DAY_S)
    sdnn, rmssd = variability_by_hand(rr_ms, [letter == "N" for letter in text])
    assert summary.sdnn_ms == pytest.approx(sdnn)
    assert summary.rmssd_ms == pytest.approx(rmssd)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"episodes": [episode("AF", 0, None)]},
        {"bad": range(60)},
        {"text": "NV" * 30},
    ],
)
def test_it_tells_no_variability_without_normal_beats(spoilt):
    found = whole(**({"text": "N" * 60, "rr_ms": 1000} | spoilt))
    assert (found.sdnn_ms, found.rmssd_ms, found.sdann_ms) == (None, None, None)


def test_it_takes_sdann_of_means_of_five_minutes():
    rr = np.concatenate([np.full(300 * 1000 // ms, ms) for ms in (800, 1000, 600)])
    beats = beats_of("N" * len(rr))
    beats.samples[:] = np.cumsum(rr) * FS // 1000
    quality = np.full(901, 100, np.uint8)
    found = course_of(fs=FS, beats=beats, episodes=(), quality=quality)
    summary = span_summary(tally(found, DAY)[0], onset_s=0, end_s=DAY_S)
    assert summary.sdann_ms == pytest.approx(np.std([800, 1000, 600], ddof=1), rel=0.01)


def test_it_adds_hours_up_to_the_day():
    rng = np.random.default_rng(2)
    text = "".join(rng.choice(list("NNNNNNNNNSVV.FQ"), 9000))
    found = course(text, [episode("AF", 1000, 5000)], bad=range(3000, 3500))
    hours = tally(found, np.arange(0, 4 * HOUR_S, HOUR_S, dtype=float))
    [day], [added] = tally(found, np.array([0.0, 3.0 * HOUR_S])), total(hours)
    for name in day.dtype.names:
        np.testing.assert_allclose(added[name], day[name], err_msg=name)


def test_it_joins_records_and_lets_nothing_reach_across():
    one, two = course("NNVV", rr_ms=1000), course("VVNN", rr_ms=1000)
    joined = tally(join_courses([one, two]), DAY)[0]
    assert (joined["v_couplets"], joined["v_runs"]) == (2, 0)
    assert joined["seconds"] == 10


@pytest.mark.parametrize("text", ["", "N", "NV", "..N"])
def test_it_summarises_almost_nothing(text):
    found = spans_of(course(text), step_s=MINUTE_S)
    assert [one.sdnn_ms for one in found] == [None] * len(found)
    assert sum(one.beat_count for one in found) == len(text.replace(".", ""))


def test_it_summarises_a_day_at_once():
    rng = np.random.default_rng(0)
    rr_ms = rng.integers(600, 1100, 100_000) // 4 * 4
    samples = np.cumsum(rr_ms) * FS // 1000
    samples = samples[samples < DAY_S * FS]
    beats = Beats(
        samples=samples,
        classes=rng.choice(5, len(samples), p=[0.9, 0.04, 0.05, 0.005, 0.005]).astype(
            np.uint8
        ),
        probabilities=np.zeros((len(samples), len(CLASSES)), np.float32),
        rr_ms=np.diff(samples, prepend=0).astype(np.float32),
    )
    found = {
        "fs": FS,
        "beats": beats,
        "episodes": [episode("AF", 4000, 9000)],
        "quality": np.full(DAY_S, 100, np.uint8),
    }
    start = time.process_time()
    summary = summarise(**found, n=DAY_S * FS, annotator="tc-1")
    minutes = minutes_of(**found)
    spent_s = time.process_time() - start
    assert (len(minutes), len(summary.hours), len(summary.days)) == (1440, 24, 1)
    assert sum(hour.beat_count for hour in summary.hours) == summary.beat_count
    assert spent_s < 1  # measured: 0.16 s
