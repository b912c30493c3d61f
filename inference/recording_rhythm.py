"""The rhythm of a short recording as a whole, such as of a hand-held device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inference.ecg.types import Beats, Signal
from inference.rhythm import RHYTHM_WORDS, RHYTHMS, RhythmModel

# The model has learned from recordings of half a minute, 20 ms each: a day has its
# episodes instead.
LONGEST_S = 600


@dataclass(frozen=True)
class RecordingRhythm:
    """What the windows of half a minute say together; ``figure`` is the model's F1."""

    label: str
    words: str
    probability: float
    windows: int
    agreeing: int
    model: str
    figure: str


def recording_rhythm(
    model: RhythmModel, mv: Signal, *, fs: int, beats: Beats
) -> RecordingRhythm | None:
    """Judge one lead, float32[m] in mV at ``fs`` Hz, with the beats found in it.

    None for a recording of less than 8 s or more than 10 min.
    """
    if len(mv) > LONGEST_S * fs:
        return None
    windows = model.windows(mv, fs, beats)
    if not windows:
        return None
    mean = np.mean([window.probabilities for window in windows], axis=0)
    best = int(mean.argmax())
    f1 = (model.card.get("figures") or {}).get("f1") or {}
    figure = f"F1 {f1[RHYTHMS[best]]:.2f} on unseen recordings" if f1 else ""
    return RecordingRhythm(
        label=RHYTHMS[best],
        words=RHYTHM_WORDS[best],
        probability=float(mean[best]),
        windows=len(windows),
        agreeing=sum(int(one.probabilities.argmax()) == best for one in windows),
        model=f"rhythm-{model.version}",
        figure=figure,
    )
