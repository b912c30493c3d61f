"""R peaks of a day and nothing else: neither classes nor episodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.day import FS
from bench.pipeline import SPAN_S
from inference.ecg import initial_state
from inference.ecg.detector import find_votes
from inference.ecg.fusion import fuse
from inference.ecg.turns import cut_blocks, look_ahead
from inference.nets import nets


def find_day(mv: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the grid steps of the R peaks, found in pieces as a file's are."""
    state, found = initial_state(fs=FS), [np.zeros(0, np.int64)]
    front = state.data[0]["front"]
    for start in range(0, len(mv), SPAN_S * FS):
        signal = mv[start : start + SPAN_S * FS]
        turns = [[block] for block in cut_blocks(0, FS, signal, ended=False)]
        for _, [taken], [heat] in look_ahead([state], turns, nets()):
            at = (taken.blind, taken.first)
            votes = find_votes(front["detector"], taken.energy, *at)
            found.append(fuse(front["fusion"], heat, votes, *at))
    return np.concatenate(found)
