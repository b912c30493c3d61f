"""When the next R peak is due, as far as the last intervals tell.

Only a heart that beats regularly tells: of bigeminy, atrial fibrillation and runs
nothing is expected.
"""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import State, compiled

INTERVALS = 8  # the last ones, of which
LIKE = 0.12  # as many are to differ so little from their median, as a share of it,
SOME, MANY = 3.5, 6.0  # as this: with SOME nothing is expected, from MANY on all
# Of the median interval: up to EARLY_TO a beat comes early, from DUE_FROM to DUE_TO it
# is due, from LATE_FROM on late, and from LATE_TO on nothing is expected any more.
EARLY_TO, DUE_FROM, DUE_TO, LATE_FROM, LATE_TO = 0.75, 0.87, 1.0, 1.15, 2.0

EXPECTED = np.dtype(
    [
        ("last", "i8"),  # grid step of the last R peak
        ("intervals", "i8", (INTERVALS,)),  # in grid steps, latest last
        ("count", "i8"),  # R peaks so far, at most INTERVALS + 1
        ("usual", "f8"),  # median of the intervals,
        ("regular", "f8"),  # and how much it tells: 0 to 1
    ],
    align=True,
)


@compiled
def expect(state: State, step: int, early: float, due: float, late: float) -> float:
    """Return ``early``, ``due`` or ``late`` for an R peak at grid step ``step``.

    Between the spans it changes evenly, and it shrinks where intervals tell little.
    """
    if state.count <= INTERVALS:
        return 0.0
    since = (step - state.last) / state.usual
    if since >= LATE_TO:
        return 0.0
    if since <= EARLY_TO:
        part = early
    elif since <= DUE_FROM:
        part = early + (due - early) * (since - EARLY_TO) / (DUE_FROM - EARLY_TO)
    elif since <= DUE_TO:
        part = due
    elif since <= LATE_FROM:
        part = due + (late - due) * (since - DUE_TO) / (LATE_FROM - DUE_TO)
    else:
        part = late
    return float(part * state.regular)


@compiled
def remember_r_peak(state: State, step: int) -> None:
    """Take in the next R peak; updates ``state``."""
    if state.count > 0:
        state.intervals[:-1] = state.intervals[1:].copy()
        state.intervals[-1] = step - state.last
    state.last = step
    state.count = min(state.count + 1, INTERVALS + 1)
    if state.count <= INTERVALS:
        return
    ordered = np.sort(state.intervals)
    state.usual = (ordered[INTERVALS // 2 - 1] + ordered[INTERVALS // 2]) / 2
    like = 0
    for k in range(INTERVALS):
        like += abs(ordered[k] - state.usual) <= LIKE * state.usual
    state.regular = min(max((like - SOME) / (MANY - SOME), 0.0), 1.0)
