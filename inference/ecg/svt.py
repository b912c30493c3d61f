"""Runs of supraventricular beats (SVT)."""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.episode_log import (
    CHANGED,
    OPENED,
    STILL_OPEN,
    SVT,
    EpisodeLog,
    write,
)
from inference.ecg.types import CLASSES

SUPRAVENTRICULAR = CLASSES.index("S")
RUN_BEATS = 3
SLOWEST_BPM = 100.0
LONGEST_RR_S = 1.2

# The beats of the run up to now, whether it is open, and has changed since told.
SVT_RUN = np.dtype(
    [
        ("count", "i8"),
        ("first", "i8"),
        ("last", "i8"),
        ("is_open", "i8"),
        ("changed", "i8"),
    ],
    align=True,
)


@compiled
def follow_svt(
    state: State,
    sample: int,
    aami_class: int,
    known_rr: bool,
    fibrillates: bool,
    fs: int,
    log: EpisodeLog,
) -> None:
    """Take the next readable beat: three S in a row at 100/min or faster open a run.

    In atrial fibrillation every beat may look early: no run begins there. ``sample`` is
    of the record; updates ``state`` (SVT_RUN). Delay: it opens with its third beat, and
    is from the first on.
    """
    pass_svt_time(state, sample, fs, log)
    if aami_class != SUPRAVENTRICULAR or not known_rr:
        end_svt(state, fs, log)
    if aami_class != SUPRAVENTRICULAR:
        return
    if not state.count:
        state.first = sample
    state.count += 1
    state.last = sample
    if state.is_open:
        state.changed = 1
    elif state.count >= RUN_BEATS and rate_of(state, fs) >= SLOWEST_BPM:
        if fibrillates:
            return
        state.is_open = 1
        _write(state, OPENED, STILL_OPEN, fs, log)


@compiled
def pass_svt_time(state: State, now: int, fs: int, log: EpisodeLog) -> None:
    """End a run whose next beat has not come for 1.2 s at record sample ``now``.

    Delay: these 1.2 s; the run ends at its last S beat.
    """
    if state.count and now - state.last > LONGEST_RR_S * fs:
        end_svt(state, fs, log)


@compiled
def end_svt(state: State, fs: int, log: EpisodeLog) -> None:
    """Close the run at its last S beat."""
    if state.is_open:
        _write(state, CHANGED, state.last, fs, log)
    state.count, state.first, state.last = 0, 0, 0
    state.is_open, state.changed = 0, 0


@compiled
def tell_svt(state: State, fs: int, log: EpisodeLog) -> None:
    """Write what has become of the open run since it was last told."""
    if state.changed:
        _write(state, CHANGED, STILL_OPEN, fs, log)
        state.changed = 0


@compiled
def rate_of(state: State, fs: int) -> float:
    """Return the rate of a run per minute, ``fs`` in Hz."""
    return float(60.0 * (state.count - 1) * fs / max(state.last - state.first, 1))


@compiled
def _write(state: State, kind: int, end: int, fs: int, log: EpisodeLog) -> None:
    count, rate = state.count, rate_of(state, fs)
    write(log, kind, SVT, state.first, end, count, float(count), rate, 0.0)
