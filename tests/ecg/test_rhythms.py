"""Rhythms are episodes with an onset and an end, whatever the signal was cut into."""

import numpy as np
import pytest

from inference.ecg import QUALITY_WORDS
from tests.ecg.rhythm import FS, Strip

NOISE = QUALITY_WORDS.index("clipped")


def spans_s(found: dict[str, list], label: str) -> list[tuple[float, float]]:
    return [(e.onset_sample / FS, e.end_sample / FS) for e in found.get(label, [])]


def test_it_tells_fibrillation_once_and_ends_it_after_a_minute_without() -> None:
    strip = Strip().add("N" * 60)
    strip.add("N" * 120, 0.6, af=0.99)
    strip.add("N" * 60, af=0.1)  # 48 s
    strip.add("N" * 120, 0.6, af=0.99)
    found = strip.add("N" * 200, af=0.1).follow()
    assert set(found) == {"AF"}
    ((onset, end),) = spans_s(found, "AF")
    assert 20 < onset < 50
    assert 210 < end < 242
    assert found["AF"][0].detail.startswith("irregular without a pattern at ")


@pytest.mark.parametrize(("count", "af"), [(20, 0.99), (200, 0.9)])
def test_it_tells_no_fibrillation_that_is_short_or_doubtful(
    count: int, af: float
) -> None:
    strip = Strip().add("N" * 80)
    assert strip.add("N" * count, af=af).add("N" * 200).follow() == {}


def test_it_counts_fibrillation_in_readable_signal_only() -> None:
    strip = Strip().add("N" * 80).add("N" * 50, 0.5, af=0.99)
    unreadable = strip.samples[-1] // FS
    strip.words = {unreadable + second: NOISE for second in range(1, 40)}
    strip.add("N" * 52, 0.75, af=0.99)
    assert "AF" not in strip.add("N" * 200).follow()


def test_it_finds_runs_of_supraventricular_beats() -> None:
    strip = Strip().add("N" * 20).add("SSSSS", 0.4).add("NNSSNN").add("SSS", 0.9)
    found = strip.add("N" * 10).follow()
    assert set(found) == {"SVT"}
    assert [e.detail for e in found["SVT"]] == ["5 supraventricular beats at 150/min"]


def test_it_finds_no_supraventricular_run_in_fibrillation() -> None:
    strip = Strip().add("N" * 80, af=0.99).add("SSSSS", 0.4, af=0.99)
    assert set(strip.add("N" * 80, af=0.99).follow()) == {"AF"}


def test_it_tells_couplets_runs_and_tachycardia_apart() -> None:
    strip = Strip().add("N" * 20)
    for row in ("VV", "VVV", "VVVVVV"):
        strip.add(row, 0.45).add("N" * 20)
    found = strip.follow()
    assert {label: [e.beats for e in rows] for label, rows in found.items()} == {
        "COUPLET": [2],
        "VRUN": [3],
        "VT": [6],
    }


@pytest.mark.parametrize(
    ("look", "label"),
    [
        ({"width_difference": -0.2}, None),
        ({"log_pre_local": 0.0}, "VT"),  # beyond doubt by their probability
        ({"like_previous": -0.2}, "VRUN"),
    ],
)
def test_it_doubts_runs_that_do_not_look_ventricular(
    look: dict[str, float], label: str | None
) -> None:
    found = Strip().add("N" * 20).add("VVVVVV", 0.45, **look).add("N" * 9).follow()
    assert list(found) == ([label] if label else [])


@pytest.mark.parametrize(
    ("pattern", "label"), [("NV", "BIGEMINY"), ("NNV", "TRIGEMINY")]
)
def test_it_finds_ventricular_beats_in_a_pattern(pattern: str, label: str) -> None:
    strip = Strip().add("N" * 20)
    first = len(strip.samples) + len(pattern) - 1
    found = strip.add(pattern * 10).add("N" * 20).follow()
    assert set(found) == {label}
    (episode,) = found[label]
    assert episode.beats == 10
    assert episode.onset_sample == strip.samples[first]
    assert episode.end_sample == strip.samples[first + 9 * len(pattern)]
    assert Strip().add("N" * 20).add(pattern * 3).add("N" * 20).follow() == {}


