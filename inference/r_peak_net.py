"""The R-peak net: a LiteRT artifact that its model card vouches for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from inference.classifier import ARTIFACTS, ArtifactRefused
from inference.ecg.grid import GRID_FS
from inference.ecg.heat import CONTEXT, FRAME, FUTURE, LONG_S, PAST
from inference.ecg.types import Signal

CARD_NAME = "r_peak_cnn.json"
LONG = CONTEXT + LONG_S * GRID_FS
BATCH = 8  # short windows at once; a long one goes alone


class RPeakNet:
    """Gives the probability of an R peak at each grid step, 125 a second.

    The net pads nothing, so an answer is the same bits in a window of any length
    and in any company.
    """

    def __init__(self, artifact: bytes, card: dict[str, Any]) -> None:
        self.card = card
        self.version: str = card["version"]
        self._artifact = artifact
        self._shapes: dict[int, _Shape] = {}
        self._lock = Lock()

    def __call__(self, windows: Signal) -> Signal:
        """Return f4[n, W - CONTEXT] of normalised windows f4[n, W].

        W - CONTEXT is a whole number of seconds; entry k of a row belongs to entry
        PAST + k of its window.
        """
        shape = self._shape(windows.shape[1])
        out = np.empty((len(windows), windows.shape[1] - CONTEXT), np.float32)
        for start in range(0, len(windows), shape.batch):
            rows = windows[start : start + shape.batch]
            out[start : start + len(rows)] = shape.ask(rows)
        return out

    def _shape(self, length: int) -> _Shape:
        with self._lock:
            if length not in self._shapes:
                batch = 1 if length >= LONG else BATCH
                self._shapes[length] = _Shape(self._artifact, batch, length)
            return self._shapes[length]


class _Shape:
    """The net for windows of one length."""

    def __init__(self, artifact: bytes, batch: int, length: int) -> None:
        self.batch = batch
        self._frames = length // FRAME
        self._lock = Lock()
        self._interpreter = Interpreter(model_content=artifact, num_threads=1)
        self._input = self._interpreter.get_input_details()[0]["index"]
        shape = (batch, 1, self._frames, FRAME)
        self._interpreter.resize_tensor_input(self._input, shape)
        self._interpreter.allocate_tensors()
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._full = np.zeros(shape, np.float32)

    def ask(self, windows: Signal) -> Signal:
        """Return the answers to at most ``batch`` windows."""
        count = len(windows)
        with self._lock:
            self._full[:count] = windows.reshape(count, 1, self._frames, FRAME)
            self._full[count:] = 0.0
            self._interpreter.set_tensor(self._input, self._full)
            self._interpreter.invoke()
            answer = self._interpreter.get_tensor(self._output)
        return np.asarray(answer.reshape(self.batch, -1)[:count])


def load_r_peak_net(folder: Path = ARTIFACTS) -> RPeakNet:
    """Return the net in ``folder``, or raise ``ArtifactRefused``."""
    try:
        card = json.loads((folder / CARD_NAME).read_text())
        artifact = (folder / card["file"]).read_bytes()
    except (OSError, KeyError, json.JSONDecodeError) as error:
        raise ArtifactRefused(
            f"no R-peak net with a card in {folder}: run `python -m ml.r_peak_train`"
        ) from error
    if hashlib.sha256(artifact).hexdigest() != card.get("sha256"):
        raise ArtifactRefused(
            f"{card['file']} is not the file its card describes: "
            "run `python -m ml.r_peak_train`"
        )
    if card.get("inputs") != described_inputs():
        raise ArtifactRefused(
            f"{card['file']} was trained for other inputs: "
            "run `python -m ml.r_peak_train`"
        )
    return RPeakNet(artifact, card)


def described_inputs() -> dict[str, Any]:
    """Return what a card must say of the net's input."""
    return {
        "fs": GRID_FS,
        "past": PAST,
        "future": FUTURE,
        "frame": FRAME,
        "unit": "usual peak-to-peak of a second, clipped to +-4",
    }
