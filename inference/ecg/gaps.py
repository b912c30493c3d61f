"""Missing samples: hold the last value, so that no NaN reaches a filter."""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.types import Array, Mask, Signal

LONG_GAP_S = 0.2
RAMP_S = 4
ABSURD_MV = 1e6
ENDLESS = 1 << 30

# The last value, the open gap's length, the correction of steps and how many
# samples it has until it has faded.
GAPS = np.dtype(
    [("held", "f8"), ("missing", "i8"), ("step", "f8"), ("ramp", "i8")], align=True
)


@compiled
def start_gaps(state: State) -> None:
    """Set the state before sample 0: a record starts as after a long gap."""
    state.missing = ENDLESS


@compiled
def fill_gaps(state: State, mv: Signal, fs: int) -> tuple[Array, Array, Mask]:
    """Return ``mv`` [n] without holes, what to add before filtering it, the holes.

    All three are [n], float64, float64 and bool. A missing sample (NaN, infinite or
    beyond 1e6 mV) repeats the last value. After a gap of more than 0.2 s, and at the
    start, signal plus correction goes on from the held value and the correction fades
    within 4 s: the step would ring in every filter. Our own. No delay; updates
    ``state``.
    """
    n = len(mv)
    signal, correction = np.empty(n), np.zeros(n)
    missing = np.zeros(n, np.bool_)
    whole = RAMP_S * fs
    held, step, ramp = state.held, state.step, state.ramp
    gap = state.missing
    for i in range(n):
        value = np.float64(mv[i])
        if not abs(value) < ABSURD_MV:
            missing[i] = True
            signal[i] = held
            if ramp:
                correction[i] = step * (ramp / whole)
            gap += 1
            continue
        if gap:
            if gap > LONG_GAP_S * fs:
                step, ramp = held + step * (ramp / whole) - value, whole
            gap = 0
        signal[i] = held = value
        if ramp:
            correction[i] = step * (ramp / whole)
            ramp -= 1
            if not ramp:
                step = 0.0
    state.held, state.step, state.ramp = held, step, ramp
    state.missing = min(gap, ENDLESS)
    return signal, correction, missing
