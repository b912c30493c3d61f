"""Signals without a heart in them give results, not exceptions."""

import json

import numpy as np
import pytest

from inference.ecg import QUALITY_WORDS, Beats, PartBlock, advance, initial_state
from inference.ecg.grid import UnsupportedRate
from inference.nets import nets
from inference.summary import minutes_of, summarise
from tests.ecg.feeding import feed

FS = 250
TIME = np.arange(30 * FS) / FS


@pytest.mark.parametrize(
    ("signal", "word"),
    [
        (np.zeros(30 * FS), "flat"),
        (np.full(30 * FS, 5.0), "flat"),
        (np.full(30 * FS, np.nan), "missing"),
        (np.full(30 * FS, np.inf), "missing"),
        (np.full(30 * FS, 1e30), "missing"),
        (0.5 * np.sin(2 * np.pi * 50 * TIME), "mains"),
        (0.01 * np.sin(2 * np.pi * 50 * TIME), "mains"),
        (0.5 * np.sin(2 * np.pi * 60 * TIME + 1), "mains"),
        (0.5 * np.sin(2 * np.pi * 50.2 * TIME), "mains"),
    ],
    ids=["zero", "constant", "nan", "inf", "absurd", "50", "50 small", "60", "50.2"],
)
def test_it_sees_no_beat_where_none_is(signal: np.ndarray, word: str) -> None:
    fed = feed(signal, FS)
    assert len(fed.samples) == 0
    assert set(fed.words) == {word}
    assert len(fed.words) == len(fed.quality) == 30
    assert fed.quality.max() <= 50
    assert set(fed.labels) <= {"NOISE"}
    assert np.isnan(fed.calls[-1].heart_rate_bpm)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 62, 125, 249])
def test_it_takes_very_short_records(length: int) -> None:
    signal = np.sin(np.arange(length) / 9)
    fed = feed(signal, FS)
    assert len(fed.words) == (1 if length else 0)
    assert np.all(fed.samples < length)


@pytest.mark.parametrize(
    "signal",
    [
        np.zeros(0),
        np.array([0.7]),
        np.array([np.nan]),
        np.sin(9 * TIME[: FS // 2]),
        np.full(FS // 2, np.nan),
        np.full(30 * FS, 0.3),
        np.full(30 * FS, np.nan),
        np.where(TIME % 2 < 1, np.nan, np.sin(9 * TIME)),
        np.clip(5 * np.sin(9 * TIME), -1, 1),
    ],
    ids=[
        *("none", "one sample", "one missing", "0.5 s", "0.5 s missing"),
        *("flat", "missing", "every other second", "clipped"),
    ],
)
def test_it_follows_and_summarises_what_no_heart_sent(signal: np.ndarray) -> None:
    fed = feed(signal, FS)
    assert np.isfinite(fed.probabilities).all()
    assert set(fed.words) <= set(QUALITY_WORDS)
    assert ((fed.samples >= 0) & (fed.samples < max(len(signal), 1))).all()
    for episode in fed.episodes.values():
        assert episode.end_sample is not None
        assert 0 <= episode.onset_sample <= episode.end_sample <= len(signal)
    found = {
        "fs": FS,
        "beats": Beats(fed.samples, fed.classes, fed.probabilities, fed.rr_ms),
        "episodes": list(fed.episodes.values()),
        "quality": fed.quality,
    }
    summary = summarise(**found, n=len(signal), annotator="tc-1")
    assert summary.beat_count == len(fed.samples)
    json.dumps(summary.as_json(), allow_nan=False)
    assert len(minutes_of(**found)) == (1 if len(signal) else 0)


def test_it_takes_one_lonely_beat() -> None:
    signal = np.exp(-0.5 * ((TIME[:125] - 0.25) / 0.012) ** 2)
    fed = feed(signal, FS)
    assert fed.samples.tolist() == [62] or fed.samples.tolist() == [63]
    assert np.isnan(fed.rr_ms).all()
    np.testing.assert_allclose(fed.probabilities.sum(axis=1), 1.0, atol=1e-5)


def test_it_reads_no_rhythm_into_white_noise() -> None:
    fed = feed(np.random.default_rng(1).standard_normal(60 * FS), FS)
    assert set(fed.words) == {"muscle"}
    assert fed.labels == ["NOISE"]


@pytest.mark.parametrize("fs", [99, 1001, 0, -250, 250.5])
def test_it_refuses_an_unsupported_rate(fs: float) -> None:
    with pytest.raises(UnsupportedRate, match="resample"):
        initial_state(fs=fs)  # type: ignore[arg-type]


def test_it_refuses_a_part_block() -> None:
    with pytest.raises(PartBlock, match="finish"):
        advance(
            [initial_state(fs=FS)],
            [np.zeros(FS + 1, np.float32)],
            nets=nets(),
        )
