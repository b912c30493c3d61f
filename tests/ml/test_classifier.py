"""The server runs only the artifact that its card describes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from inference.classifier import (
    ARTIFACTS,
    CARD_NAME,
    ArtifactRefused,
    load_classifier,
)
from inference.ecg.beats import CHANNELS, FEATURES
from inference.ecg.grid import WINDOW


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ARTIFACTS, tmp_path / "artifacts"))


def change_card(folder: Path, **changes: object) -> None:
    card = json.loads((folder / CARD_NAME).read_text())
    (folder / CARD_NAME).write_text(json.dumps({**card, **changes}))


def some_beats(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(count)
    windows = rng.standard_normal((count, WINDOW, len(CHANNELS)))
    features = rng.standard_normal((count, len(FEATURES)))
    return windows.astype(np.float32), features.astype(np.float32)


def test_it_gives_probabilities() -> None:
    classify = load_classifier()
    said = classify(*some_beats(200))
    assert said.shape == (200, 5)
    np.testing.assert_allclose(said.sum(axis=1), 1.0, atol=1e-5)
    assert classify.annotator == f"tc-{classify.card['version']}"


def test_it_gives_a_beat_the_same_answer_in_any_company() -> None:
    classify = load_classifier()
    windows, features = some_beats(150)
    together = classify(windows, features)
    alone = [classify(windows[k : k + 1], features[k : k + 1])[0] for k in (0, 70, 149)]
    np.testing.assert_array_equal(together[[0, 70, 149]], alone)
    assert classify(windows[:0], features[:0]).shape == (0, 5)


def test_it_is_a_small_artifact_with_a_full_card() -> None:
    card = load_classifier().card
    assert (ARTIFACTS / card["file"]).stat().st_size < 1_000_000
    assert set(card) >= {"inputs", "labels", "training", "split", "figures", "sha256"}
    assert "201" not in card["training"]["records"]
    assert not set(card["training"]["records"]) & set(card["split"]["DS2"])


def test_it_refuses_an_artifact_that_was_changed(folder: Path) -> None:
    artifact = folder / load_classifier().card["file"]
    artifact.write_bytes(artifact.read_bytes()[:-1] + b"x")
    with pytest.raises(ArtifactRefused, match="not the file its card describes"):
        load_classifier(folder)


@pytest.mark.parametrize(
    "changes", [{"labels": ["N", "V"]}, {"inputs": {}}, {"sha256": "0"}, {"file": "no"}]
)
def test_it_refuses_a_card_that_does_not_fit(
    folder: Path, changes: dict[str, object]
) -> None:
    change_card(folder, **changes)
    with pytest.raises(ArtifactRefused, match="make train"):
        load_classifier(folder)


def test_it_refuses_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ArtifactRefused, match="make train"):
        load_classifier(tmp_path)
