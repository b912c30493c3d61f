"""How much of a beat is the patient's own, and how much another beat of his.

In a fusion beat the ventricles are excited from two sides at once, so that its QRS
and T are about a weighted sum of a normal and a ventricular beat. The weights are found
by least squares against two families of shapes: the patient's own, and the widest
that is not like it.
"""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.families import FAMILIES_KEPT, SHAPE_END, SHAPE_START
from inference.ecg.types import Array, Real
from inference.ecg.windows import P_END, P_START, correlation, rms

LEAST_MEMBERS = 3  # a family of fewer beats may be noise
UNLIKE = 0.8  # a family more like the patient's own is no other beat
WIDER = 40.0  # per second of width, against the log of the share
SHIFT = 2  # grid steps by which each part may be moved
NO_OTHER = -1

MIXTURE_FEATURES = (
    "mixture_share",
    "mixture_left",
    "mixture_left_own",
    "mixture_left_other",
    "like_other",
    "other_share",
    "other_width",
    "other_pre",
    "mixture_residual_p",
)


@compiled
def other_family(state: State, own: int) -> int:
    """Return the family of the patient's widest common beats that are not his own.

    ``state`` is a FAMILIES record; NO_OTHER where there is none.
    """
    usual = state.shapes[own, SHAPE_START:SHAPE_END]
    best, most = NO_OTHER, -np.inf
    for k in range(FAMILIES_KEPT):
        if k == own or state.count[k] < LEAST_MEMBERS:
            continue
        if correlation(state.shapes[k, SHAPE_START:SHAPE_END], usual) > UNLIKE:
            continue
        value = np.log(state.count[k]) + WIDER * state.width[k]
        if value > most:
            best, most = k, value
    return best


@compiled
def _left_of(beat: Real, own: Real, other: Real, out: Array) -> None:
    """Write share of ``other`` and what is left of a mixture [k] to ``out`` [2].

    All of [m]; the weights are those of least squares, at least 0. What is left is
    the rest's power over the beat's.
    """
    bb, oo, vv, bo, bv, ov = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(len(beat)):
        b, o, v = np.float64(beat[k]), np.float64(own[k]), np.float64(other[k])
        bb += b * b
        oo += o * o
        vv += v * v
        bo += b * o
        bv += b * v
        ov += o * v
    bb, oo, vv = max(bb, 1e-9), max(oo, 1e-9), max(vv, 1e-9)
    det = oo * vv - ov * ov
    a, c = max(bo, 0.0) / oo, 0.0
    if det > 1e-6 * oo * vv:
        a, c = (bo * vv - bv * ov) / det, (bv * oo - bo * ov) / det
        if c < 0.0:
            a, c = max(bo, 0.0) / oo, 0.0
        elif a < 0.0:
            a, c = 0.0, max(bv, 0.0) / vv
    left = bb - 2 * a * bo - 2 * c * bv + a * a * oo + c * c * vv + 2 * a * c * ov
    weight = a * np.sqrt(oo) + c * np.sqrt(vv)
    out[0] = c * np.sqrt(vv) / max(weight, 1e-9)
    out[1] = max(left, 0.0) / bb


@compiled
def describe_mixture(state: State, own: int, window: Real, row: Array) -> None:
    """Write MIXTURE_FEATURES [9] of a beat to ``row``; 0 where there is no other beat.

    ``state`` is the FAMILIES record before the beat joined it, ``own`` its family of
    the patient's own beats, ``window`` [96] in mV. Both parts may be moved by 16 ms.
    No delay.
    """
    for k in range(len(MIXTURE_FEATURES)):
        row[k] = 0.0
    other = other_family(state, own)
    if other == NO_OTHER:
        return
    beat = window[SHAPE_START:SHAPE_END]
    pair = np.empty(2)
    share, least, least_own, least_other = 0.0, np.inf, np.inf, np.inf
    for i in range(-SHIFT, SHIFT + 1, 2):
        usual = state.shapes[own, SHAPE_START + i : SHAPE_END + i]
        for j in range(-SHIFT, SHIFT + 1, 2):
            wide = state.shapes[other, SHAPE_START + j : SHAPE_END + j]
            _left_of(beat, usual, wide, pair)
            if pair[1] < least:
                share, least = pair[0], pair[1]
            if i == -SHIFT:
                _left_of(beat, wide, wide, pair)
                least_other = min(least_other, pair[1])
        _left_of(beat, usual, usual, pair)
        least_own = min(least_own, pair[1])
    row[0] = share
    row[1] = np.sqrt(least)
    row[2] = np.sqrt(least_own)
    row[3] = np.sqrt(least_other)
    row[4] = correlation(beat, state.shapes[other, SHAPE_START:SHAPE_END])
    row[5] = np.log(state.count[other] / max(state.count.sum(), 1))
    row[6] = 10 * (state.width[other] - state.width[own])
    row[7] = state.pre[other]
    size = max(np.float64(state.amplitude[own]), 0.02)
    p_waves = state.shapes[own, P_START:P_END]
    row[8] = rms(window[P_START:P_END], p_waves) / size
