"""The server runs only the R-peak net that its card describes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from inference.classifier import ARTIFACTS, ArtifactRefused
from inference.ecg.heat import BLOCK, CONTEXT, LONG_S
from inference.r_peak_net import CARD_NAME, load_r_peak_net


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ARTIFACTS, tmp_path / "artifacts"))


def some_windows(count: int, seconds: int = 1) -> np.ndarray:
    rng = np.random.default_rng(count)
    return rng.standard_normal((count, CONTEXT + seconds * BLOCK)).astype(np.float32)


def test_it_answers_the_same_bits_in_any_company_and_length() -> None:
    net = load_r_peak_net()
    long = some_windows(1, LONG_S)
    starts = range(0, LONG_S * BLOCK, BLOCK)
    short = np.concatenate([long[:, at : at + CONTEXT + BLOCK] for at in starts])
    together = net(short)
    assert net(long).tobytes() == together.tobytes()
    assert net(short[17:18]).tobytes() == together[17:18].tobytes()
    assert ((together >= 0) & (together <= 1)).all()
    assert net(short[:0]).shape == (0, BLOCK)


def test_it_is_a_small_artifact_with_a_full_card() -> None:
    card = load_r_peak_net().card
    assert (ARTIFACTS / card["file"]).stat().st_size < 300_000
    assert set(card) >= {"inputs", "output", "training", "split", "figures", "sha256"}
    assert "201" not in card["training"]["records"]
    assert not set(card["training"]["records"]) & set(card["split"]["DS2"])


def test_it_refuses_an_artifact_that_was_changed(folder: Path) -> None:
    artifact = folder / load_r_peak_net().card["file"]
    artifact.write_bytes(artifact.read_bytes()[:-1] + b"x")
    with pytest.raises(ArtifactRefused, match="not the file its card describes"):
        load_r_peak_net(folder)


@pytest.mark.parametrize("changes", [{"inputs": {}}, {"sha256": "0"}, {"file": "no"}])
def test_it_refuses_a_card_that_does_not_fit(
    folder: Path, changes: dict[str, object]
) -> None:
    card = json.loads((folder / CARD_NAME).read_text())
    (folder / CARD_NAME).write_text(json.dumps({**card, **changes}))
    with pytest.raises(ArtifactRefused, match="r_peak_train"):
        load_r_peak_net(folder)
