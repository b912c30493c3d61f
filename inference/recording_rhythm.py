"""The rhythm of a short recording as a whole, such as of a hand-held device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inference.ecg.types import Beats, Signal
from inference.rhythm import RHYTHM_WORDS, RHYTHMS, RhythmModel

# The model has learned from recordings of half a minute, 20 ms each: a day has its
# episodes instead.
LONGEST_S = 600
_WORST_FIRST = tuple(RHYTHMS.index(label) for label in "AON~")


@dataclass(frozen=True)
class RecordingRhythm:
    """The most serious rhythm of any half minute: in ``agreeing`` of ``windows``.

    ``probability`` is their mean; ``figure`` is the model's F1 for it.
    """

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
    said = np.array([window.probabilities for window in windows])
    likeliest = said.argmax(axis=1)
    # What is not normal somewhere must not be outvoted by what is normal elsewhere.
    best = next(index for index in _WORST_FIRST if (likeliest == index).any())
    agreeing = likeliest == best
    f1 = (model.card.get("figures") or {}).get("f1") or {}
    figure = f"F1 {f1[RHYTHMS[best]]:.2f} on unseen recordings" if f1 else ""
    return RecordingRhythm(
        label=RHYTHMS[best],
        words=RHYTHM_WORDS[best],
        probability=float(said[agreeing, best].mean()),
        windows=len(windows),
        agreeing=int(agreeing.sum()),
        model=f"rhythm-{model.version}",
        figure=figure,
    )
