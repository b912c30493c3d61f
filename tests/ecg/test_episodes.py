"""Rhythm episodes open and close where the rhythm does, once each."""

import numpy as np
import pytest

from devices.ecg_model import synthesise
from inference.ecg import Limits, advance, initial_state
from inference.nets import nets
from tests.ecg.feeding import feed, seconds

FS = 250


def test_it_reports_each_run_of_vt_once_from_its_first_beat() -> None:
    known = synthesise("vt", fs=FS, seconds=130, seed=17)
    fed = feed(known.mv, FS)
    starts = [
        peak
        for k, peak in enumerate(known.r_peaks)
        if known.symbols[k] == "V" and known.symbols[k - 1] != "V"
    ]
    assert fed.labels == ["VT"] * len(starts)
    for start, episode in zip(starts, fed.episodes.values(), strict=True):
        assert abs(episode.onset_sample - start) <= 3
        assert 8 <= episode.beats <= 12
        assert "ventricular beats at 1" in episode.detail
        assert episode.end_sample is not None


def test_it_withdraws_the_v_run_that_becomes_vt() -> None:
    known = synthesise("vt", fs=FS, seconds=60, seed=17)
    fed = feed(known.mv, FS, seconds(1))
    told = [e for call in fed.calls for e in call.episodes]
    runs = [e for e in told if e.label == "VRUN"]
    assert [e.withdrawn for e in runs][-1:] == [True] * bool(runs)
    if runs:
        assert runs[-1].detail == "became VT"
    assert fed.labels == ["VT"]


def test_it_calls_a_slow_run_a_v_run() -> None:
    known = synthesise("vt", fs=FS, seconds=60, seed=18)
    mv = known.mv
    state = initial_state(fs=FS)
    ((_, analysis),) = advance([state], [mv], nets=nets(), limits=[Limits(vt_bpm=200)])
    assert {e.label for e in analysis.episodes} == {"VRUN"}


def test_it_raises_asystole_by_the_clock_and_withdraws_the_pause() -> None:
    known = synthesise("pause", fs=FS, seconds=70, seed=19)
    gap = int(np.argmax(np.diff(known.r_peaks)))
    before, after = known.r_peaks[gap], known.r_peaks[gap + 1]
    fed = feed(known.mv, FS, seconds(1))
    assert fed.labels == ["ASYSTOLE"]
    (episode,) = fed.episodes.values()
    assert abs(episode.onset_sample - before) <= 3
    assert abs(episode.end_sample - after) <= 3
    assert episode.peak == pytest.approx(4.5, abs=0.05)
    raised = next(
        call.end_sample
        for call in fed.calls
        if any(e.label == "ASYSTOLE" for e in call.episodes)
    )
    assert raised - before <= 6 * FS


def test_it_calls_a_shorter_silence_a_pause() -> None:
    known = synthesise("pause", fs=FS, seconds=70, seed=19)
    state = initial_state(fs=FS)
    ((_, analysis),) = advance(
        [state], [known.mv], nets=nets(), limits=[Limits(asystole_s=5)]
    )
    assert [e.label for e in analysis.episodes] == ["PAUSE"]
    assert analysis.episodes[0].detail == "no beat for 4.5 s"


def test_it_keeps_asystole_open_while_it_lasts() -> None:
    rng = np.random.default_rng(20)
    mv = synthesise("sinus", fs=FS, seconds=60, seed=20).mv.copy()
    mv[30 * FS :] = 0.012 * rng.standard_normal(30 * FS)
    ((_, analysis),) = advance(
        [initial_state(fs=FS)], [mv.astype(np.float32)], nets=nets()
    )
    (episode,) = analysis.episodes
    assert (episode.label, episode.end_sample) == ("ASYSTOLE", None)
    assert np.isnan(analysis.heart_rate_bpm)


@pytest.mark.parametrize(
    ("script", "rate", "label", "detail"),
    [
        ("tachy", 130.0, "TACHY", "HR 13"),
        ("tachy", 160.0, "EXTREME_TACHY", "HR 16"),
        ("brady", 45.0, "BRADY", "HR 4"),
        ("brady", 35.0, "EXTREME_BRADY", "HR 3"),
    ],
)
def test_it_reports_a_rate_beyond_its_limit_once(
    script: str, rate: float, label: str, detail: str
) -> None:
    fed = feed(
        synthesise(script, fs=FS, seconds=90, seed=21, heart_rate_bpm=rate).mv, FS
    )
    assert fed.labels == [label]
    (episode,) = fed.episodes.values()
    assert episode.detail.startswith(detail)
    assert episode.onset_sample < 15 * FS
    assert fed.calls[0].heart_rate_bpm == pytest.approx(rate, rel=0.03)


def test_it_waits_ten_seconds_before_it_reports_a_rate() -> None:
    fast = synthesise("tachy", fs=FS, seconds=9, seed=22).mv
    slow = synthesise("sinus", fs=FS, seconds=40, seed=22).mv
    found = feed(np.concatenate((slow, fast, slow)), FS).labels
    assert not {"TACHY", "EXTREME_TACHY"} & set(found)


def test_it_keeps_to_the_patients_own_limits() -> None:
    mv = synthesise("sinus", fs=FS, seconds=60, seed=23, heart_rate_bpm=100).mv
    limits = Limits(hr_high_bpm=90)
    ((_, analysis),) = advance(
        [initial_state(fs=FS)], [mv], nets=nets(), limits=[limits]
    )
    assert [e.label for e in analysis.episodes] == ["TACHY"]


@pytest.mark.parametrize(
    ("script", "label"),
    [
        ("sinus", None),
        ("pvc", None),
        ("bigeminy", "BIGEMINY"),
        ("noise", None),
        ("lead_off", None),
    ],
)
def test_it_reports_nothing_without_a_cause(script: str, label: str | None) -> None:
    found = feed(synthesise(script, fs=FS, seconds=120, seed=24).mv, FS).labels
    assert set(found) - {"NOISE"} == ({label} if label else set())
