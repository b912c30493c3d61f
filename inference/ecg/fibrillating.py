"""Episodes of atrial fibrillation, from the probability that stands at each beat."""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.episode_log import (
    AF,
    CHANGED,
    OPENED,
    STILL_OPEN,
    EpisodeLog,
    write,
)

# It must be all but certain once, and may be doubtful for long: chosen on afdb and on
# what is called in svdb.
ENTER, MIDDLE, LEAVE = 0.98, 0.2, 0.03
# A probability looks back over 64 intervals: where it crosses the middle, the change
# lies about half of them back.
BACK = 32
LEAST_S = 40.0  # of readable fibrillation before it is an episode
MERGED_S = 60.0  # without fibrillation end it; what is shorter is part of it
LONGEST_RR_S = 3.0  # what lies between beats further apart is not counted
LOST_S = 120.0  # without a readable beat end it

# The samples of the last beats; since when it may fibrillate and how many samples
# were readable since the probability said so; since when it may have ended (-1: no)
# and when the probability said so; the last beat; beats and readable samples since
# the onset, and up to the end that may have been.
AF_STATE = np.dtype(
    [
        ("recent", "i8", (BACK,)),
        ("count", "i8"),
        ("since", "i8"),
        ("lasted", "i8"),
        ("entered", "i8"),
        ("ended", "i8"),
        ("crossed", "i8"),
        ("certain", "i8"),
        ("last", "i8"),
        ("beats", "i8"),
        ("span", "i8"),
        ("ended_beats", "i8"),
        ("ended_span", "i8"),
        ("is_open", "i8"),
    ],
    align=True,
)


@compiled
def start_af(state: State) -> None:
    """Set the state before the first beat."""
    state.last = -1
    _forget(state)


@compiled
def follow_af(
    state: State, sample: int, probability: float, fs: int, log: EpisodeLog
) -> None:
    """Take the next readable beat whose interval is known.

    Updates ``state`` (AF_STATE). ``sample`` is of the record, ``probability`` what
    stands at the beat. Our own. Delay: an episode opens after 30 s of readable
    fibrillation and ends when 2 min brought none; onset and end are put back by 32
    beats, to where the rhythm changed.
    """
    pass_af_time(state, sample, fs, log)
    gap = sample - state.last
    if state.last < 0 or gap > LONGEST_RR_S * fs:
        gap = 0
    _remember(state, sample)
    if state.since < 0:
        if probability < MIDDLE:
            return
        state.since, state.beats = state.recent[0], state.count
        state.span = sample - state.since
    else:
        state.beats += 1
        state.span += gap
        state.lasted += gap
    if probability >= ENTER:
        state.entered = 1
    if probability >= MIDDLE:
        # What left for certain is back only when it is as certain.
        if probability >= ENTER or not state.certain:
            state.ended, state.certain = -1, 0
        if not state.is_open and state.entered and state.lasted >= LEAST_S * fs:
            state.is_open = 1
            _write(state, OPENED, STILL_OPEN, fs, log)
        return
    if not state.is_open:
        _forget(state)
        return
    if state.ended < 0:
        back = sample - state.recent[0]
        state.ended = max(sample - back, state.since + 1)
        state.ended_beats = max(state.beats - state.count + 1, 2)
        state.ended_span = max(state.span - back, 1)
        state.crossed = sample
    state.certain |= probability < LEAVE
    if sample - state.crossed > MERGED_S * fs:
        end_af(state, fs, log)


@compiled
def pass_af_time(state: State, now: int, fs: int, log: EpisodeLog) -> None:
    """End what is open when no beat was readable for 2 min at record sample ``now``.

    Delay: these 2 min; it ends at the last readable beat.
    """
    if state.last >= 0 and now - state.last > LOST_S * fs:
        end_af(state, fs, log)
        state.recent[:] = 0
        state.count, state.last = 0, -1


@compiled
def end_af(state: State, fs: int, log: EpisodeLog) -> None:
    """Close what is open where it ended, or at the last readable beat."""
    if state.is_open:
        end = state.last
        if state.ended >= 0:
            end = state.ended
            state.beats, state.span = state.ended_beats, state.ended_span
        _write(state, CHANGED, max(end, state.since + 1), fs, log)
    _forget(state)


@compiled
def _remember(state: State, sample: int) -> None:
    """Keep the samples of the last beats, the latest last."""
    if state.count == BACK:
        state.recent[:-1] = state.recent[1:].copy()
        state.count -= 1
    state.recent[state.count] = sample
    state.count += 1
    state.last = sample


@compiled
def _forget(state: State) -> None:
    state.since, state.ended, state.crossed = -1, -1, -1
    state.lasted, state.entered, state.certain, state.is_open = 0, 0, 0, 0
    state.beats, state.span, state.ended_beats, state.ended_span = 0, 0, 0, 0


@compiled
def _write(state: State, kind: int, end: int, fs: int, log: EpisodeLog) -> None:
    rate = 60.0 * (state.beats - 1) * fs / max(state.span, 1)
    write(log, kind, AF, state.since, end, state.beats, rate, rate, 0.0)