def test_it_joins_seconds_of_noise() -> None:
    strip = Strip().add("N" * 100)
    noisy = [*range(20, 23), *range(40, 48), *range(50, 55)]
    strip.words = dict.fromkeys(noisy, NOISE)
    found = strip.follow()
    assert spans_s(found, "NOISE") == [(40.0, 55.0)]
    assert found["NOISE"][0].detail == "13 s unreadable"


def waves(seconds: float, hz: float) -> np.ndarray:
    time = np.arange(int(seconds * 125)) / 125
    drift = 1 + 0.1 * np.sin(2 * np.pi * 0.3 * time)
    return 0.6 * drift * np.sin(2 * np.pi * hz * time + drift)


def spikes(seconds: float, width_s: float) -> np.ndarray:
    time = np.arange(int(seconds * 125)) / 125
    return np.exp(-0.5 * ((time % 0.8 - 0.4) / width_s) ** 2)


@pytest.mark.parametrize("hz", [3.0, 4.5, 7.0])
def test_it_finds_ventricular_fibrillation(hz: float) -> None:
    strip = Strip().add("N" * 40).add("V" * 60, 0.3).add("N" * 40)
    strip.band = np.concatenate((spikes(30, 0.015), waves(20, hz), spikes(60, 0.015)))
    found = strip.follow()
    ((onset, end),) = spans_s(found, "VF")
    assert onset == pytest.approx(30, abs=1.5)
    assert end == pytest.approx(50, abs=2)
    assert found["VF"][0].peak == pytest.approx(60 * hz, rel=0.1)


@pytest.mark.parametrize("width_s", [0.015, 0.05])
def test_it_takes_no_beats_and_no_slow_drift_for_fibrillation(width_s: float) -> None:
    strip = Strip().add("N" * 60)
    strip.band = np.concatenate((spikes(25, width_s), waves(40, 0.7)))
    assert "VF" not in strip.follow()


def test_it_finds_paced_beats_and_no_run_in_them() -> None:
    strip = Strip().add("V" * 40, 0.9, width=0.4)
    time = np.arange(strip.seconds * FS) / FS
    strip.mv = np.zeros(len(time))
    for sample in strip.samples:
        wide = np.exp(-0.5 * ((time - sample / FS - 0.05) / 0.03) ** 2)
        strip.mv += np.where(time >= sample / FS, wide, 0.0)
        strip.mv[sample - 1 : sample + 1] += 1.5
    found = strip.follow()
    assert set(found) == {"PACED", "VRUN"}  # before a pacemaker is known of
    assert found["PACED"][0].beats >= 38
    assert found["VRUN"][0].end_sample < 10 * FS
    strip.mv *= 0.0
    assert "PACED" not in strip.follow()


def test_it_finds_the_same_however_the_signal_is_cut() -> None:
    rng = np.random.default_rng(1)
    strip = Strip()
    for _ in range(150):
        count, rr_s = int(rng.integers(1, 12)), rng.choice([0.4, 0.6, 0.9, 3.5])
        strip.add(str(rng.choice(list("NNSVF"))) * count, rr_s, af=rng.uniform(0, 0.8))
    strip.words = {k: NOISE for k in range(strip.seconds) if k % 50 < rng.integers(9)}
    strip.band = np.concatenate(
        [
            f(rng.uniform(5, 20), p)
            for _ in range(40)
            for f, p in ((waves, 5.0), (spikes, 0.02))
        ]
    )[: strip.seconds * 125]
    whole = strip.follow()
    assert {"VF", "VT", "NOISE", "PAUSE", "COUPLET"} <= set(whole)
    for longest in (1, 7):
        steps = rng.integers(1, longest + 1, strip.seconds)
        cuts = [c for c in np.cumsum(steps).tolist() if c < strip.seconds]
        assert strip.follow(cuts) == whole
