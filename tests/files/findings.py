"""Beats and findings whose summary is known."""

import numpy as np

from inference.ecg.types import CLASSES, Beats, Episode
from inference.files.analysis import Findings

FS = 250


def beats_of(text: str, *, rr_ms: float = 800.0) -> Beats:
    """Return evenly spaced beats, one per letter of ``text``; ``.`` is a gap."""
    classes, samples, intervals = [], [], []
    cut = True
    for index, letter in enumerate(text):
        if letter == ".":
            cut = True
            continue
        classes.append(CLASSES.index(letter))
        samples.append(round((index + 1) * rr_ms * FS / 1000))
        intervals.append(np.nan if cut else rr_ms)
        cut = False
    return Beats(
        samples=np.array(samples, dtype=np.int64),
        classes=np.array(classes, dtype=np.uint8),
        probabilities=np.eye(5, dtype=np.float32)[classes],
        rr_ms=np.array(intervals, dtype=np.float32),
    )


def episode(label: str, onset_s: float, end_s: float | None, **fields) -> Episode:
    """Return an episode given in seconds."""
    defaults = {"peak": 0.0, "detail": "", "beats": 0}
    end = None if end_s is None else round(end_s * FS)
    return Episode(label, round(onset_s * FS), end, **(defaults | fields))


def findings_of(beats: Beats, episodes=(), words=()) -> Findings:
    """Return findings of one lead."""
    scores = [100 if word == "good" else 20 for word in words]
    return Findings(
        beats=beats,
        episodes=tuple(episodes),
        quality=np.array(scores, dtype=np.uint8),
        quality_words=tuple(words),
    )
