"""The beat classifier: a LiteRT artifact that its model card vouches for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from inference.ecg.beats import CHANNELS, FEATURES
from inference.ecg.grid import GRID_FS, WINDOW
from inference.ecg.types import CLASSES, Signal

ARTIFACTS = Path(__file__).parent / "artifacts"
CARD_NAME = "beat_cnn.json"


class ArtifactRefused(ValueError):
    """Raised for an artifact that is not what its card says, or not for this code."""


class Classifier:
    """Gives beats their class probabilities; one thread, one batch size.

    Every beat runs in a batch of the same size, padded with zeros, so that its
    probabilities do not depend on which beats are asked for together.
    """

    def __init__(self, artifact: bytes, card: dict[str, Any]) -> None:
        self.card = card
        self.version: str = card["version"]
        self._batch: int = card["batch"]
        self._lock = Lock()
        self._interpreter = Interpreter(model_content=artifact, num_threads=1)
        self._interpreter.allocate_tensors()
        by_rank = {
            len(detail["shape"]): detail["index"]
            for detail in self._interpreter.get_input_details()
        }
        self._windows, self._features = by_rank[3], by_rank[2]
        names = card["inputs"]["features"]["names"]
        self._columns = [FEATURES.index(name) for name in names]
        self._output = self._interpreter.get_output_details()[0]["index"]

    @property
    def annotator(self) -> str:
        """Return the name that stands with everything this classifier said."""
        return f"tc-{self.version}"

    def __call__(self, windows: Signal, features: Signal) -> Signal:
        """Return probabilities [n, 5] of windows [n, 96, 2] and features [n, F].

        Of the features those are taken that the card names.
        """
        out = np.zeros((len(windows), len(CLASSES)), dtype=np.float32)
        pair = np.zeros((self._batch, *windows.shape[1:]), dtype=np.float32)
        features = features[:, self._columns]
        row = np.zeros((self._batch, *features.shape[1:]), dtype=np.float32)
        with self._lock:
            for start in range(0, len(windows), self._batch):
                count = min(self._batch, len(windows) - start)
                pair[:count] = windows[start : start + count]
                row[:count] = features[start : start + count]
                pair[count:], row[count:] = 0.0, 0.0
                self._interpreter.set_tensor(self._windows, pair)
                self._interpreter.set_tensor(self._features, row)
                self._interpreter.invoke()
                answer = self._interpreter.get_tensor(self._output)
                out[start : start + count] = answer[:count]
        return out


def load_classifier(folder: Path = ARTIFACTS) -> Classifier:
    """Return the classifier in ``folder``, or raise ``ArtifactRefused``."""
    card_path = folder / CARD_NAME
    try:
        card = json.loads(card_path.read_text())
        artifact = (folder / card["file"]).read_bytes()
    except (OSError, KeyError, json.JSONDecodeError) as error:
        raise ArtifactRefused(
            f"no model with a card in {folder}: run `make train`"
        ) from error
    if hashlib.sha256(artifact).hexdigest() != card.get("sha256"):
        raise ArtifactRefused(
            f"{card['file']} is not the file its card describes: run `make train`"
        )
    ours = (list(CLASSES), GRID_FS, WINDOW, list(CHANNELS), True)
    if _described_inputs(card) != ours:
        raise ArtifactRefused(
            f"{card['file']} was trained for other inputs or labels: run `make train`"
        )
    return Classifier(artifact, card)


def _described_inputs(card: dict[str, Any]) -> tuple[Any, ...] | None:
    """Return what the card says of labels and inputs, None if it says nothing."""
    try:
        inputs = card["inputs"]
        return (
            card["labels"],
            inputs["fs"],
            inputs["windows"]["shape"][1],
            inputs["windows"]["channels"],
            set(inputs["features"]["names"]) <= set(FEATURES),
        )
    except (KeyError, IndexError, TypeError):
        return None
