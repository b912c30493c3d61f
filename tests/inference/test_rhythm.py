"""The rhythm of half a minute comes from trees that a card vouches for."""

import json
from pathlib import Path

import numpy as np
import pytest

from devices.ecg_model import synthesise
from inference.classifier import ARTIFACTS, ArtifactRefused
from inference.ecg.rhythm_window import (
    ShortWindow,
    feature_names,
    rhythm_features,
)
from inference.ecg.types import CLASSES, Beats
from inference.rhythm import RHYTHMS, load_rhythm, rhythm_model
from inference.trees import Trees, probabilities

FS = 250


def beats_at(samples: list[int]) -> Beats:
    count = len(samples)
    said = np.zeros((count, len(CLASSES)), np.float32)
    said[:, 0] = 1.0
    rr_ms = np.diff(samples, prepend=np.nan) * 1000 / FS
    return Beats(
        np.array(samples, np.int64),
        np.zeros(count, np.uint8),
        said,
        rr_ms.astype(np.float32),
    )


@pytest.mark.parametrize(("script", "rhythm"), [("sinus", "N"), ("af", "A")])
def test_it_tells_the_rhythm_of_each_half_minute(script: str, rhythm: str) -> None:
    made = synthesise(script, fs=FS, seconds=75, seed=1)
    beats = beats_at(np.asarray(made.r_peaks).tolist())
    found = rhythm_model().windows(made.mv.astype(np.float32), FS, beats)
    assert [(w.start // FS, w.end // FS) for w in found] == [(0, 30), (30, 75)]
    for window in found:
        assert RHYTHMS[int(window.probabilities.argmax())] == rhythm
        assert window.probabilities.sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("mv", [0.0, np.nan, 4.0], ids=["flat", "missing", "offset"])
def test_it_takes_a_signal_without_beats(mv: float) -> None:
    signal = np.full(30 * FS, mv, np.float32)
    (window,) = rhythm_model().windows(signal, FS, beats_at([]))
    assert np.isfinite(window.probabilities).all()


def test_it_says_nothing_of_a_few_seconds() -> None:
    signal = np.zeros(5 * FS, np.float32)
    assert rhythm_model().windows(signal, FS, beats_at([])) == []
    none = beats_at([])
    with pytest.raises(ShortWindow):
        rhythm_features(signal, FS, none.samples, none.probabilities, none.rr_ms)


def test_it_describes_any_window_by_the_same_names() -> None:
    signal = np.random.default_rng(0).standard_normal(10 * FS).astype(np.float32)
    for count in (0, 1, 2, 5, 12):
        beats = beats_at(np.linspace(400, 2000, count).astype(int).tolist())
        row = rhythm_features(
            signal, FS, beats.samples, beats.probabilities, beats.rr_ms
        )
        assert row.shape == (len(feature_names()),)


def test_it_refuses_trees_that_the_card_does_not_describe(tmp_path: Path) -> None:
    card = json.loads((ARTIFACTS / "rhythm.json").read_text())
    content = (ARTIFACTS / card["file"]).read_bytes()
    (tmp_path / "rhythm.json").write_text(json.dumps(card))
    (tmp_path / card["file"]).write_bytes(content + b"x")
    with pytest.raises(ArtifactRefused, match="not the file"):
        load_rhythm(tmp_path)
    (tmp_path / card["file"]).write_bytes(content)
    load_rhythm(tmp_path)
    card["features"] = card["features"][:-1]
    (tmp_path / "rhythm.json").write_text(json.dumps(card))
    with pytest.raises(ArtifactRefused, match="other features"):
        load_rhythm(tmp_path)
    with pytest.raises(ArtifactRefused, match="no rhythm model"):
        load_rhythm(tmp_path / "nowhere")


def test_it_asks_trees_as_they_were_grown() -> None:
    trees = Trees(
        feature=np.array([0, -1, 1, -1, -1, -1], np.int16),
        threshold=np.array([0.5, 0, 2.0, 0, 0, 0]),
        left=np.array([1, 0, 3, 0, 0, 0], np.int16),
        right=np.array([2, 0, 4, 0, 0, 0], np.int16),
        missing_left=np.array([1, 0, 0, 0, 0, 0], np.uint8),
        value=np.array([0, 1, 0, 2, 3, 0], np.float32),
        roots=np.array([[0, 5]], np.int32),
        start=np.zeros(2),
    )
    rows = np.array([[0.5, 9], [np.nan, 9], [1, 2], [1, 2.1], [1, np.nan]], np.float32)
    odds = probabilities(trees, rows)
    expected = np.exp([1, 1, 2, 3, 3])
    np.testing.assert_allclose(odds[:, 0] / odds[:, 1], expected, rtol=1e-5)
