"""Missing samples: hold the last value, so that no NaN reaches a filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from inference.ecg.types import Array, Mask, Signal

LONG_GAP_S = 0.2
RAMP_S = 4
ABSURD_MV = 1e6


@dataclass
class GapState:
    """The last value, the open gap's length, the correction of steps."""

    held: float = 0.0
    missing: int = 1 << 30  # a record starts as after a long gap
    step: float = 0.0
    ramp: int = 0  # samples until the correction has faded


class Filled(NamedTuple):
    """``signal`` without holes, its ``correction``, what was ``missing``; all [n]."""

    signal: Array
    correction: Array
    missing: Mask


def fill_gaps(state: GapState, mv: Signal, fs: int) -> Filled:
    """Return ``mv`` [n] without holes, and what to add before filtering it.

    A missing sample (NaN, infinite or absurdly large) repeats the last value.
    After a gap of more than 0.2 s, and at the start, signal plus correction goes
    on from the held value and the correction fades within 4 s: the step would
    ring in every filter. No delay; updates ``state``.
    """
    signal = mv.astype(np.float64)
    correction = np.zeros(len(signal))
    with np.errstate(invalid="ignore"):
        missing = ~(np.abs(signal) < ABSURD_MV)
    if not len(signal):
        return Filled(signal, correction, missing)
    edges = np.flatnonzero(missing[1:] != missing[:-1]) + 1
    starts = np.concatenate(([0], edges))
    stops = np.concatenate((edges, [len(signal)]))
    whole = RAMP_S * fs
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        if missing[start]:
            signal[start:stop] = state.held
            correction[start:stop] = state.step * (state.ramp / whole)
            state.missing = min(state.missing + stop - start, 1 << 30)
            continue
        if state.missing > LONG_GAP_S * fs:
            before = state.held + state.step * (state.ramp / whole)
            state.step, state.ramp = before - float(signal[start]), whole
        state.missing = 0
        if state.ramp:
            left = state.ramp - np.arange(min(stop - start, state.ramp))
            correction[start : start + len(left)] = state.step * (left / whole)
            state.ramp -= len(left)
            state.step = state.step if state.ramp else 0.0
        state.held = float(signal[stop - 1])
    return Filled(signal, correction, missing)
