"""Paced beats: a spike, and out of it a wide QRS.

The signal's steepness is kept on the grid as the largest of each step, so that a
spike of 2 ms stays one. What tells a paced beat from bundle branch block or a V beat
is that nothing moves before the steepest place and that it is much steeper than what
follows. Of signal sampled at less than 200 Hz nobody can tell.
"""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.episode_log import (
    CHANGED,
    OPENED,
    PACED,
    STILL_OPEN,
    EpisodeLog,
    write,
)
from inference.ecg.grid import GRID_FS
from inference.ecg.types import Array, Signal

SLOWEST_FS = 200
KEPT = 640  # steps: the longest wait for a class, and what lies around a beat
BEFORE, AFTER = 20, 8  # steps around an R peak in which its spike lies
AHEAD, TAIL = 10, 18  # steps before and after a spike that are compared
FIFTH = 5  # of them the fifth steepest stands for the QRS
WIDE_S = 0.08  # from 10 to 90 % of the slope
PEAKED = 2.3
STILL = 0.35  # movement before the spike against that after it
LAST = 10  # beats are looked at
ENTER, LEAVE = 7, 2  # paced ones of them that begin and end an episode
KNOWN_S = 600  # since the last episode that a pacemaker is known of

PACING = np.dtype(
    [
        ("steep", "f4", (KEPT,)),
        ("kept", "i8"),
        ("step", "i8"),
        ("value", "f8"),
        ("paced", "i8", (LAST,)),
        ("samples", "i8", (LAST,)),
        ("beats", "i8"),
        ("onset", "i8"),
        ("last", "i8"),
        ("is_open", "i8"),
        ("known_until", "i8"),
    ],
    align=True,
)


@compiled
def add_steepness(state: State, mv: Signal, fs: int) -> Array:
    """Return the steepness kept and that of the next blocks, [kept + k].

    ``mv`` [n] at ``fs`` Hz are whole blocks; in mV/s, one number per grid step, the
    largest in it; the last of them is step ``state.step - 1``. Updates ``state``
    (PACING). No delay.
    """
    old = state.kept
    new = len(mv) * GRID_FS // fs
    steep = np.zeros(old + new)
    steep[:old] = state.steep[:old]
    value = state.value if state.step or not len(mv) else mv[0]
    at, phase, steepest = old, 0, 0.0
    for k in range(len(mv)):
        if at == len(steep):
            break  # less than a grid step is left where the record ends
        slope = abs(mv[k] - value) * fs
        steepest = slope if slope > steepest else steepest  # NaN is not steep
        value = mv[k]
        phase += GRID_FS
        if phase >= fs:
            steep[at], steepest = steepest, 0.0
            phase -= fs
            at += 1
    state.value = value
    state.step += new
    state.kept = min(len(steep), KEPT)
    state.steep[: state.kept] = steep[len(steep) - state.kept :]
    return steep


@compiled
def is_paced(steep: Array, at: int, width_s: float, fs: int) -> bool:
    """Tell whether the beat whose R peak is at index ``at`` came of a spike.

    ``steep`` [n] is in mV/s, ``width_s`` the width of its QRS in s. Never below 200 Hz
    or without the signal around it. Our own. Needs 208 ms of ``steep`` after the R
    peak.
    """
    if width_s < WIDE_S or fs < SLOWEST_FS:
        return False
    if at - BEFORE - AHEAD - 1 < 0 or at + AFTER + TAIL > len(steep):
        return False
    spike = at - BEFORE + int(np.argmax(steep[at - BEFORE : at + AFTER]))
    before = steep[spike - AHEAD - 1 : spike - 1].sum()
    after = steep[spike + 2 : spike + TAIL].sum()
    if before > STILL * after:
        return False
    around = np.sort(steep[spike - AHEAD : spike + TAIL])
    return bool(steep[spike] > PEAKED * around[len(around) - FIFTH])


@compiled
def follow_pacing(
    state: State, sample: int, paced: bool, fs: int, log: EpisodeLog
) -> None:
    """Take the next readable beat; updates ``state`` (PACING).

    ``sample`` is of the record. Delay: an episode opens with the 7th paced of ten
    beats, and its onset is the first of them; it ends when 2 of ten are left.
    """
    state.paced[:-1] = state.paced[1:].copy()
    state.samples[:-1] = state.samples[1:].copy()
    state.paced[LAST - 1], state.samples[LAST - 1] = 1 if paced else 0, sample
    if state.is_open and paced:
        state.beats += 1
        state.last = sample
    count = state.paced.sum()
    if not state.is_open and count >= ENTER:
        first = int(np.argmax(state.paced))
        state.is_open, state.onset = 1, state.samples[first]
        state.beats, state.last = count, sample if paced else state.samples[first]
        _write(state, OPENED, STILL_OPEN, fs, log)
    elif state.is_open and count <= LEAVE:
        state.known_until = sample + KNOWN_S * fs
        end_pacing(state, fs, log)


@compiled
def is_pacing_known(state: State, sample: int, fs: int) -> bool:
    """Tell whether the patient has a pacemaker that was at work in the last 10 min.

    A beat that comes of a spike is then paced although most are not. No delay.
    """
    if state.known_until and sample > state.known_until:
        state.known_until = 0
    return bool(state.is_open or state.known_until)


@compiled
def end_pacing(state: State, fs: int, log: EpisodeLog) -> None:
    """Close what is open at the last paced beat."""
    if state.is_open:
        _write(state, CHANGED, max(state.last, state.onset + 1), fs, log)
    state.is_open, state.onset, state.last, state.beats = 0, 0, 0, 0


@compiled
def _write(state: State, kind: int, end: int, fs: int, log: EpisodeLog) -> None:
    rate = 60.0 * (state.beats - 1) * fs / max(state.last - state.onset, 1)
    write(log, kind, PACED, state.onset, end, state.beats, rate, rate, 0.0)
