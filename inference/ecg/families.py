"""Families of beats of one shape, learned while a record runs and without labels.

A beat inherits what its family shows: how common it is, how wide, whether its beats
come early and are followed by a pause. A family none of whose beats is among the last
256 is forgotten.
"""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.grid import BEFORE, WINDOW
from inference.ecg.types import Array, Real
from inference.ecg.windows import (
    QRS_END,
    QRS_START,
    SMALLEST_MV,
    T_START,
    correlation,
    rms,
)

FAMILIES_KEPT = 8
MEMBERS = 256  # beats whose family is remembered
ALIKE = 0.85
SHAPE_START, SHAPE_END = BEFORE - 16, BEFORE + 38  # QRS and T wave
SLOWEST = 16  # a beat counts for 1/16 at least
NARROW = 20.0  # per second: what a narrow QRS is worth as the patient's own,
ON_TIME = 3.0  # and a beat that is not early; against the log of the share
COMMON = 0.02

FAMILY_FEATURES = (
    "family_share",
    "family_pre",
    "family_post",
    "family_width",
    "family_is_own",
    "family_like_own",
    "own_share",
    "family_like",
    "pre_in_family",
    "own_like",
    "own_width_difference",
    "own_log_amplitude",
    "own_residual_qrs",
    "own_residual_t",
    "families",
    "post_in_family",
)

FAMILIES = np.dtype(
    [
        ("shapes", "f4", (FAMILIES_KEPT, WINDOW)),
        # Running means of each: log of pre- and post-RR against the upper
        # quartile, width in s, QRS peak-to-peak in mV.
        ("pre", "f4", (FAMILIES_KEPT,)),
        ("post", "f4", (FAMILIES_KEPT,)),
        ("width", "f4", (FAMILIES_KEPT,)),
        ("amplitude", "f4", (FAMILIES_KEPT,)),
        ("weight", "i8", (FAMILIES_KEPT,)),
        ("count", "i8", (FAMILIES_KEPT,)),  # of the remembered beats
        ("members", "u1", (MEMBERS,)),  # family + 1, 0: none; the latest last
    ],
    align=True,
)


@compiled
def _nearest(state: State, window: Real, amplitude: float) -> tuple[int, float]:
    """Return the family most like a beat of nearly its size, and how like; or -1."""
    best, most = -1, ALIKE
    shape = window[SHAPE_START:SHAPE_END]
    for k in range(FAMILIES_KEPT):
        size = state.amplitude[k]
        if state.count[k] and 0.5 * size < amplitude < 2 * size:
            like = correlation(shape, state.shapes[k, SHAPE_START:SHAPE_END])
            if like >= most:
                best, most = k, like
    return best, most


@compiled
def _forget_oldest(state: State) -> None:
    """Take the oldest remembered beat out of its family's count."""
    oldest = state.members[0]
    if oldest:
        family = oldest - 1
        state.count[family] -= 1
        if state.count[family] == 0:
            _clear(state, family)
    for k in range(MEMBERS - 1):
        state.members[k] = state.members[k + 1]
    state.members[MEMBERS - 1] = 0


@compiled
def _clear(state: State, family: int) -> None:
    """Forget a family and which beats were its own."""
    for k in range(WINDOW):
        state.shapes[family, k] = 0.0
    state.pre[family] = state.post[family] = 0.0
    state.width[family] = state.amplitude[family] = 0.0
    state.weight[family] = state.count[family] = 0
    for k in range(MEMBERS):
        if state.members[k] == family + 1:
            state.members[k] = 0


@compiled
def _to_front(state: State, family: int) -> None:
    """Make a family the first one: histories that agree end in the same order."""
    if family == 0:
        return
    shape = state.shapes[family].copy()
    pre, post = state.pre[family], state.post[family]
    width, amplitude = state.width[family], state.amplitude[family]
    weight, count = state.weight[family], state.count[family]
    for k in range(family, 0, -1):
        for j in range(WINDOW):
            state.shapes[k, j] = state.shapes[k - 1, j]
        state.pre[k], state.post[k] = state.pre[k - 1], state.post[k - 1]
        state.width[k] = state.width[k - 1]
        state.amplitude[k] = state.amplitude[k - 1]
        state.weight[k], state.count[k] = state.weight[k - 1], state.count[k - 1]
    for j in range(WINDOW):
        state.shapes[0, j] = shape[j]
    state.pre[0], state.post[0] = pre, post
    state.width[0], state.amplitude[0] = width, amplitude
    state.weight[0], state.count[0] = weight, count
    for k in range(MEMBERS):
        member = state.members[k]
        if member == family + 1:
            state.members[k] = 1
        elif 0 < member <= family:
            state.members[k] = member + 1


