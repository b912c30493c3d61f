"""The rhythm of half a minute: normal, atrial fibrillation, other, or too noisy."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from inference.classifier import ARTIFACTS, ArtifactRefused
from inference.ecg.rhythm_window import LEAST_S, USUAL_S, feature_names, rhythm_features
from inference.ecg.types import Beats, Signal
from inference.trees import Trees, probabilities, read_trees

RHYTHM_CARD = "rhythm.json"
RHYTHMS = ("N", "A", "O", "~")
RHYTHM_WORDS = ("normal rhythm", "atrial fibrillation", "other rhythm", "too noisy")


class RhythmWindow(NamedTuple):
    """The samples [start, end) of a window, and the probabilities of RHYTHMS [4]."""

    start: int
    end: int
    probabilities: Signal

    @property
    def word(self) -> str:
        """Return the likeliest rhythm in words."""
        return RHYTHM_WORDS[int(self.probabilities.argmax())]


class RhythmModel:
    """Gives a window's features the probabilities of RHYTHMS."""

    def __init__(self, trees: Trees, card: dict[str, Any]) -> None:
        self.card = card
        self.version: str = card["version"]
        self._trees = trees

    def __call__(self, features: Signal) -> Signal:
        """Return probabilities float32[n, 4] of rows of ``rhythm_features`` [n, F]."""
        return probabilities(self._trees, features)

    def windows(self, mv: Signal, fs: int, beats: Beats) -> list[RhythmWindow]:
        """Judge a recording in windows of 30 s; the last takes what is left.

        ``mv`` [m] at ``fs`` Hz is one lead, ``beats`` are those found in it, by its
        samples. Nothing is said of less than 8 s.
        """
        length, least = USUAL_S * fs, LEAST_S * fs
        starts = list(range(0, max(len(mv) - length // 2, 1), length))
        spans = list(zip(starts, [*starts[1:], len(mv)], strict=True))
        spans = [(start, end) for start, end in spans if end - start >= least]
        if not spans:
            return []
        rows = [_features(mv[a:b], fs, beats, a, b) for a, b in spans]
        said = self(np.array(rows))
        return [
            RhythmWindow(start, end, row)
            for (start, end), row in zip(spans, said, strict=True)
        ]


def _features(mv: Signal, fs: int, beats: Beats, start: int, end: int) -> Signal:
    inside = slice(*np.searchsorted(beats.samples, (start, end)).tolist())
    rr_ms = beats.rr_ms[inside].copy()
    rr_ms[:1] = np.nan  # reaches back to before the window
    samples = beats.samples[inside] - start
    return rhythm_features(mv, fs, samples, beats.probabilities[inside], rr_ms)


def load_rhythm(folder: Path = ARTIFACTS) -> RhythmModel:
    """Return the model in ``folder``, or raise ``ArtifactRefused``."""
    try:
        card = json.loads((folder / RHYTHM_CARD).read_text())
        content = (folder / card["file"]).read_bytes()
    except (OSError, KeyError, json.JSONDecodeError) as error:
        raise ArtifactRefused(
            f"no rhythm model with a card in {folder}: run `python -m ml.rhythm`"
        ) from error
    if hashlib.sha256(content).hexdigest() != card.get("sha256"):
        raise ArtifactRefused(
            f"{card['file']} is not the file its card describes: "
            "run `python -m ml.rhythm`"
        )
    ours = (list(RHYTHMS), list(feature_names()))
    if (card.get("labels"), card.get("features")) != ours:
        raise ArtifactRefused(
            f"{card['file']} was trained for other features or labels: "
            "run `python -m ml.rhythm`"
        )
    return RhythmModel(read_trees(folder / card["file"]), card)


@cache
def rhythm_model() -> RhythmModel:
    """Return the released model, loaded once per process."""
    return load_rhythm()
