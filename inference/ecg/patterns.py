"""Bigeminy and trigeminy: a V beat after every one, or every two, others."""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.episode_log import (
    CHANGED,
    OPENED,
    STILL_OPEN,
    EpisodeLog,
    write,
)

REPEATS = 3  # of the pattern
LONGEST_S = 5.0  # from V beat to V beat
ODD = 1  # V beats out of place that are let pass

# Other beats since the last V beat; how often the pattern repeated; where it began
# and was last seen; V beats out of place since then; whether it is open.
PATTERN = np.dtype(
    [
        ("others", "i8"),
        ("previous", "i8"),
        ("repeats", "i8"),
        ("first", "i8"),
        ("last", "i8"),
        ("odd", "i8"),
        ("is_open", "i8"),
    ],
    align=True,
)


@compiled
def start_pattern(state: State) -> None:
    """Set the state before the first beat."""
    state.previous = -1


@compiled
def follow_pattern(
    state: State,
    label: int,
    others: int,
    sample: int,
    is_v: bool,
    fs: int,
    log: EpisodeLog,
) -> None:
    """Take the next readable beat; updates ``state`` (PATTERN).

    ``sample`` is of the record. ``others`` beats lie between the V beats. Delay: an
    episode opens when the pattern has repeated three times, from its first V beat on,
    and ends at its last V beat, known at the second V beat out of place or 5 s after
    it.
    """
    pass_pattern_time(state, label, sample, fs, log)
    if not is_v:
        if state.previous >= 0:
            state.others += 1
        return
    in_place = state.previous >= 0 and state.others == others
    if in_place:
        if not state.repeats:
            state.first = state.previous
        state.repeats += 1
        state.last, state.odd = sample, 0
        if not state.is_open and state.repeats >= REPEATS:
            state.is_open = 1
            _write(state, label, OPENED, STILL_OPEN, fs, log)
    else:
        state.odd += 1
        if not state.is_open or state.odd > ODD:
            end_pattern(state, label, fs, log)
    state.previous, state.others = sample, 0


@compiled
def pass_pattern_time(
    state: State, label: int, now: int, fs: int, log: EpisodeLog
) -> None:
    """End the pattern when no V beat has come for 5 s at record sample ``now``.

    Delay: these 5 s.
    """
    if state.previous >= 0 and now - state.previous > LONGEST_S * fs:
        end_pattern(state, label, fs, log)


@compiled
def end_pattern(state: State, label: int, fs: int, log: EpisodeLog) -> None:
    """Close the pattern at the last V beat that was in place."""
    if state.is_open:
        _write(state, label, CHANGED, state.last, fs, log)
    state.others, state.repeats, state.first = 0, 0, 0
    state.last, state.odd, state.is_open, state.previous = 0, 0, 0, -1


@compiled
def _write(
    state: State, label: int, kind: int, end: int, fs: int, log: EpisodeLog
) -> None:
    beats = state.repeats + 1
    write(log, kind, label, state.first, end, beats, float(beats), 0.0, 0.0)
