"""What a recording shows, in figures and in one line of words."""

import json

import numpy as np
import pytest

from inference.label_figures import released_figures
from inference.report import clock, report_text
from inference.suggestion import NOTHING, SOON, TODAY, VISIT, suggest
from inference.summary import Summary, summarise
from tests.files.findings import FS, beats_of, episode


def summary_of(text: str = "N" * 60, episodes=(), share: float = 1.0, **beats):
    quality = np.zeros(100, dtype=np.uint8)
    quality[: round(100 * share)] = 100
    return summarise(
        fs=FS,
        n=100 * FS,
        beats=beats_of(text, **beats),
        episodes=episodes,
        quality=quality,
        annotator="tc-1",
    )


def test_it_counts_beats_and_burdens():
    summary = summary_of("NNNNVSSFQN")
    assert summary.beats == {"N": 5, "S": 2, "V": 1, "F": 1, "Q": 1}
    assert summary.beat_count == 10
    assert (summary.v_burden, summary.s_burden) == (0.1, 0.2)
    assert (summary.duration_s, summary.usable_share) == (100, 1)


def test_it_counts_runs_and_couplets_but_not_across_gaps():
    summary = summary_of("NVVNVVVNVVVVVNVV.VVNSSSN", rr_ms=400)
    assert summary.v_couplets == 3
    assert summary.v_runs == 2
    assert summary.longest_v_run.beats == 5
    assert summary.longest_v_run.rate_bpm == pytest.approx(150)
    assert summary.longest_v_run.onset_s == pytest.approx(9 * 0.4)
    assert summary.s_runs == 1


def test_it_takes_the_rate_over_twelve_intervals():
    rr = np.full(100, 800)
    rr[20:40], rr[60] = 500, 2400
    beats = beats_of("N" * 100)
    beats.samples[:] = np.cumsum(rr) * FS // 1000
    summary = summarise(
        fs=FS,
        n=100 * FS,
        beats=beats,
        episodes=(),
        quality=np.full(100, 100, np.uint8),
        annotator="tc-1",
    )
    assert summary.heart_rate_max_bpm == pytest.approx(120)
    assert summary.heart_rate_min_bpm == pytest.approx(12 * 60_000 / (11 * 800 + 2400))
    assert summary.longest_rr_ms == 2400
    assert summary.longest_rr_at_s == pytest.approx(beats.samples[60] / FS)


def test_it_has_no_rate_without_beats():
    summary = summary_of("")
    assert summary.heart_rate_mean_bpm is None
    assert summary.longest_rr_ms is None
    assert json.loads(json.dumps(summary.as_json()))["beat_count"] == 0
    assert "unknown" in report_text(summary, title="r1")


def test_it_leaves_out_withdrawn_episodes_and_closes_open_ones():
    summary = summary_of(episodes=[episode("VRUN", 10, 10), episode("TACHY", 20, None)])
    assert [e.label for e in summary.episodes] == ["TACHY"]
    assert summary.episodes[0].end_s == 100


VT = episode(
    "VT", 10, 15, peak=14.0, detail="14 ventricular beats at 180/min", beats=14
)


@pytest.mark.parametrize(
    ("summary", "urgency", "text"),
    [
        (
            summary_of("N" * 9 + ("N" + "V" * 3) * 11 + "V" * 11, [VT], rr_ms=1000 / 3),
            TODAY,
            "11 ventricular runs, longest 14 beats at 180/min: show to a doctor today",
        ),
        (
            summary_of("N" * 500 + "VVVN", [episode("VRUN", 10, 12)]),
            SOON,
            "1 ventricular run of 3 beats at 75/min: show to a doctor in the next days",
        ),
        (
            summary_of(episodes=[episode("ASYSTOLE", 5, 11, peak=6.02)]),
            TODAY,
            "1 asystole of 6.0 s: show to a doctor today",
        ),
        (
            summary_of(episodes=[episode("PAUSE", t, t + 3, peak=3.1) for t in (5, 9)]),
            SOON,
            "2 pauses, longest 3.1 s: show to a doctor in the next days",
        ),
        (
            summary_of(episodes=[episode("EXTREME_BRADY", 5, 25, peak=34.4)]),
            TODAY,
            "extreme bradycardia, down to 34/min, 20 s in all: show to a doctor today",
        ),
        (summary_of("NNNNNNNNNNNNNNNNNNNV"), VISIT, "5% of the beats ventricular"),
        (
            summary_of("N" * 60),
            NOTHING,
            "Nothing stands out in 100 s, mean heart rate 75",
        ),
        (summary_of(share=0.3), 3, "only 30% of the signal is usable: check the elec"),
        (summary_of(""), 3, "no beat was found: check the electrodes"),
        (
            summary_of(episodes=[VT], share=0.4),
            TODAY,
            "show to a doctor today (only 40% of the signal is usable)",
        ),
    ],
)
def test_it_suggests_one_thing_in_words(summary: Summary, urgency, text):
    suggestion = suggest(summary)
    assert suggestion.urgency == urgency
    assert text in suggestion.text


def test_it_writes_times_as_people_read_them():
    assert [clock(s) for s in (0, 59.96, 61.25, 3661)] == [
        "0:00.0",
        "1:00.0",
        "1:01.2",
        "1:01:01.0",
    ]


def test_it_prints_every_episode_with_its_time():
    text = report_text(summary_of(episodes=[VT]), title="r1")
    assert "0:10.0–0:15.0  ventricular tachycardia: 14 ventricular beats" in text


def test_it_prints_how_often_its_labels_are_right():
    figures = released_figures()
    text = report_text(summary_of("NNNVN", [VT]), title="r1", figures=figures)
    assert f"ventricular: {figures.beat_words('V')}" in text
    assert f"ventricular tachycardia: {figures.episode_words('VT')}" in text
    assert figures.source in text
    assert "supraventricular:" not in text
