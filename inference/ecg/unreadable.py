"""Stretches of noise: seconds in which no rhythm can be read."""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.episode_log import (
    CHANGED,
    NOISE,
    OPENED,
    STILL_OPEN,
    EpisodeLog,
    write,
)
from inference.ecg.quality import is_noisy
from inference.ecg.seconds import Words

BAD_S = 5  # in which noise outweighs before it is an episode
CLEAR_S = 5  # without noise that end it

# The next second to be looked at; noisy seconds and those since the last of them.
UNREADABLE = np.dtype(
    [
        ("next_second", "i8"),
        ("onset", "i8"),
        ("bad", "i8"),
        ("clear", "i8"),
        ("is_open", "i8"),
    ],
    align=True,
)


@compiled
def follow_noise(state: State, words: Words, fs: int, log: EpisodeLog) -> None:
    """Take the new seconds: five noisy ones open an episode, five clear ones end it.

    ``words.code`` is [s]. A flat line and missing signal are no noise: they have alarms
    of their own. Delay: it opens with its fifth noisy second; onset and end are where
    the noise began and ended. Updates ``state`` (UNREADABLE).
    """
    known = words.first + len(words.code)
    state.next_second = max(state.next_second, words.first)
    while state.next_second < known:
        word = words.code[state.next_second - words.first]
        second = state.next_second
        state.next_second += 1
        if is_noisy(word):
            if not state.bad:
                state.onset = second * fs
            state.bad += 1
            state.clear = 0
            if state.bad >= BAD_S and not state.is_open:
                state.is_open = 1
                _write(state, OPENED, STILL_OPEN, fs, log)
        elif state.bad:
            state.clear += 1
            # Short noise is forgotten as soon as as much is clear.
            if state.clear >= (CLEAR_S if state.is_open else min(state.bad, CLEAR_S)):
                end_noise(state, (second + 1 - state.clear) * fs, fs, log)


@compiled
def end_noise(state: State, end: int, fs: int, log: EpisodeLog) -> None:
    """Close what is open at record sample ``end``."""
    if state.is_open:
        _write(state, CHANGED, end, fs, log)
    state.onset, state.bad, state.clear, state.is_open = 0, 0, 0, 0


@compiled
def _write(state: State, kind: int, end: int, fs: int, log: EpisodeLog) -> None:
    seconds = float(state.bad)
    write(log, kind, NOISE, state.onset, end, 0, seconds, 0.0, 0.0)
