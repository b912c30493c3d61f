"""Rows of ventricular beats: couplet, V run and ventricular tachycardia (VT)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from inference.ecg.bounds import MOST_VT_BEATS, Bounds
from inference.ecg.compiled import State, compiled
from inference.ecg.episode_log import (
    CHANGED,
    COUPLET,
    NONE,
    OPENED,
    STILL_OPEN,
    VRUN,
    VT,
    EpisodeLog,
    withdraw,
    write,
)
from inference.ecg.types import CLASSES

VENTRICULAR = CLASSES.index("V")
FUSION = CLASSES.index("F")
ARTEFACT = CLASSES.index("Q")
RUN_BEATS = 3
LONGEST_RR_S = 2.5

# Classes alone make twice as many false runs as true ones of unseen patients. On
# average over its beats, a run is of likely V beats,
LIKELY = 0.6
# wider than the patient's own beat (10 to 90 % of the slope, in units of 0.1 s),
WIDER = 0.05
# and either early against the local rhythm (log of the ratio) or beyond doubt.
EARLY = -0.05
BEYOND_DOUBT = 0.8
# One beat of a run may look like noise; it goes on where that may be a V beat.
POSSIBLE = 0.25
# In VT one beat is like the other; where they are not, noise is called V. But a long
# run may be of two kinds of beats in turn (bidirectional).
ALIKE = 0.2
LONG_RUN = 12

# The beats of the run up to now, the samples of its latest V beats, what is open,
# sums over its V beats: probability of V, wider; and over all V beats but the first:
# like the one before, early.
RUNS = np.dtype(
    [
        ("count", "i8"),
        ("fusion", "i8"),
        ("first", "i8"),
        ("last", "i8"),
        ("recent", "i8", (MOST_VT_BEATS,)),
        ("recent_count", "i8"),
        ("label", "i8"),
        ("changed", "i8"),
        ("seen", "i8"),
        ("likely", "f8"),
        ("wider", "f8"),
        ("alike", "f8"),
        ("early", "f8"),
    ],
    align=True,
)


class Look(NamedTuple):
    """What a beat looks like: its probability of V, and features of its class."""

    likely: float
    wider: float
    alike: float
    early: float


@compiled
def follow_runs(
    state: State,
    sample: int,
    aami_class: int,
    known_rr: bool,
    look: Look,
    limits: Bounds,
    fs: int,
    log: EpisodeLog,
) -> None:
    """Take the next readable beat; updates ``state`` (RUNS).

    ``sample`` is of the record. Three V beats in a row open a V run; when ``vt_beats``
    of them in a row come at ``vt_bpm`` or faster it becomes VT, from its first beat on,
    and stays VT. A fusion beat is a ventricular beat that met a conducted one, and runs
    often begin so: one directly before V beats counts as the first of the run, though
    not towards VT. A beat called Q that may be V counts as V within a run. A row that
    does not look like V beats is no run, however it is classified. Delay: it opens with
    the beat that makes it one.
    """
    pass_run_time(state, sample, fs, log)
    if aami_class == ARTEFACT and state.count and look.likely >= POSSIBLE:
        aami_class = VENTRICULAR
    if aami_class != VENTRICULAR or not known_rr:
        end_run(state, fs, log)
    if aami_class != VENTRICULAR and aami_class != FUSION:
        return
    if not state.count:
        state.first = sample
        state.fusion = 1 if aami_class == FUSION else 0
    state.count += 1
    state.last = sample
    if aami_class == FUSION:
        return
    _remember(state, sample, limits.vt_beats)
    _add_look(state, look)
    if state.label != VT and _is_vt(state, limits, fs):
        if state.label != NONE:
            withdraw(log, state.label, state.first, VT)
        state.label = VT
        _write(state, OPENED, STILL_OPEN, fs, log)
    elif state.label == NONE and state.count >= RUN_BEATS and _looks_v(state):
        state.label = VRUN
        _write(state, OPENED, STILL_OPEN, fs, log)
    elif state.label != NONE:
        state.changed = 1


@compiled
def pass_run_time(state: State, now: int, fs: int, log: EpisodeLog) -> None:
    """End a run whose next beat has not come for 2.5 s at record sample ``now``.

    Delay: these 2.5 s; the run ends at its last V beat.
    """
    if state.count and now - state.last > LONGEST_RR_S * fs:
        end_run(state, fs, log)


@compiled
def end_run(state: State, fs: int, log: EpisodeLog) -> None:
    """Close the run at its last V beat; two V beats alone were a couplet."""
    if state.label != NONE:
        _write(state, CHANGED, state.last, fs, log)
    elif state.count == 2 and not state.fusion and _looks_v(state):
        state.label = COUPLET
        _write(state, OPENED, state.last, fs, log)
    state.count, state.first, state.last, state.fusion = 0, 0, 0, 0
    state.recent[:] = 0
    state.recent_count, state.label, state.changed, state.seen = 0, NONE, 0, 0
    state.likely, state.wider, state.alike, state.early = 0.0, 0.0, 0.0, 0.0


@compiled
def tell_run(state: State, fs: int, log: EpisodeLog) -> None:
    """Write what has become of the open run since it was last told."""
    if state.changed:
        _write(state, CHANGED, STILL_OPEN, fs, log)
        state.changed = 0


@compiled
def _remember(state: State, sample: int, most: int) -> None:
    """Keep the samples of the latest ``most`` V beats, the latest last."""
    while state.recent_count and state.recent_count >= most:
        state.recent[: state.recent_count - 1] = state.recent[1 : state.recent_count]
        state.recent_count -= 1
        state.recent[state.recent_count] = 0
    state.recent[state.recent_count] = sample
    state.recent_count += 1


@compiled
def _add_look(state: State, look: Look) -> None:
    if state.seen:
        state.alike += look.alike
        state.early += look.early
    state.seen += 1
    state.likely += look.likely
    state.wider += look.wider


@compiled
def _looks_v(state: State) -> bool:
    """Tell whether the beats of the run look ventricular, taken together."""
    seen = state.seen
    if state.likely < LIKELY * seen or state.wider < WIDER * seen:
        return False
    sure = state.likely >= BEYOND_DOUBT * seen
    return bool(sure or state.early < EARLY * (seen - 1))


@compiled
def _is_vt(state: State, limits: Bounds, fs: int) -> bool:
    steps = state.recent_count - 1
    if state.count - state.fusion < limits.vt_beats or steps < 1:
        return False
    unlike = state.alike < ALIKE * (state.seen - 1) and state.seen < LONG_RUN
    if unlike or not _looks_v(state):
        return False
    span_s = (state.recent[steps] - state.recent[0]) / fs
    return bool(60 * steps >= limits.vt_bpm * span_s)


@compiled
def _write(state: State, kind: int, end: int, fs: int, log: EpisodeLog) -> None:
    rate = 60.0 * (state.count - 1) * fs / max(state.last - state.first, 1)
    write(
        log,
        kind,
        state.label,
        state.first,
        end,
        state.count,
        float(state.count),
        rate,
        float(state.fusion),
    )
