"""The recurrent layer as it can run live: what it remembers of the beats before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from inference.ecg.compiled import State
from inference.ecg.grid import GRID_FS
from inference.ecg.types import CLASSES, Array, Samples, Signal

MEMBERS = 2  # nets whose probabilities are averaged
UNITS = 48  # of each net's recurrent layer
HIDDEN = 48  # of the layer between it and the classes
EACH = 3 * UNITS + HIDDEN  # what is made of a beat for one net
ENCODED = MEMBERS * EACH
LEAST = 1e-7  # a probability's logarithm is taken of at least this
HALF, ONE = np.float32(0.5), np.float32(1)
# Rounding keeps differences alive, however long past what made them. So there are two
# sets of units, which begin anew in turn: the older remembers 2 to 4 minutes.
SETS = 2
TERM_S = 120
TERM = TERM_S * GRID_FS

SHAPES = {
    "gates": (MEMBERS, UNITS, 3 * UNITS),
    "gate_biases": (MEMBERS, 3 * UNITS),
    "hidden": (MEMBERS, UNITS, HIDDEN),
    "last": (MEMBERS, HIDDEN, len(CLASSES)),
    "last_biases": (MEMBERS, len(CLASSES)),
}

# What is carried from beat to beat: the current term, and the units.
RECURRENT = np.dtype(
    [("term", "i8"), ("units", "f4", (SETS, MEMBERS, UNITS))], align=True
)


class Recurrent(NamedTuple):
    """Weights float32 of the nets' layers, and the temperature of their mean.

    ``gates`` with ``gate_biases`` lead from a net's units to their update gates, reset
    gates and candidates; ``hidden`` from them to the next layer, ``last`` with
    ``last_biases`` from there to the classes. Their shapes are SHAPES.
    """

    gates: Signal
    gate_biases: Signal
    hidden: Signal
    last: Signal
    last_biases: Signal
    temperature: float


@njit(error_model="numpy")
def _softsign(x: np.float32) -> np.float32:
    return x / (ONE + abs(x))


@njit(error_model="numpy")
def _move_units(
    units: Signal, seen: Signal, gates: Signal, biases: Signal, own: Signal
) -> None:
    """Move the units [48] of one net on by a beat.

    ``seen`` [144] is what the beat adds to the gates; ``own`` [144] is to work in.
    """
    own[:] = biases
    for i in range(UNITS):
        for j in range(3 * UNITS):
            own[j] += units[i] * gates[i, j]
    for j in range(UNITS):
        update = HALF + HALF * _softsign(seen[j] + own[j])
        reset = HALF + HALF * _softsign(seen[UNITS + j] + own[UNITS + j])
        candidate = _softsign(seen[2 * UNITS + j] + reset * own[2 * UNITS + j])
        units[j] = update * units[j] + (ONE - update) * candidate


@njit(error_model="numpy")
def _begin_term(state: State, term: int) -> None:
    """Let the units begin anew whose turn it is."""
    if term != state.term:
        state.units[term % SETS] = 0.0
        if term != state.term + 1:
            state.units[(term + 1) % SETS] = 0.0
        state.term = term


@njit(error_model="numpy")
def follow_beats(
    state: State, r_peaks: Samples, encoded: Signal, net: Recurrent
) -> Signal:
    """Return the probabilities float32[n, 5] of n beats in order; moves ``state`` on.

    ``state`` is a RECURRENT record, zeroed at the beginning of a record; ``r_peaks``
    int64[n] are grid steps, ``encoded`` float32[n, 384] is what the nets before this
    layer make of each beat. Gated recurrent units (Cho et al. 2014; reset after the
    product, as in Keras) whose gates are x / (1 + |x|) instead of exponentials: the
    same state on every machine. What is more than 4 min past is forgotten. Beats one by
    one and many at once give the same. No delay.
    """
    said = np.zeros((len(encoded), len(CLASSES)), np.float32)
    own, hidden = np.empty(3 * UNITS, np.float32), np.empty(HIDDEN, np.float32)
    score = np.empty(len(CLASSES))
    for n in range(len(encoded)):
        _begin_term(state, r_peaks[n] // TERM)
        older = state.units[(state.term + 1) % SETS]
        score[:] = 0.0
        for m in range(MEMBERS):
            at = m * EACH
            for k in range(SETS):
                _move_units(
                    state.units[k, m],
                    encoded[n, at:],
                    net.gates[m],
                    net.gate_biases[m],
                    own,
                )
            hidden[:] = encoded[n, at + 3 * UNITS : at + EACH]
            for i in range(UNITS):
                for j in range(HIDDEN):
                    hidden[j] += older[m, i] * net.hidden[m, i, j]
            _add_probabilities(hidden, net.last[m], net.last_biases[m], score)
        _calibrate(score, net.temperature, said[n])
    return said


@njit(error_model="numpy")
def _add_probabilities(
    hidden: Signal, last: Signal, biases: Signal, total: Array
) -> None:
    """Add what one net says, from its last hidden layer [48], to ``total`` [5]."""
    score = np.empty(len(total))
    for c in range(len(total)):
        score[c] = biases[c]
        for j in range(HIDDEN):
            score[c] += max(hidden[j], np.float32(0)) * last[j, c]
    power = np.exp(score - score.max())
    whole = power.sum()
    for c in range(len(total)):
        total[c] += power[c] / whole


@njit(error_model="numpy")
def _calibrate(total: Array, temperature: float, said: Signal) -> None:
    """Fill ``said`` [5] with the mean probabilities at a temperature."""
    power = np.empty(len(total))
    for c in range(len(total)):
        power[c] = max(total[c] / MEMBERS, LEAST) ** (1 / temperature)
    whole = power.sum()
    for c in range(len(total)):
        said[c] = power[c] / whole
