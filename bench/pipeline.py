"""The released analysis, called as the worker and the file command call it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.day import FS
from inference.ecg import Analysis, RecordState, advance, finish, initial_state
from inference.ecg.types import Nets
from inference.nets import nets as released

SPAN_S = 600
Signal = NDArray[np.float32]


def move_on(
    states: Sequence[RecordState], signals: Sequence[Signal]
) -> list[RecordState]:
    """Return the states after the next blocks of each record."""
    return [state for state, _ in advance(states, signals, nets=released())]


def analyse_day(mv: Signal, nets: Nets | None = None) -> list[Analysis]:
    """Analyse a whole signal in pieces, as a file is."""
    nets = nets or released()
    state, parts = initial_state(fs=FS), []
    for start in range(0, len(mv), SPAN_S * FS):
        signal = mv[start : start + SPAN_S * FS]
        [(state, part)] = advance([state], [signal], nets=nets)
        parts.append(part)
    return [*parts, *finish([state], [mv[:0]], nets=nets)]
