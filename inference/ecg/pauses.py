"""Pause and asystole: raised by the clock, not by the beat that ends them."""

from __future__ import annotations

import numpy as np

from inference.ecg.bounds import Bounds
from inference.ecg.compiled import State, compiled
from inference.ecg.episode_log import (
    ASYSTOLE,
    CHANGED,
    NONE,
    OPENED,
    PAUSE,
    STILL_OPEN,
    EpisodeLog,
    withdraw,
    write,
)
from inference.ecg.quality import GOOD
from inference.ecg.seconds import Words
from inference.ecg.types import Samples

NO_BEAT = -1

# The last R peak, where readable silence began, the next second whose quality is to
# be heeded, what is open.
PAUSES = np.dtype(
    [
        ("last", "i8"),
        ("quiet_from", "i8"),
        ("next_second", "i8"),
        ("label", "i8"),
        ("onset", "i8"),
    ],
    align=True,
)


@compiled
def start_pauses(state: State) -> None:
    """Set what is not zero before the first beat."""
    state.last = NO_BEAT


@compiled
def follow_pauses(
    state: State,
    r_peaks: Samples,
    words: Words,
    frontier: int,
    limits: Bounds,
    fs: int,
    log: EpisodeLog,
) -> None:
    """Go on to ``frontier``; all places are samples of the record.

    ``r_peaks`` [k] are new ones, ``words.code`` [s] their seconds. Bad seconds neither
    are nor end a silence: it is counted in readable signal only. A record without any
    beat has no pause. Delay: it opens when the silence has lasted ``pause_s`` or
    ``asystole_s``, as soon as ``frontier`` says so. Updates ``state`` (PAUSES).
    """
    for r_peak in r_peaks:
        _pass_bad(state, words, r_peak, limits, fs, log)
        _pass_time(state, r_peak, limits, fs, log)
        _close(state, r_peak, fs, log)
        state.last = r_peak
        state.quiet_from = max(r_peak, state.quiet_from)
    _pass_bad(state, words, frontier, limits, fs, log)
    _pass_time(state, frontier, limits, fs, log)


@compiled
def end_pauses(state: State, end: int, fs: int, log: EpisodeLog) -> None:
    """Close what is open where the record ends, at sample ``end``."""
    _close(state, end, fs, log)


@compiled
def _pass_bad(
    state: State, words: Words, until: int, limits: Bounds, fs: int, log: EpisodeLog
) -> None:
    known = words.first + len(words.code)
    state.next_second = max(state.next_second, words.first)
    while state.next_second < known and state.next_second * fs < until:
        if words.code[state.next_second - words.first] != GOOD:
            start = state.next_second * fs
            _pass_time(state, start, limits, fs, log)
            _close(state, start, fs, log)
            state.quiet_from = start + fs
        state.next_second += 1


@compiled
def _pass_time(
    state: State, now: int, limits: Bounds, fs: int, log: EpisodeLog
) -> None:
    if state.last == NO_BEAT or state.label == ASYSTOLE:
        return
    silence = now - state.quiet_from
    if silence >= limits.asystole_s * fs:
        if state.label != NONE:
            withdraw(log, state.label, state.onset, ASYSTOLE)
        _open(state, ASYSTOLE, now, fs, log)
    elif (
        state.label == NONE
        and state.quiet_from == state.last
        and silence >= limits.pause_s * fs
    ):
        _open(state, PAUSE, now, fs, log)


@compiled
def _open(state: State, label: int, now: int, fs: int, log: EpisodeLog) -> None:
    state.label, state.onset = label, state.quiet_from
    silence_s = (now - state.onset) / fs
    write(log, OPENED, label, state.onset, STILL_OPEN, 0, silence_s, 0.0, 0.0)


@compiled
def _close(state: State, end: int, fs: int, log: EpisodeLog) -> None:
    if state.label != NONE:
        silence_s = (end - state.onset) / fs
        write(log, CHANGED, state.label, state.onset, end, 0, silence_s, 0.0, 0.0)
    state.label, state.onset = NONE, 0
