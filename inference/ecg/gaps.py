"""Missing samples: hold the last value, so that no NaN reaches a filter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inference.ecg.types import Array, Mask, Signal

LONG_GAP_S = 0.2
ABSURD_MV = 1e6


@dataclass
class GapState:
    """The last value given out, the step taken out, the open gap's length."""

    held: float = 0.0
    offset: float = 0.0
    missing: int = 1 << 30  # a record starts as after a long gap


def fill_gaps(state: GapState, mv: Signal, fs: int) -> tuple[Array, Mask]:
    """Return ``mv`` [n] without holes, and the mask [n] of what was missing.

    A missing sample (NaN, infinite or absurdly large) repeats the last value.
    After a gap of more than 0.2 s, and at the start, the signal goes on from the
    held value instead of jumping: the step would ring in every filter for
    seconds, and a constant means nothing to them. No delay; updates ``state``.
    """
    signal = mv.astype(np.float64)
    with np.errstate(invalid="ignore"):
        missing = ~(np.abs(signal) < ABSURD_MV)
    if not len(signal):
        return signal, missing
    edges = np.flatnonzero(missing[1:] != missing[:-1]) + 1
    starts = np.concatenate(([0], edges))
    stops = np.concatenate((edges, [len(signal)]))
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        if missing[start]:
            signal[start:stop] = state.held
            state.missing = min(state.missing + stop - start, 1 << 30)
            continue
        if state.missing > LONG_GAP_S * fs:
            state.offset = state.held - float(signal[start])
        state.missing = 0
        signal[start:stop] += state.offset
        state.held = float(signal[stop - 1])
    return signal, missing
