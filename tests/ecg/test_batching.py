"""However the signal is cut, the result is the same, bit for bit."""

from pathlib import Path

import numpy as np
import pytest
import wfdb

from devices.ecg_model import synthesise
from inference.ecg import advance, initial_state
from inference.nets import nets
from tests.ecg.feeding import Fed, any_seconds, feed, seconds


def assert_same(one: Fed, other: Fed) -> None:
    assert one.state == other.state
    np.testing.assert_array_equal(one.samples, other.samples)
    np.testing.assert_array_equal(one.classes, other.classes)
    np.testing.assert_array_equal(one.probabilities, other.probabilities)
    np.testing.assert_array_equal(one.rr_ms, other.rr_ms)
    np.testing.assert_array_equal(one.quality, other.quality)
    assert one.words == other.words
    assert one.episodes == other.episodes


@pytest.mark.parametrize(
    ("script", "fs"),
    [("vt", 250), ("pause", 360), ("noise", 125), ("lead_off", 500), ("af", 257)],
)
def test_it_gives_the_same_result_for_synthetic_signal(script: str, fs: int) -> None:
    mv = synthesise(script, fs=fs, seconds=70.3, seed=1).mv
    at_once = feed(mv, fs)
    assert len(at_once.samples) > 40
    assert_same(at_once, feed(mv, fs, seconds(1)))
    assert_same(at_once, feed(mv, fs, any_seconds(seed=2, longest=20)))


def test_it_gives_the_same_result_across_gaps() -> None:
    fs, rng = 250, np.random.default_rng(5)
    mv = synthesise("pvc", fs=fs, seconds=120, seed=2).mv
    for _ in range(12):
        start = int(rng.integers(0, len(mv)))
        mv[start : start + int(rng.integers(1, 8 * fs))] = np.nan
    at_once = feed(mv, fs)
    assert_same(at_once, feed(mv, fs, seconds(1)))
    assert_same(at_once, feed(mv, fs, any_seconds(seed=7, longest=9)))


def test_it_gives_the_same_result_for_a_real_record(ecg_data: Path) -> None:
    record = wfdb.rdrecord(
        str(ecg_data / "mitdb" / "208"), channels=[0], sampto=150 * 360 + 77
    )
    mv = record.p_signal[:, 0]
    at_once = feed(mv, 360)
    assert len(at_once.samples) > 200
    assert_same(at_once, feed(mv, 360, seconds(1)))
    assert_same(at_once, feed(mv, 360, any_seconds(seed=3, longest=40)))


def test_it_gives_each_record_the_same_result_alone_and_among_others() -> None:
    signals = [
        synthesise(script, fs=250, seconds=40, seed=4).mv
        for script in ("sinus", "bigeminy", "tachy")
    ]
    blank = initial_state(fs=250)
    together = advance([blank] * 3, signals, nets=nets())
    for signal, (state, analysis) in zip(signals, together, strict=True):
        ((own_state, own),) = advance([blank], [signal], nets=nets())
        assert state.to_bytes() == own_state.to_bytes()
        np.testing.assert_array_equal(
            analysis.beats.probabilities, own.beats.probabilities
        )
    assert blank.to_bytes() == initial_state(fs=250).to_bytes()
