"""The released analysis, called as the worker and the file command call it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.day import FS
from inference.ecg import Analysis, advance, finish, initial_state
from inference.ecg.pipeline import RecordState
from inference.nets import nets

SPAN_S = 600
Signal = NDArray[np.float32]


def move_on(
    states: Sequence[RecordState], signals: Sequence[Signal]
) -> list[RecordState]:
    """Return the states after the next blocks of each record."""
    found = advance(states, signals, classify=nets().classify)
    return [state for state, _ in found]


def analyse_day(mv: Signal) -> list[Analysis]:
    """Analyse a whole signal in pieces, as a file is."""
    state, parts = initial_state(fs=FS), []
    for start in range(0, len(mv), SPAN_S * FS):
        signal = mv[start : start + SPAN_S * FS]
        [(state, part)] = advance([state], [signal], classify=nets().classify)
        parts.append(part)
    return [*parts, *finish([state], [mv[:0]], classify=nets().classify)]