@compiled
def own_family(state: State) -> int:
    """Return the family of the patient's own beats: common, narrow, not early.

    ``state`` is a FAMILIES record; 0 before its first beat.
    """
    total = max(state.count.sum(), 1)
    best, most = 0, -np.inf
    for k in range(FAMILIES_KEPT):
        if not state.count[k]:
            continue
        value = np.log(state.count[k] / total) - NARROW * state.width[k]
        value += ON_TIME * min(state.pre[k], 0.1)
        if value > most:
            best, most = k, value
    return best


@compiled
def follow_families(
    state: State,
    window: Real,
    pre: float,
    post: float,
    width: float,
    amplitude: float,
    row: Array,
) -> None:
    """Write FAMILY_FEATURES [16] of a beat to ``row`` and let it join a family.

    ``window`` [96] in mV; ``pre`` and ``post`` are the bounded logs of its intervals
    against the upper quartile, 0 where unknown; ``width`` in s and ``amplitude`` in
    mV are its own. The means are those before this beat. Our own. Causal but for
    ``post``. Updates ``state`` (FAMILIES).
    """
    family, like = _nearest(state, window, amplitude)
    oldest = state.members[0]
    if oldest and oldest - 1 == family and state.count[family] == 1:
        family = -1  # its only beat is forgotten now
    _forget_oldest(state)
    is_new = family < 0
    if is_new:
        family = FAMILIES_KEPT - 1
        for k in range(FAMILIES_KEPT - 1, -1, -1):
            if state.count[k] < state.count[family]:
                family = k
        _clear(state, family)
        for k in range(WINDOW):
            state.shapes[family, k] = window[k]
        state.pre[family], state.post[family] = pre, post
        state.width[family], state.amplitude[family] = width, amplitude
        state.weight[family] = 1
        like = 1.0
    state.count[family] += 1
    state.members[MEMBERS - 1] = family + 1
    _to_front(state, family)

    total = state.count.sum()
    own, common = own_family(state), 0
    for k in range(FAMILIES_KEPT):
        common += state.count[k] > COMMON * total
    shape, usual = state.shapes[0], state.shapes[own]
    size = max(np.float64(state.amplitude[own]), SMALLEST_MV)
    row[0] = np.log(state.count[0] / total)
    row[1] = state.pre[0]
    row[2] = state.post[0]
    row[3] = 10 * (state.width[0] - state.width[own])
    row[4] = own == 0
    row[5] = correlation(shape[SHAPE_START:SHAPE_END], usual[SHAPE_START:SHAPE_END])
    row[6] = np.log(state.count[own] / total)
    row[7] = like
    row[8] = pre - state.pre[0]
    row[9] = correlation(window[QRS_START:QRS_END], usual[QRS_START:QRS_END])
    row[10] = 10 * (width - state.width[own])
    row[11] = np.log(amplitude / size)
    row[12] = rms(window[QRS_START:QRS_END], usual[QRS_START:QRS_END]) / size
    row[13] = rms(window[T_START:], usual[T_START:]) / size
    row[14] = common
    row[15] = post - state.post[0]
    if is_new:
        return
    state.weight[0] = min(state.weight[0] + 1, SLOWEST)
    share = 1.0 / state.weight[0]
    for k in range(WINDOW):
        old = np.float64(state.shapes[0, k])
        state.shapes[0, k] = old + share * (window[k] - old)
    state.pre[0] += share * (pre - state.pre[0])
    state.post[0] += share * (post - state.post[0])
    state.width[0] += share * (width - state.width[0])
    state.amplitude[0] += share * (amplitude - state.amplitude[0])
